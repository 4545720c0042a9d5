"""The service's own process: it answers, and keeps its workers alive."""

from datetime import timedelta

import uvicorn
from fastapi import FastAPI

import opacimeter
from opacimeter import api, jobs, web
from opacimeter.app.checking import require_usable
from opacimeter.app.listening import listening
from opacimeter.app.logs import configure_logging
from opacimeter.app.taking_in import finder, looker, open_store
from opacimeter.app.worker import work
from opacimeter.report import SliceRenderer, header_json, object_frame
from opacimeter.settings import Settings

__all__ = ["create_app", "serve"]


def create_app(settings: Settings) -> FastAPI:
    """The HTTP application: takes studies in, answers questions, executes nothing.

    Store and queue are open from here to the end of its lifespan.
    """
    store = open_store(settings)
    queue = jobs.Queue(store.files.root)
    services = api.Services(
        store=store,
        submit=queue.submit,
        find=finder(settings),
        slices=SliceRenderer,
        bounds=api.Bounds(
            upload_bytes=settings.max_upload_bytes,
            upload_files=settings.max_upload_files,
            free_bytes=settings.min_free_bytes,
            heartbeat_s=settings.heartbeat_limit_s,
            cache_bytes=settings.max_cache_bytes,
            keep_others=timedelta(days=settings.keep_others_days),
        ),
        software=opacimeter.__version__,
        dicom=api.DicomFiles(
            look=looker(settings),
            header=header_json,
            frame=object_frame,
            quiet=timedelta(seconds=settings.quiet_period_s),
        ),
        archives=tuple(pacs.name for pacs in settings.pacs),
    )
    app = api.build(
        services,
        hosts=settings.allowed_hosts,
        viewers=settings.allowed_origins,
        at_end=(queue.close, store.close),
    )
    web.install(app)
    return app


def serve(settings: Settings) -> None:
    """Run the API, its workers, and the listener where there is one, until a signal ends them.

    The workers are processes of their own: started again when they die, ended with this one, also
    when it is killed.

    Raises:
        Misconfigured: The settings cannot be used, or the listener's port cannot be had.
    """
    require_usable(settings)
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
    with listening(settings), jobs.Supervisor(work, settings, count=settings.workers):
        uvicorn.Server(config).run()
