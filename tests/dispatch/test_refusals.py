"""Studies that cannot be measured: which archive gets the page about them, by the settings."""

from dataclasses import dataclass, field

import pytest

from opacimeter.app.archives import following
from opacimeter.checks import Check
from opacimeter.dispatch import Correspondent, Dispatch, Filing, Notifying
from opacimeter.errors import IntakeRejected
from opacimeter.exchange import Sent
from opacimeter.exchange.instances import identified
from opacimeter.report import Choices, render_rejection
from opacimeter.settings import Pacs, Settings
from opacimeter.store import DeliveryStatus, Origin, Store
from tests.fakes import MODEL, Clock, fake_find, incoming
from tests.report import chests

TOO_FEW = Check("too-few-slices", "The series has 4 images; at least 10 are needed.")


@dataclass
class Shelf:
    """An archive that takes all, and cannot be asked what it has."""

    name: str
    taken: list[str] = field(default_factory=list)

    def send(self, files):
        self.taken += [file.name for file in files]
        return Sent(frozenset(each.uid for each in identified(files).values()))

    def confirm(self, _instances):
        return None


class Place:
    """A store with the archives of the settings, and a queue that does each turn at once."""

    def __init__(self, folder, *pacs):
        self.folder = folder
        settings = Settings(data_dir=folder / "data", pacs=pacs)
        follows = following(settings)
        self.shelves = {each.name: Shelf(each.name) for each in pacs}
        places = {each.name: each for each in follows.destinations}
        known = {
            name: Correspondent(shelf, places.get(name)) for name, shelf in self.shelves.items()
        }
        self.store = Store(settings.data_dir, clock=Clock(), following=follows)
        filing = Filing(self.store, fake_find, lambda _job, _low: None)
        self.dispatch = Dispatch(self.store, self._submit, filing, known, Notifying(self.store, {}))

    def _submit(self, job, *, line="assess", lane=None, low=False):
        if line == "deliver":
            self.dispatch.send(job)

    def reject(self, *, header=True, origin=Origin.UPLOAD):
        """A study comes and is rejected, with all that is made of it, and what is due is done."""
        arrived = incoming(self.folder / "in", chests.STUDY)
        object.__setattr__(arrived, "origin", origin)
        job = self.store.arrivals.receive(arrived).job
        run = self.store.runs.begin(job, attempts=3, model=MODEL)
        told = chests.classic(chests.SCANS["supine"])[0] if header else None
        rejection = IntakeRejected((TOO_FEW,), told)
        made = render_rejection(rejection, run.record, Choices(refusals=True))
        run.reject(made, checks=rejection.checks)
        self.dispatch.hand_out()
        return {name: shelf.taken for name, shelf in self.shelves.items() if shelf.taken}


@pytest.fixture
def place(tmp_path):
    """Opens a place with archives, and closes it."""
    opened = []

    def make(**asked):
        archives = [
            Pacs(name=name, kind="dicomweb", url="http://pacs.example", priors=False, **about)
            for name, about in asked.items()
        ]
        opened.append(Place(tmp_path, *archives))
        return opened[-1]

    yield make
    for each in opened:
        each.store.close()


def test_only_who_asked_gets_the_page_and_nothing_else(place):
    asked = place(asks={"send_rejections": True}, silent={})
    assert asked.reject() == {"asks": ["refusal.dcm"]}
    (delivery,) = asked.store.deliveries.page().deliveries
    assert (delivery.destination, delivery.status) == ("asks", DeliveryStatus.DELIVERED)
    assert [(each["name"], each["stored"]) for each in delivery.objects] == [("refusal.dcm", True)]


def test_an_archive_that_wants_no_results_may_want_the_page(place):
    assert place(asks={"send": (), "send_rejections": True}).reject() == {"asks": ["refusal.dcm"]}


def test_nothing_goes_where_no_header_says_whose_study_it_is(place):
    asked = place(asks={"send_rejections": True})
    assert asked.reject(header=False) == {}
    assert asked.store.deliveries.page().deliveries == ()


@pytest.mark.parametrize(
    ("origin", "backfill", "taken"),
    [
        (Origin.PRIOR, False, {}),
        (Origin.PRIOR, True, {}),
        (Origin.BACKFILL, False, {}),
        (Origin.BACKFILL, True, {"asks": ["refusal.dcm"]}),
        (Origin.PULL, False, {"asks": ["refusal.dcm"]}),
        (Origin.DIMSE, False, {"asks": ["refusal.dcm"]}),
    ],
)
def test_of_what_nobody_sent_it_goes_only_where_that_is_wanted(place, origin, backfill, taken):
    asked = place(asks={"send_rejections": True, "send_backfill": backfill})
    assert asked.reject(origin=origin) == taken
