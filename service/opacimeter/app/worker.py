"""A worker's process: it assesses, and does the errands at archives."""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from opacimeter import jobs
from opacimeter.app.archives import correspondents, hooks
from opacimeter.app.checking import require_usable
from opacimeter.app.logs import configure_logging
from opacimeter.app.taking_in import finder, limits, open_store
from opacimeter.assess import Assessor, Incumbent, Registry
from opacimeter.dispatch import DELIVER, FETCH, Dispatch, Filing, Notifying
from opacimeter.errors import Cancelled, Conflict, ModelError, NotFound
from opacimeter.pipeline import Pipeline
from opacimeter.report import Choices
from opacimeter.settings import Settings
from opacimeter.store import Run, Status, Store

__all__ = ["Bench", "work"]

_BEAT_S = 2.0

log = structlog.get_logger()


def work(settings: Settings) -> None:
    """Be one worker until a signal, or the end of the process that started this one.

    Raises:
        Misconfigured: The settings cannot be used.
    """
    require_usable(settings)
    stop = jobs.stop_signal()
    configure_logging(settings)
    store = open_store(settings)
    bench = Bench(store, settings)
    queue = jobs.Queue(store.files.root)
    dispatch = _dispatch(settings, store, queue)
    worker = jobs.Worker(store.files.root, _lines(settings, store, bench=bench, dispatch=dispatch))
    with TemporaryDirectory(prefix="opacimeter-") as workspace:
        try:
            bench.equip(Path(workspace))
        except ModelError as error:
            # Kept where `ready` looks: the process that knows it is about to end.
            store.heartbeats.beat(worker.name, model={}, problem=str(error))
            log.critical("model unusable", problem=str(error))
            sys.exit(1)
        worker.run(stop, beat=partial(_beat, worker.name, bench, dispatch), every_s=_BEAT_S)
        bench.release()
    queue.close()
    store.heartbeats.stopped(worker.name)
    # A decoder or the network may still compute in a thread that cannot be ended otherwise.
    sys.stdout.flush()
    os._exit(0)


def _lines(
    settings: Settings, store: Store, *, bench: "Bench", dispatch: Dispatch
) -> tuple[jobs.Line, ...]:
    """What the worker does, each beside the others: a slow archive holds up no assessment."""
    attempts = settings.attempts
    return (
        jobs.Line(jobs.ASSESS, bench.perform, store.runs.abandon, attempts),
        jobs.Line(DELIVER, dispatch.send, store.deliveries.abandon, attempts, lanes=True),
        jobs.Line(FETCH, dispatch.fetch, store.pulls.abandon, attempts, lanes=True),
    )


def _dispatch(settings: Settings, store: Store, queue: jobs.Queue) -> Dispatch:
    def submit(job: str, low: bool) -> None:  # noqa: FBT001 - the form that Filing asks for
        queue.submit(job, low=low)

    filing = Filing(store, finder(settings), submit, settings.min_free_bytes)
    notifying = Notifying(store, hooks(settings), public_url=settings.public_url or "")
    return Dispatch(store, queue.submit, filing, correspondents(settings), notifying)


def _beat(worker: str, bench: "Bench", dispatch: Dispatch) -> None:
    bench.beat(worker)
    dispatch.hand_out()


class Bench:
    """What a worker has in hand: the model in service, and the run it is on."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._release: Callable[[], None] | None = None
        self._busy = threading.Lock()

    def equip(self, workspace: Path) -> None:
        """Load the network; raises ModelError."""
        settings = self._settings
        self._workspace = workspace
        self._incumbent = Incumbent(
            Registry(settings.data_dir / "models", override=settings.model),
            load=partial(Assessor.from_bundle, threads=settings.threads),
        )

    def beat(self, worker: str) -> None:
        """Say that the worker lives; where it is idle, see whether another model is in service.

        A worker that is busy looks before its next study: two models never lie in memory while one
        of them works.
        """
        if self._busy.acquire(blocking=False):
            try:
                self._incumbent.follow()
            finally:
                self._busy.release()
        incumbent = self._incumbent
        self._store.heartbeats.beat(
            worker, model=asdict(incumbent.assessor.network), problem=incumbent.problem
        )

    def perform(self, job: str) -> None:
        """Do one job; whatever becomes of the study, the job itself is done."""
        with self._busy:
            self._perform(job, *self.tools())

    def tools(self) -> tuple[Pipeline, Mapping[str, str]]:
        """The pipeline on the model in service, and which one that is, for one run."""
        assessor = self._incumbent.follow()
        settings = self._settings
        pipeline = Pipeline(
            assessor,
            self._workspace,
            limits=limits(settings),
            threads=settings.threads,
            choices=Choices(
                labelmap=settings.segmentation_labelmap,
                refusals=any(pacs.send_rejections for pacs in settings.pacs),
            ),
        )
        return pipeline, asdict(assessor.network)

    def _perform(self, job: str, pipeline: Pipeline, model: Mapping[str, str]) -> None:
        run = self._store.runs.begin(job, attempts=self._settings.attempts, model=model)
        if run is None:
            return
        self._release = run.release
        about = log.bind(assessment=str(run.record.id), version=run.record.version)
        about.info("assessment begun")
        limit_s = self._settings.study_limit_s
        try:
            with jobs.deadline(limit_s, missed=partial(_end_late, run, limit_s)):
                pipeline.run(run)
        except Cancelled:
            run.end(Status.CANCELLED)
        except (NotFound, Conflict) as error:
            run.end(Status.FAILED, str(error))
        except MemoryError:
            run.end(Status.FAILED, "The study needs more memory than the machine has.")
        except Exception as error:  # the process boundary: a job that raises would be lost
            # Kind and place only: the message of a foreign exception may quote a patient's data.
            about.critical("assessment failed", error=type(error).__name__, where=_where(error))
            run.end(
                Status.FAILED,
                f"An internal error ({type(error).__name__}) ended the assessment; the log tells "
                "where. Retry it, or report the study.",
            )
        finally:
            self._release = None
        about.info("assessment ended")

    def release(self) -> None:
        """Give back what is under way, uncounted."""
        if (release := self._release) is not None:
            release()


def _end_late(run: Run, limit_s: float) -> None:
    about = log.bind(assessment=str(run.record.id), version=run.record.version)
    about.critical("assessment took too long", limit_s=limit_s)
    run.end(
        Status.FAILED,
        f"The assessment took longer than {limit_s:g} s, the limit for one study, and was ended. "
        "Retry it when the machine is less busy, raise the limit, or report the study.",
    )


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace is not None else "unknown"
