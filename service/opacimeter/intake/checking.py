"""Checking: what the headers of a stack say beside its geometry."""

import re
from collections.abc import Sequence
from datetime import date

from pydicom import Dataset, uid

from opacimeter.checks import Check
from opacimeter.intake.frames import Frame
from opacimeter.intake.kernels import SHARP, sharpness
from opacimeter.intake.stacking import Stack
from opacimeter.intake.values import sequence, words

__all__ = ["header_checks", "is_expiration", "is_lossy", "thickness_mm", "with_contrast"]

_TILT_DEGREES = 0.5
_THICK_MM = 3.0
_ROUNDING_MM = 0.005
_ADULT_YEARS = 16
_LOSSY_SYNTAXES = frozenset(
    {
        uid.JPEGBaseline8Bit,
        uid.JPEGExtended12Bit,
        uid.JPEGLSNearLossless,
        uid.JPEG2000,
        uid.JPEG2000MC,
        uid.HTJ2K,
    }
)
_PER_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}
_NO_AGENT = re.compile(r"^(NONE|NO|NON|N|NIL|O|0|-+|N/?A|W/?O|WITHOUT|OHNE|NATIVE?|UNKNOWN)?\.?$")
_CONTRAST_WORDS = re.compile(
    r"\b(KM|CE|CTPA|CTA|CONTRAST|ENHANCED|POST.?CONTRAST|ARTERIAL|VENOUS|PORTAL|ANGIO)\b"
    r"|\bC\+|\+C\b|增强|增強|造影"
)
_NATIVE_WORDS = re.compile(
    r"\b(NATIVE?|NATIF|NON.?(CONTRAST|ENHANCED)|UN-?ENHANCED|PLAIN|WITHOUT|W/O|OHNE|NO|PRE)\b"
    r"|\bC-|平扫|平掃|非造影|単純"
)
_EXPIRATION = re.compile(r"EX[SH]*[PS]I?R|ESPIR|\bEXP\b|UITADEM|ВЫДОХ|呼气|呼氣")
_INSPIRATION = re.compile(r"INS?PI?R|\bINSP?\b|INADEM|ВДОХ|吸气|吸氣")


def header_checks(stack: Stack) -> tuple[Check, ...]:
    """All warnings and notes that the headers and the geometry of a stack give rise to."""
    found = (
        _tilt(stack),
        _thick(stack),
        _lossy(stack.frames),
        _sharp(stack.frames),
        _contrast(stack.frames[0].instance.header),
        _expiration(stack.frames[0].instance.header),
        _child(stack.frames[0].instance.header),
        _position(stack.frames[0].instance.header),
    )
    return tuple(check for check in found if check is not None)


def thickness_mm(stack: Stack) -> float:
    """The larger of the planes' distance and SliceThickness: what one image stands for."""
    return max(stack.step_mm, *(frame.thickness_mm or 0.0 for frame in stack.frames))


def is_lossy(frame: Frame) -> bool:
    """By LossyImageCompression (0028,2110) or by the transfer syntax."""
    tag = words(frame.instance.header, "LossyImageCompression")
    return "01" in tag or frame.instance.syntax in _LOSSY_SYNTAXES


def with_contrast(header: Dataset) -> bool:
    """By the contrast agent (PS3.3 C.7.6.4), else by the words of the series' description."""
    agent = " ".join(words(header, "ContrastBolusAgent"))
    if not _NO_AGENT.match(agent) or sequence(header, "ContrastBolusAgentSequence"):
        return True
    text = " ".join(words(header, "SeriesDescription")).replace("_", " ")
    return bool(_CONTRAST_WORDS.search(text)) and not _NATIVE_WORDS.search(text)


def is_expiration(header: Dataset) -> bool:
    """By the words of the series' description, else of the protocol; not where both are named."""
    for keyword in ("SeriesDescription", "ProtocolName"):
        text = " ".join(words(header, keyword)).replace("_", " ")
        out, within = _EXPIRATION.search(text), _INSPIRATION.search(text)
        if out or within:
            return bool(out) and not within
    return False


def _tilt(stack: Stack) -> Check | None:
    if stack.tilt_degrees <= _TILT_DEGREES:
        return None
    message = (
        f"The gantry was tilted by {stack.tilt_degrees:.1f} degrees (limit {_TILT_DEGREES}); "
        "volumes are corrected for it."
    )
    return Check("gantry-tilt", message, {"degrees": round(stack.tilt_degrees, 1)})


def _thick(stack: Stack) -> Check | None:
    thick = thickness_mm(stack)
    if thick <= _THICK_MM + _ROUNDING_MM:
        return None
    message = (
        f"The images are {thick:.1f} mm thick or apart; above {_THICK_MM:.0f} mm small opacities "
        "are missed."
    )
    return Check("thick-slices", message, {"thickness_mm": round(thick, 3)})


def _lossy(frames: Sequence[Frame]) -> Check | None:
    count = len([frame for frame in frames if is_lossy(frame)])
    if not count:
        return None
    message = f"{count} of {len(frames)} images were compressed with loss; HU may be off."
    return Check("lossy-compressed", message, {"slices": count})


def _sharp(frames: Sequence[Frame]) -> Check | None:
    kernel = max((frame.kernel for frame in frames), key=sharpness)
    if sharpness(kernel) < SHARP:
        return None
    message = f"The kernel {kernel} is sharp; its noise shifts volumes. A soft kernel is better."
    return Check("sharp-kernel", message, {"kernel": kernel})


def _contrast(header: Dataset) -> Check | None:
    if not with_contrast(header):
        return None
    return Check("contrast-medium", "Contrast medium was given; lung reads denser than without.")


def _expiration(header: Dataset) -> Check | None:
    if not is_expiration(header):
        return None
    message = "The series is named an expiration; lungs are smaller and denser than in inspiration."
    return Check("expiration", message)


def _child(header: Dataset) -> Check | None:
    years = age_years(header)
    if years is None or years >= _ADULT_YEARS:
        return None
    message = f"The patient is under {_ADULT_YEARS} years old; nothing was evaluated on children."
    return Check("child", message, {"limit_years": _ADULT_YEARS})


def age_years(header: Dataset) -> float | None:
    """PatientAge, else the years from birth to the study; None where neither can be read."""
    stated = re.match(r"^(\d{1,3})\s*([DWMY]?)$", " ".join(words(header, "PatientAge")))
    if stated:
        return int(stated[1]) / _PER_YEAR[stated[2] or "Y"]
    born = _date(header, "PatientBirthDate")
    taken = (_date(header, name) for name in ("StudyDate", "SeriesDate", "AcquisitionDate"))
    scanned = next((day for day in taken if day is not None), None)
    if born is None or scanned is None or scanned < born:
        return None
    had_birthday = (scanned.month, scanned.day) >= (born.month, born.day)
    return scanned.year - born.year - (not had_birthday)


def _date(header: Dataset, keyword: str) -> date | None:
    found = re.match(r"^(\d{4})[.-]?(\d{2})[.-]?(\d{2})$", " ".join(words(header, keyword)))
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def _position(header: Dataset) -> Check | None:
    position = " ".join(words(header, "PatientPosition"))
    lying = {"P": "prone", "DL": "on the left side", "DR": "on the right side"}.get(position[2:])
    if lying is None:
        return None
    message = f"The patient lay {lying}, not supine; dependent density lies elsewhere."
    return Check("not-supine", message, {"position": position})
