"""Stored bits are the scanner's, and a damaged stream is never an image."""

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from pydicom import Dataset, uid
from pydicom.encaps import encapsulate

from tests.intake.series import Change, body, enhanced, loaded, rejected, series, write

Encode = Callable[[np.ndarray], bytes]
LOSSLESS: list[tuple[str, Encode]] = [
    (uid.JPEGLSLossless, imagecodecs.jpegls_encode),
    (uid.JPEG2000Lossless, lambda a: imagecodecs.jpeg2k_encode(a, level=0, codecformat="j2k")),
    (uid.JPEGLosslessSV1, lambda a: imagecodecs.ljpeg_encode(a, bitspersample=16)),
]


def stored(header: Dataset) -> np.ndarray:
    return np.frombuffer(header.PixelData, "<u2").reshape(header.Rows, header.Columns)


def encoded(syntax: str, encode: Encode, *, spoil: Callable[[bytes], bytes] = bytes) -> Change:
    """Encode every image; spoil the stream of the sixth."""

    def change(header: Dataset, number: int) -> None:
        stream = encode(stored(header))
        header.file_meta.TransferSyntaxUID = syntax
        header.PixelData = encapsulate([spoil(stream) if number == 5 else stream])
        header["PixelData"].VR = "OB"
        header["PixelData"].is_undefined_length = True

    return change


def ended_early(stream: bytes) -> bytes:
    """Cut in the middle and filled up with zeros: the file's own lengths stay right."""
    return stream[: len(stream) // 2] + bytes(len(stream) - len(stream) // 2)


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS)
def test_lossless_codecs_give_the_stored_values(
    syntax: str, encode: Encode, tmp_path: Path
) -> None:
    volume = loaded(write(tmp_path / "study", series(encoded(syntax, encode))))
    np.testing.assert_array_equal(volume.hu, [body(number) for number in range(12)])


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS)
@pytest.mark.parametrize(
    "spoil",
    [
        ended_early,
        lambda stream: bytes(60) + stream[60:],
        lambda stream: stream[: len(stream) // 3],
    ],
    ids=["zeros-at-the-end", "zeros-at-the-start", "short"],
)
def test_a_damaged_stream_is_an_error(
    syntax: str, encode: Encode, spoil: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    folder = write(tmp_path / "study", series(encoded(syntax, encode, spoil=spoil)))
    assert rejected(folder)["damaged-file"].detail == {"files": 1}


def test_a_stream_of_another_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    huge = imagecodecs.jpegls_encode(np.zeros((2000, 2000), np.uint16))
    change = encoded(uid.JPEGLSLossless, imagecodecs.jpegls_encode, spoil=lambda _: huge)
    assert (
        "another size"
        in rejected(write(tmp_path / "study", series(change)))["damaged-file"].message
    )


def test_a_near_lossless_syntax_is_lossy_without_any_tag(tmp_path: Path) -> None:
    change = encoded(uid.JPEGLSNearLossless, lambda a: imagecodecs.jpegls_encode(a, level=2))
    volume = loaded(write(tmp_path / "study", series(change)))
    assert "lossy-compressed" in {check.code for check in volume.checks}
    assert np.abs(volume.hu[0].astype(int) - body()).max() <= 2


def test_overlays_in_unused_bits_are_no_pixels(tmp_path: Path) -> None:
    def overlay(header: Dataset, number: int) -> None:
        header.PixelData = (stored(header) | 0xF000).tobytes()

    volume = loaded(write(tmp_path / "study", series(overlay)))
    np.testing.assert_array_equal(volume.hu[2], body(2))


def test_the_sign_is_dicoms(tmp_path: Path) -> None:
    def signed(header: Dataset, number: int) -> None:
        header.PixelData = body(number).astype("<i2").tobytes()
        header.PixelRepresentation, header.RescaleIntercept = 1, 0
        header.BitsStored, header.HighBit = 13, 12  # the sign is the 13th bit

    volume = loaded(write(tmp_path / "study", series(signed)))
    np.testing.assert_array_equal(volume.hu[2], body(2))


def test_hu_round_to_the_nearest(tmp_path: Path) -> None:
    def slope(header: Dataset, number: int) -> None:
        header.RescaleSlope = "1.0002441"

    volume = loaded(write(tmp_path / "study", series(slope)))
    # Air is stored as 24: 24.0059 - 1024 = -999.994, nearest -1000; tissue 1064: 1064.2597 - 1024
    # = 40.26, nearest 40.
    assert (volume.hu[0, 0, 0], volume.hu[0, 7, 5]) == (-1000, 40)


def test_one_missing_byte_is_damage(tmp_path: Path) -> None:
    folder = write(tmp_path / "study", series())
    raw = (folder / "004.dcm").read_bytes()
    (folder / "004.dcm").write_bytes(raw[:-1])
    assert rejected(folder)["damaged-file"].detail == {"files": 1}


def test_fragments_are_told_apart_by_frame(tmp_path: Path) -> None:
    header = enhanced()
    frames = np.frombuffer(header.PixelData, "<u2").reshape(12, 32, 32)
    header.file_meta.TransferSyntaxUID = uid.JPEGLSLossless
    streams = [imagecodecs.jpegls_encode(frame) for frame in frames]
    header.PixelData = encapsulate(streams, fragments_per_frame=2)
    header["PixelData"].VR = "OB"
    volume = loaded(write(tmp_path / "study", [header]))
    np.testing.assert_array_equal(volume.hu, [body(number) for number in range(12)])


def test_an_unknown_syntax_is_unsupported(tmp_path: Path) -> None:
    change = encoded(uid.MPEG2MPML, imagecodecs.jpegls_encode)
    assert "unsupported-syntax" in rejected(write(tmp_path / "study", series(change)))
