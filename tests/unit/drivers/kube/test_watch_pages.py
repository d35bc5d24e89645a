"""Pages of a watching part for probes and scrapers."""

import pytest

from fairlead.drivers.kube.client import PODS
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.kube.watch_pages import UNREADY_AFTER, pages_of
from fairlead.model.objects import Pod
from tests.support.scripted_api import ScriptedApi
from tests.support.virtual_time import VirtualLoop


class Part:
    """One informer, its server, and its pages."""

    def __init__(self):
        self.loop = VirtualLoop()
        self.is_ready = True
        self.loop.run_until_complete(self._make())

    async def _make(self):
        self.api = ScriptedApi()
        self.informer = Informer(self.api, PODS, Pod, lambda old, new: None, now=self.loop.time)
        self.pages = pages_of(lambda: [self.informer], lambda: self.is_ready)

    def start(self):
        self.task = self.loop.create_task(self.informer.run())
        self.loop.advance(1)

    def ready(self):
        page = self.pages["/readyz"]()
        return page.status.value, page.body

    def metric(self, name):
        lines = self.pages["/metrics"]().body.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f'{name}{{resource="pods"}}'))


@pytest.fixture
def part():
    made = Part()
    yield made
    made.loop.finish()


def test_the_page_is_ready_when_everything_has_been_read(part):
    assert part.ready() == (503, "not yet read: pods")
    assert part.pages["/healthz"]().body == "ok"
    part.start()
    assert part.ready() == (200, "ok")
    part.is_ready = False
    assert part.ready() == (503, "not yet read: anything")


def test_a_dead_watch_is_reported_at_once_and_makes_unready_after_a_while(part):
    part.start()
    part.api.is_refusing = True
    part.loop.run_until_complete(part.api.cut())
    part.loop.advance(60)
    status, text = part.ready()
    assert (status, text.splitlines()[1][:22]) == (200, "watch of pods dead for")
    assert part.metric("fairlead_watch_dead_seconds") >= 59
    part.loop.advance(UNREADY_AFTER)
    assert part.ready()[0] == 503
    part.api.heal()
    part.loop.advance(10)
    assert part.ready() == (200, "ok")
    assert part.metric("fairlead_watch_dead_seconds") == 0


def test_silence_for_an_hour_changes_nothing(part):
    part.start()
    part.loop.run_until_complete(part.api.write("a"))
    for _ in range(60):
        part.loop.advance(60)
        assert part.ready() == (200, "ok")
        assert part.metric("fairlead_watch_age_seconds") <= 80
    assert part.metric("fairlead_watch_objects") == 1
