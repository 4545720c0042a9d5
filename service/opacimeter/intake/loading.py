"""Loading: from a study to the volume of the series that serves best."""

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from opacimeter.checks import Check
from opacimeter.errors import IntakeRejected, NotFound
from opacimeter.intake.checking import header_checks
from opacimeter.intake.choosing import chosen_because, others, ranked
from opacimeter.intake.hounsfield import fill
from opacimeter.intake.inspecting import Candidate, inspect
from opacimeter.intake.reading import Instance, be_lenient
from opacimeter.intake.study import Study
from opacimeter.intake.values import words
from opacimeter.volume import OtherSeries, Series, Slice, Volume

__all__ = ["load"]

_MOST_THREADS = 8


def load(study: Study, *, series_uid: str | None = None, threads: int | None = None) -> Volume:
    """The volume of a study's best series, or of the series asked for.

    Args:
        study: From `find`.
        series_uid: SeriesInstanceUID to take instead of choosing.
        threads: Slices decoded at once; by default as many as there are processors.

    Raises:
        IntakeRejected: No series can be measured; the checks are those of the series that comes
            nearest, the header is for filing.
        NotFound: The study has no such series.
    """
    be_lenient()
    series = _by_series(study.instances)
    if series_uid is not None and series_uid not in series:
        raise NotFound("The study has no CT series of the UID asked for.")
    asked = _Asked(series, series_uid, threads or min(os.cpu_count() or 1, _MOST_THREADS))
    candidates = [
        candidate
        for uid, instances in series.items()
        if series_uid in (None, uid)
        for candidate in inspect(uid, instances, limits=study.limits)
    ]
    while best := next(iter(ranked(candidates)), None):
        try:
            _raise_problems(study, best)
            return _volume(study, best, candidates, asked)
        except IntakeRejected as rejected:
            # Its pixels are damaged or no HU; another whole series may serve.
            unfit = replace(best, rejections=rejected.checks)
            candidates = [unfit if each is best else each for each in candidates]
    raise IntakeRejected((*_why_none(study, candidates), *study.checks), study.header)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the caller asked for, and all series there are."""

    series: Mapping[str, Sequence[Instance]]
    series_uid: str | None
    threads: int


def _by_series(instances: Sequence[Instance]) -> dict[str, list[Instance]]:
    series: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        series[instance.uid("SeriesInstanceUID")].append(instance)
    return dict(series)


def _raise_problems(study: Study, candidate: Candidate) -> None:
    if study.problems:
        raise IntakeRejected((*study.problems, *candidate.notes))


def _volume(
    study: Study, chosen: Candidate, candidates: Sequence[Candidate], asked: _Asked
) -> Volume:
    stack = chosen.stack
    assert stack is not None  # noqa: S101 - `ranked` gives those with a stack
    hu, padding = fill(stack.frames, limits=study.limits, threads=asked.threads)
    was_asked = asked.series_uid is not None
    series = Series(
        study_uid=study.uid,
        uid=chosen.uid,
        slices=tuple(
            Slice(frame.instance.header, frame.instance.path, frame.index) for frame in stack.frames
        ),
        chosen_because=chosen_because(chosen, candidates, asked=was_asked),
        others=(
            *others(chosen, candidates, asked=was_asked),
            *_not_looked_at(asked),
            *_aside(study, asked),
        ),
    )
    checks = (*header_checks(stack), *chosen.notes, *padding, *study.checks)
    return Volume(hu=hu, affine=stack.affine, series=series, checks=checks)


def _not_looked_at(asked: _Asked) -> list[OtherSeries]:
    if asked.series_uid is None:
        return []
    rest = [uid for uid in asked.series if uid != asked.series_uid]
    return [OtherSeries(uid, "Another series was asked for.") for uid in rest]


def _aside(study: Study, asked: _Asked) -> list[OtherSeries]:
    """Series that hold no CT image at all."""
    kinds: dict[str, str] = {}
    for instance in study.aside:
        uid = instance.uid("SeriesInstanceUID")
        if uid and uid not in asked.series:
            kinds.setdefault(uid, "/".join(words(instance.header, "Modality")) or "unknown")
    return [OtherSeries(uid, f"It holds no CT images ({kind}).") for uid, kind in kinds.items()]


def _why_none(study: Study, candidates: Sequence[Candidate]) -> tuple[Check, ...]:
    """The checks of the axial series with most images; else why there is none."""
    originals = [each for each in candidates if not each.never]
    if originals:
        nearest = max(originals, key=lambda each: (each.images, -each.number))
        return _once((*study.problems, *nearest.rejections, *nearest.notes))
    if study.problems:
        return study.problems
    if candidates:
        told = "; ".join(dict.fromkeys(each.never for each in candidates))
        message = f"The study has no axial series of original images: {told}."
        return (Check("no-axial-series", message, {"series": len(candidates)}),)
    kinds = sorted({"/".join(words(each.header, "Modality")) or "?" for each in study.aside})
    message = f"The study holds no CT images, only {', '.join(kinds)}."
    return (Check("no-ct", message, {"modalities": kinds}),)


def _once(checks: Sequence[Check]) -> tuple[Check, ...]:
    return tuple({check.code: check for check in reversed(checks)}.values())[::-1]
