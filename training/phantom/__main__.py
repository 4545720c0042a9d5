"""python -m training.phantom OUT: a study of the phantom in OUT, its truth in OUT.json."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from training.phantom.lesions import spread
from training.phantom.patient import Patient
from training.phantom.sample import write_sample, write_truth
from training.phantom.scanner import Kernel, Position, Region, Scan
from training.phantom.study import write_study
from training.phantom.syntaxes import Syntax

_SAMPLES = Path(__file__).resolve().parents[2] / "dicom_samples"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.sample:
        truth = write_sample(options.out or _SAMPLES)
    elif options.out is None:
        parser.error("give a folder to write to, or --sample")
    else:
        try:
            patient, protocol = _patient(options), _protocol(options)
        except ValueError as wrong:
            parser.error(str(wrong))
        truth = write_study(options.out, patient, protocol)
        write_truth(options.out.with_name(options.out.name + ".json"), truth)
    print(json.dumps({"volumes_ml": truth.volumes_ml, "lesion_percent": truth.lesion_percent}))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.phantom", description=__doc__)
    add = parser.add_argument
    add("out", type=Path, nargs="?", help="folder for the DICOM files")
    add("--sample", action="store_true", help="write the sample study, by default to dicom_samples")
    add("--burden", type=float, default=0.0, help="percent of the lungs that lesions fill")
    add("--lesion-seed", type=int, default=1)
    add("--patient-seed", type=int, default=1)
    add("--id", default="PHANTOM-001", help="PatientID")
    _add_protocol(parser, Scan())
    return parser


def _add_protocol(parser: argparse.ArgumentParser, default: Scan) -> None:
    add = parser.add_argument
    add("--slices", type=int, default=default.slices)
    add("--rows", type=int, default=default.rows)
    add("--columns", type=int, default=default.columns)
    add("--spacing", type=float, nargs=3, default=default.spacing_mm,
        metavar=("SLICE", "ROW", "COLUMN"), help="mm")  # fmt: skip
    add("--thickness", type=float, default=default.thickness_mm, help="mm")
    add("--top", type=float, default=default.top_mm, help="z of the first slice, mm")
    add("--noise", type=float, default=default.noise_hu, help="standard deviation, HU")
    add("--tilt", type=float, default=0.0, help="degrees")
    add("--region", type=Region, choices=list(Region), default=default.region)
    add("--kernel", type=Kernel, choices=list(Kernel), default=default.kernel)
    add("--position", type=Position, choices=list(Position), default=default.position)
    add("--syntax", choices=[one.name.lower() for one in Syntax], default="explicit")
    add("--enhanced", action="store_true", help="one Enhanced CT file")
    add("--flipped-rows", action="store_true")
    add("--flipped-columns", action="store_true")
    add("--seed", type=int, default=default.seed, help="of the noise")


def _patient(options: argparse.Namespace) -> Patient:
    lesions = spread(options.burden, seed=options.lesion_seed)
    return Patient(seed=options.patient_seed, lesions=lesions, id=options.id)


def _protocol(options: argparse.Namespace) -> Scan:
    return Scan(
        slices=options.slices, rows=options.rows, columns=options.columns,
        spacing_mm=tuple(options.spacing), thickness_mm=options.thickness, top_mm=options.top,
        region=options.region, kernel=options.kernel, noise_hu=options.noise,
        position=options.position, flipped_rows=options.flipped_rows,
        flipped_columns=options.flipped_columns, tilt_degrees=options.tilt,
        syntax=Syntax[options.syntax.upper()], enhanced=options.enhanced, seed=options.seed,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
