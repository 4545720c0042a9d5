"""`make bench`: speed and memory, as tables with machine and commit.

Each study is assessed several times in a process of its own, so that starting Python and loading
the network count; the median stands in the table. Machines are noisy: compare within one run.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import browser, listing, network, stow
from tests.benchmarks.objects import objects
from training.phantom import Patient, Scan, spread, write_study

ROOT = Path(__file__).resolve().parents[2]
REPEATS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """Medians of one study.

    Attributes:
        study: Its name.
        shape: Slices, rows, columns.
        wall_s: From the command to its end.
        stages_s: Reading, segmenting, measuring.
        peak_mb: Largest resident memory of any of the runs.
    """

    study: str
    shape: str
    wall_s: float
    stages_s: dict[str, float]
    peak_mb: float


def measure(name: str, folder: Path, shape: str) -> Row:
    """Assess a folder `REPEATS` times."""
    walls, results = [], []
    for _ in range(REPEATS):
        started = os.times().elapsed
        command = [sys.executable, "-m", "opacimeter", "assess", str(folder), "--json"]
        done = subprocess.run(command, capture_output=True, check=True, text=True)
        walls.append(os.times().elapsed - started)
        results.append(json.loads(done.stdout.splitlines()[0])["seconds"])
    stages = {key: statistics.median(one[key] for one in results) for key in results[0]}
    peak_kb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return Row(name, shape, statistics.median(walls), stages, peak_kb / 1024)


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    lines = [
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"commit {commit}, median of {REPEATS}",
        "",
        "| study | shape | command s | read s | segment s | measure s | peak MB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row.study} | {row.shape} | {row.wall_s:.1f} | {row.stages_s['read']:.2f} | "
        f"{row.stages_s['segment']:.2f} | {row.stages_s['measure']:.2f} | {row.peak_mb:.0f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Run all benchmarks; the largest study last, since peak memory is that of all so far."""
    rows = [measure("sample", ROOT / "dicom_samples" / "phantom-001", "108×288×288")]
    data = Path(os.environ.get("OPACIMETER_DATA", ROOT.parent / "shared" / "data"))
    if data.is_dir():
        rows.append(measure("covid-p001", data / "dicom" / "covid-p001", "148×512×512"))
    with tempfile.TemporaryDirectory() as folder:
        scan = Scan(slices=300, rows=512, columns=512, spacing_mm=(1.0, 0.75, 0.75), thickness_mm=1)
        write_study(Path(folder) / "large", Patient(lesions=spread(12, seed=1)), scan)
        rows.append(measure("phantom, 1 mm", Path(folder) / "large", "300×512×512"))
    print(table(rows))  # noqa: T201
    print(f"\n{objects()}")  # noqa: T201
    print(f"\n{listing.list_table(listing.measure_list())}")  # noqa: T201
    print(f"\n{network.line()}")  # noqa: T201
    print(f"\n{stow.line(stow.measure_stow())}\n")  # noqa: T201
    browser.main()


if __name__ == "__main__":
    main()
