"""The report's part on calibration, with what so few patients can and cannot prove."""

from collections.abc import Iterator

from scipy.stats import binomtest

from training.evaluation.figures import Calibration, Figures
from training.evaluation.lesions import one_a_patient
from training.evaluation.means import SEVERE_PERCENT
from training.evaluation.reliability import BINS
from training.evaluation.tables import figure

__all__ = ["calibration_part"]


def calibration_part(found: Calibration, figures: Figures) -> Iterator[str]:
    """Reliability and interval.

    Args:
        found: The calibration.
        figures: Its patients.
    """
    yield from ("## Calibration", "")
    if found.expected_error is not None:
        yield (
            f"Per-voxel probabilities inside the readers' lungs: expected calibration error "
            f"{figure(found.expected_error, 3)}; {figure(found.expected_error_marked, 3)} without "
            f"the lowest of {BINS} bins, which is clean lung."
        )
        yield ""
    interval = found.interval
    if interval is None or found.guaranteed is None:
        yield from ("Too few left-out patients for an interval of the percentage.", "")
        return
    diseased = interval.patients - interval.controls
    exact = binomtest(interval.covered, diseased).proportion_ci(method="exact")
    yield from _INTERVAL.format(
        level=100 * interval.level,
        offset=interval.offset_points,
        exponent=interval.exponent,
        reach=interval.above,
        covered=interval.covered,
        patients=interval.patients,
        controls=interval.controls,
        diseased=diseased,
        low=100 * exact.low,
        high=100 * exact.high,
        width=interval.mean_width_points,
        guaranteed=100 * found.guaranteed,
        severe=sum(row.truth_percent > SEVERE_PERCENT for row in one_a_patient(figures.patients)),
    ).splitlines()
    yield ""


_INTERVAL = """
For a found percentage p the {level:.0f} % interval runs from p - {reach:.3f}·s to p + {reach:.3f}·s
within 0…100, with s = {offset:g} + (p·(1 - p/100))^{exponent:g}. The factor is the quantile, at the
finite-sample rank, of residuals of cross-validation (CV+, Barber 2021) divided by s. Of the
{patients} patients behind it {controls} are controls: chests that bear no opacity, nodule and
tumour among them. Calibrated on all patients but one, it covers that one in {covered} of the
{diseased} with opacity ({low:.0f}–{high:.0f} % with 95 % confidence); mean width over these
{width:.1f} points. The count is next to no evidence: it follows from the ranks, since the worst
patients are outside once left out, and a worse model gets the same count with a wider interval.
What tells models apart is the width.

What {patients} patients can prove: if one more comes from where these came, opacity or none, the
residual is within reach with a probability of at least {guaranteed:.0f} %. That is said of all such
patients together and of no group among them: errors are larger with opacity than without, and
whoever has the largest residual of all is outside already. The residuals are those of the folds'
weights; the model that ships saw more patients and gives the middle alone. {severe} of these
patients have more than 25 % involvement, so for severe disease the interval rests on little. Most
cases with opacity are lesion-bearing slices only; whole diseased chests and other scanners are not
among them.
""".strip()
