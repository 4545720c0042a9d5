"""A small chest, assessed without a network, in a store; and a service that shows it."""

import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import uvicorn

import opacimeter.web
from opacimeter.api import Bounds, Services, build
from opacimeter.assess.measure import measure
from opacimeter.findings import Assessment, Network, Segmentation
from opacimeter.report import SliceRenderer, render
from opacimeter.store import Store
from tests.boxes import volume_of
from tests.fakes import MODEL, FakeQueue, fake_find, incoming, wait_until
from tests.serving import free_port

SPACING_MM = (2.0, 1.5, 1.25)


def chest(shape=(40, 96, 128)) -> tuple[np.ndarray, np.ndarray]:
    """HU and labels of an asymmetric chest: two lungs, a large lesion in the right one only.

    Columns 20…52 are the right lung, 76…108 the left one, which begins four slices lower and is
    shorter in front. The large lesion lies low and to the back, a small one high in the left lung.
    """
    slices, rows, columns = np.indices(shape)
    hu = np.full(shape, -1000, dtype=np.int16)
    body = ((rows - 48) / 44) ** 2 + ((columns - 64) / 60) ** 2 < 1
    hu[body] = 40
    labels = np.zeros(shape, dtype=np.uint8)
    for middle, first, label, wide in ((36, 4, 2, 16), (92, 8, 1, 14)):
        lung = ((rows - 48) / 32) ** 2 + ((columns - middle) / wide) ** 2 < 1
        lung &= (slices >= first) & (slices < 36)
        hu[lung], labels[lung] = -800, label
    for centre, radius, label in (((28, 64, 34), 7, 4), ((12, 40, 90), 4, 3)):
        near = sum((at - c) ** 2 for at, c in zip((slices, rows, columns), centre, strict=True))
        lesion = (near < radius**2) & (labels > 0)
        hu[lesion], labels[lesion] = -300, label
    # Each slice has a mark of its own in the chest wall, so that no two look the same.
    for index in range(shape[0]):
        hu[index, 88:91, 40 + index : 43 + index] = 1000
    return hu, labels


def assessed(hu: np.ndarray, labels: np.ndarray) -> Assessment:
    """What an assessor would find in it."""
    volume = volume_of(hu, SPACING_MM)
    found = measure(volume, labels)
    segmentation = Segmentation(
        labels, np.zeros((1, 1, 1), np.float16), Network("lung-lesion", "1.0.0", "a" * 64)
    )
    return Assessment(
        volume=volume,
        segmentation=segmentation,
        measurements=found.measurements,
        lesions=found.lesions,
        profile=found.profile,
        histogram=found.histogram,
        seconds={"read": 0.1, "segment": 0.1, "measure": 0.1},
    )


@contextmanager
def showing(folder: Path, assessment: Assessment, study_uid: str = "1.2.3"):
    """A service that holds the assessment; gives its address and the assessment's id."""
    store = Store(folder / "data")
    store.heartbeats.beat("worker-0", model=MODEL)
    queue = FakeQueue()
    services = Services(store, queue.submit, fake_find, SliceRenderer, Bounds(), "0.1.0")
    kept = keep(store, services, folder, assessment, study_uid)
    app = build(services)
    opacimeter.web.install(app)
    port = free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}", kept
    finally:
        server.should_exit = True
        thread.join(20)
        store.close()


def keep(store, services, folder, assessment, study_uid):
    """File the assessment as a worker would have."""
    received = store.arrivals.receive(incoming(folder / f"in-{study_uid}", study_uid))
    services.enqueue(received.job)
    run = store.runs.begin(received.job, attempts=3, model=MODEL)
    documents = render(assessment, run.record)
    run.keep(documents, checks=(), summary={})
    return run.record.id


def settled(page):
    """What was asked of a viewer last is drawn, and no slice of it is still on its way."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 60)))")
    # A plane that was hidden while it waited asks for nothing until it is shown again.
    page.wait_for_function(
        "() => ![...document.querySelectorAll('.pane canvas[data-waiting]')]"
        ".some((canvas) => canvas.checkVisibility())"
    )


def until(page, true):
    """Wait while the browser is heard."""
    wait_until(lambda: page.wait_for_timeout(20) or true())


def quiet(page):
    """Wait until the page has asked for nothing for a while, and all that it asked for is there."""
    under_way, last = set(), time.monotonic()

    def asked(request):
        nonlocal last
        last = time.monotonic()
        under_way.add(request)

    def ended(request):
        nonlocal last
        last = time.monotonic()
        under_way.discard(request)

    told = {"request": asked, "requestfinished": ended, "requestfailed": ended}
    for event, handler in told.items():
        page.on(event, handler)
    until(page, lambda: not under_way and time.monotonic() - last > 0.5)
    for event, handler in told.items():
        page.remove_listener(event, handler)


def wired(page):
    """The page listens to its controls: what is chosen or dropped before is lost."""
    page.wait_for_selector("#language:enabled")
