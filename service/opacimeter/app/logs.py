"""Logs: one form for ours and those of libraries."""

import logging

import structlog

from opacimeter.settings import Settings

__all__ = ["configure_logging"]


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
    # It tells of each module that it copies into each object.
    logging.getLogger("highdicom").setLevel(logging.WARNING)
    # Addresses of queries hold PatientIDs.
    for talkative in ("httpx2", "httpcore2", "pynetdicom"):
        logging.getLogger(talkative).setLevel(logging.ERROR)
