"""Import cases: `python -m training.importers SET SOURCE --out FOLDER`.

SET is a public set in its published layout, `pairs` for a folder of NIfTI files NAME_ct and
NAME_label, or `dicom` for studies with SEG or RTSTRUCT. What is in FOLDER already is not imported
again, so an interrupted import goes on. What cannot be used is listed with the reason.
"""

import argparse
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from training.cases import CaseFolderError
from training.importers.item import CannotUse, LeftOut, Request, Role
from training.importers.sets import SETS
from training.importers.writing import Report, write_cases

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0 where the folder holds cases afterwards, 1 where it holds none."""
    asked = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory() as workspace:
        request = Request(
            source=asked.source,
            workspace=Path(workspace),
            window=tuple(asked.window) if asked.window else None,
            roles=dict(asked.segment),
            classes=tuple(asked.classes),
            patient=asked.patient,
            unmarked_healthy=asked.unmarked_healthy,
        )
        try:
            report = write_cases(
                SETS[asked.set](request),
                asked.out,
                prefix=asked.name or asked.set,
                gate_share=asked.gate,
                tell=print,
            )
        except (CannotUse, CaseFolderError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
    _tell(report)
    return 0 if report.imported or report.known else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.importers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("set", choices=SETS)
    add("source", type=Path, help="a folder, a folder of zips, or a zip")
    add("--out", type=Path, required=True, help="the case folder, new or begun")
    add("--name", type=_name, help="begins the names of cases and patients; the set by default")
    add("--gate", type=_share, default=0.0, help="share of the patients to keep for the gate, 0…1")
    add(
        "--window",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="HU of the values 0 and 255, where the images are pictures",
    )
    add(
        "--segment",
        type=_segment,
        action="append",
        default=[],
        metavar="NAME=ROLE",
        help="dicom: a segment's or region's name is lung, lesion or none",
    )
    add(
        "--classes",
        nargs="+",
        choices=("lung", "lesion"),
        default=("lung", "lesion"),
        help="pairs: what the labels mark",
    )
    add(
        "--patient", type=_pattern, help="pairs: the pattern's first group in a name is the patient"
    )
    add(
        "--unmarked-healthy",
        action="store_true",
        help="dicom, pairs: images that nothing is drawn on are healthy, as a reader said",
    )
    return parser


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("a share lies between 0 and 1")
    return share


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        raise argparse.ArgumentTypeError("letters, digits, dots, _ and - only")
    return text


def _segment(text: str) -> tuple[str, Role]:
    name, equals, role = text.rpartition("=")
    if not (name.strip() and equals and role in set(Role)):
        raise argparse.ArgumentTypeError("NAME=lung, NAME=lesion or NAME=none")
    return name.strip().casefold(), Role(role)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"no regular expression: {error}") from error
    if not pattern.groups:
        raise argparse.ArgumentTypeError("it needs a group, as in '(.+)_scan'")
    return pattern


def _tell(report: Report) -> None:
    print(f"{len(report.imported)} imported, {report.known} were already there.")
    by_reason: dict[str, list[LeftOut]] = defaultdict(list)
    for each in report.left_out:
        by_reason[each.reason].append(each)
    for reason, ones in by_reason.items():
        print(f"{len(ones)} left out: {reason}")
        for each in ones:
            print(f"  {each.name}")


if __name__ == "__main__":
    sys.exit(main())
