"""Composition root: settings become a service. Nothing else reads them, nothing here decides."""

import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
import uvicorn
from fastapi import FastAPI

import opacimeter
from opacimeter import api, jobs, web
from opacimeter.assess import Assessor, Incumbent, Registry
from opacimeter.errors import Cancelled, Conflict, ModelError, NotFound
from opacimeter.intake import Limits, Rules, find
from opacimeter.pipeline import Pipeline, same_images
from opacimeter.reception import incoming, look_at
from opacimeter.report import SliceRenderer, header_json, object_frame
from opacimeter.settings import Settings
from opacimeter.store import Incoming, Run, Status, Store

__all__ = ["create_app", "serve", "work"]

log = structlog.get_logger()


def create_app(settings: Settings) -> FastAPI:
    """The HTTP application: takes studies in, answers questions, executes nothing.

    Store and queue are open from here to the end of its lifespan.
    """
    store = _store(settings)
    queue = jobs.Queue(store.files.root)
    services = api.Services(
        store=store,
        submit=queue.submit,
        find=_finder(settings),
        slices=SliceRenderer,
        bounds=api.Bounds(
            upload_bytes=settings.max_upload_bytes,
            upload_files=settings.max_upload_files,
            free_bytes=settings.min_free_bytes,
            heartbeat_s=settings.heartbeat_limit_s,
        ),
        software=opacimeter.__version__,
        dicom=api.DicomFiles(
            look=partial(look_at, limits=_limits(settings), rules=_rules(settings)),
            header=header_json,
            frame=object_frame,
            quiet=timedelta(seconds=settings.quiet_period_s),
        ),
    )
    app = api.build(services, hosts=settings.allowed_hosts, at_end=(queue.close, store.close))
    web.install(app)
    return app


def serve(settings: Settings) -> None:
    """Run the API and its workers until a signal ends them.

    The workers are processes of their own: started again when they die, ended with this one, also
    when it is killed.
    """
    configure_logging(settings)
    app = create_app(settings)
    # Uvicorn raises the signal that ended it once more: without a handler it would end this process
    # before its workers.
    jobs.stop_signal()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        # Addresses hold PatientIDs (the list's filter); the figures count requests instead.
        access_log=False,
        server_header=False,
        # Those who watch an event stream would hold it up for ever.
        timeout_graceful_shutdown=3,
    )
    with jobs.Supervisor(work, settings, count=settings.workers):
        uvicorn.Server(config).run()


def work(settings: Settings) -> None:
    """Be one worker until a signal, or the end of the process that started this one."""
    stop = jobs.stop_signal()
    configure_logging(settings)
    store = _store(settings)
    bench = _Bench(store, settings)
    worker = jobs.Worker(
        store.files.root,
        perform=bench.perform,
        abandon=store.runs.abandon,
        attempts=settings.attempts,
    )
    with TemporaryDirectory(prefix="opacimeter-") as workspace:
        try:
            bench.equip(Path(workspace))
        except ModelError as error:
            # Kept where `ready` looks: the process that knows it is about to end.
            store.heartbeats.beat(worker.name, model={}, problem=str(error))
            log.critical("model unusable", problem=str(error))
            sys.exit(1)
        worker.run(stop, beat=partial(bench.beat, worker.name))
        bench.release()
    store.heartbeats.stopped(worker.name)
    # A decoder or the network may still compute in a thread that cannot be ended otherwise.
    sys.stdout.flush()
    os._exit(0)


class _Bench:
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
        limits, threads = _limits(self._settings), self._settings.threads
        pipeline = Pipeline(assessor, self._workspace, limits=limits, threads=threads)
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


def _store(settings: Settings) -> Store:
    return Store(settings.data_dir, url=settings.database_url, same_images=_same_images_elsewhere)


def _same_images_elsewhere(pairs: Sequence[tuple[Path, Path]]) -> Sequence[bool]:
    """Comparing decodes, and a decoder may crash: never in the API's process."""
    return jobs.isolated(same_images, pairs) or [False] * len(pairs)


def _finder(settings: Settings) -> Callable[[Path, Path], tuple[Incoming, ...]]:
    limits = _limits(settings)

    def find_studies(folder: Path, workspace: Path) -> tuple[Incoming, ...]:
        studies = find([folder], workspace=workspace, limits=limits)
        return tuple(incoming(study) for study in studies)

    return find_studies


def _rules(settings: Settings) -> Rules:
    body_part, description = settings.wanted_body_part, settings.wanted_description
    return Rules(
        body_part.pattern if body_part else None,
        description.pattern if description else None,
        settings.wanted_callers,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(files=settings.max_unpacked_files, unpacked_bytes=settings.max_unpacked_bytes)


def configure_logging(settings: Settings) -> None:
    """Structured logs on standard error, those of libraries included."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    json = settings.log_format == "json"
    last = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # pydicom quotes the values it stumbles over.
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace is not None else "unknown"
