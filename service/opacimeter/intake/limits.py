"""Limits: how much intake is willing to take in."""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds; whatever claims more is `too-large` before anything is allocated for it.

    Attributes:
        files: Files in one delivery, those in archives included.
        unpacked_bytes: Bytes written while unpacking archives, counted as they come out: what an
            archive says of itself is not believed.
        inflated_bytes: Size of one deflated file (PS3.5 A.5) when inflated in memory.
        archive_depth: Archives within archives; 2 opens a zip in a zip.
        side: Rows or columns of an image. Scanners make 512, the finest 2048.
        slices: Images of one series.
        voxels: Voxels of one volume; 1e9 are 2 GB of int16.
    """

    files: int = 50_000
    unpacked_bytes: int = 20 * 1024**3
    inflated_bytes: int = 1024**3
    archive_depth: int = 3
    side: int = 4096
    slices: int = 5000
    voxels: int = 1_000_000_000
