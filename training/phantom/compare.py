"""Beside the truth: `opacimeter assess STUDY --json | python -m training.phantom.compare TRUTH`.

Reads result documents from stdin, one a line, and prints measured and true volumes.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["comparison", "main"]

_ROWS = (
    ("lungs", "lungs", "volume_ml"),
    ("left_lung", "left-lung", "volume_ml"),
    ("right_lung", "right-lung", "volume_ml"),
    ("lesion", "lungs", "lesion_ml"),
    ("left_lesion", "left-lung", "lesion_ml"),
    ("right_lesion", "right-lung", "lesion_ml"),
)


def comparison(truth: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """A table of measured against true millilitres, with the difference in percent.

    Of a rejected study it is the reason instead.
    """
    if result["status"] != "complete":
        return "rejected: " + " ".join(check["message"] for check in result["checks"])
    lines = [f"{'':14}{'measured':>10}{'truth':>10}{'difference':>13}"]
    for name, region, quantity in _ROWS:
        true_ml = float(truth["volumes_ml"][name])
        # A lung that was not found has no quantities at all.
        found_ml = float(result["regions"][region].get(quantity, 0.0))
        label = f"{name.replace('_', ' ')} ml"
        lines.append(f"{label:14}{found_ml:10.1f}{true_ml:10.1f}{_percent_off(found_ml, true_ml)}")
    percent, true_percent = result["summary"]["lesion_percent"], truth["lesion_percent"]
    points = percent - true_percent
    lines.append(f"{'lesion %':14}{percent:10.2f}{true_percent:10.2f}{points:+8.2f} points")
    seconds = result["seconds"]["total"]
    lines.append(f"\nmeasured in {seconds:.1f} s. {result['notice']}")
    return "\n".join(lines)


def _percent_off(found_ml: float, true_ml: float) -> str:
    """The difference in percent of the truth; a dash where the truth is nothing."""
    return f"{100.0 * (found_ml - true_ml) / true_ml:+11.1f} %" if true_ml else f"{'–':>11}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    paths = sys.argv[1:] if arguments is None else list(arguments)
    if len(paths) != 1:
        print("usage: python -m training.phantom.compare TRUTH.json < RESULTS", file=sys.stderr)
        return 2
    truth = json.loads(Path(paths[0]).read_text())
    results = [json.loads(line) for line in sys.stdin if line.strip()]
    for result in results:
        print(comparison(truth, result))
    return 0 if results else 1


if __name__ == "__main__":
    sys.exit(main())
