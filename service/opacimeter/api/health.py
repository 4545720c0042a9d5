"""Routes: whether the service lives, whether it can work, and its figures."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from opacimeter.api.problems import Problem, responses
from opacimeter.api.schemas import Live, Ready
from opacimeter.api.services import Services, ServicesDep

__all__ = ["Figures", "router"]

router = APIRouter(tags=["health"])


class Figures:
    """The service's figures in the Prometheus format."""

    def __init__(self, services: Services) -> None:
        """A registry of its own: two services in one process keep theirs apart."""
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "opacimeter_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "opacimeter_http_request_seconds",
            "Time to the end of the answer.",
            ("route",),
            registry=self.registry,
        )
        self.registry.register(_StoreFigures(services))


class _StoreFigures(Collector):
    """Counted when asked for: the database is the truth, also after a restart."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        store, bounds = self._services.store, self._services.bounds
        assessments = GaugeMetricFamily(
            "opacimeter_assessments", "Assessments by state.", labels=("status",)
        )
        for status, number in store.catalogue.counts().items():
            assessments.add_metric((status.value,), number)
        yield assessments
        yield _by_status("opacimeter_deliveries", "Deliveries by state.", store.deliveries)
        yield _by_status("opacimeter_pulls", "Pulls by state.", store.pulls)
        workers = store.heartbeats.recent(bounds.heartbeat_s)
        able = sum(worker.able for worker in workers)
        yield GaugeMetricFamily("opacimeter_workers", "Workers that can work.", value=able)
        free = store.files.free_bytes()
        yield GaugeMetricFamily("opacimeter_disk_free_bytes", "Free disk space.", value=free)


class _Counted(Protocol):
    def counts(self) -> Mapping[str, int]: ...


def _by_status(name: str, about: str, counted: _Counted) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, about, labels=("status",))
    for status, number in counted.counts().items():
        family.add_metric((status,), number)
    return family


@router.get("/health/live")
def live(services: ServicesDep) -> Live:
    """Say that the process answers."""
    return Live(status="ok", software=services.software)


@router.get("/health/ready", responses=responses(503))
def ready(services: ServicesDep) -> Ready:
    """Say whether a study sent now would be measured; what is missing stands under `reasons`.

    What is wrong and does not keep studies from being measured stands under `warnings`.
    """
    reasons = _missing(services)
    if reasons:
        raise Problem(503, "; ".join(reasons.values()), reasons=reasons)
    return Ready(
        status="ready",
        software=services.software,
        model=dict(services.model()),
        warnings=_warnings(services),
    )


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request) -> Response:
    """Give the figures."""
    figures: Figures = request.app.state.figures
    return Response(generate_latest(figures.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _missing(services: Services) -> dict[str, str]:
    try:
        services.store.ping()
    except Exception as error:
        return {"database": f"the database does not answer ({type(error).__name__})"}
    reasons = {}
    free, needed = services.store.files.free_bytes(), services.bounds.free_bytes
    if free < needed:
        reasons["disk"] = f"{free} bytes of disk are free; {needed} are needed"
    return reasons | _missing_worker(services)


def _missing_worker(services: Services) -> dict[str, str]:
    limit_s = services.bounds.heartbeat_s
    workers = services.store.heartbeats.recent(limit_s)
    if any(worker.able for worker in workers):
        return {}
    if workers:
        return {"model": f"no worker can work: {workers[0].problem}"}
    return {"worker": f"no worker has reported within {limit_s:g} s"}


def _warnings(services: Services) -> dict[str, str]:
    for worker in services.store.heartbeats.recent(services.bounds.heartbeat_s):
        if worker.able and worker.problem is not None:
            version = worker.model.get("version", "")
            return {"model": f"a worker goes on with {version}: {worker.problem}"}
    return {}
