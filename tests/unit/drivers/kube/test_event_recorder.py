"""The number of written Events is limited."""

import asyncio
from contextlib import suppress
from itertools import count

import pytest

from fairlead.drivers.kube.errors import KubeError, Unreachable
from fairlead.drivers.kube.event_recorder import AGAIN_AFTER, OF_OBJECT, EventBudget, EventWriter
from fairlead.drivers.kube.troubles import Troubles
from fairlead.model.decode import decode
from fairlead.model.events import EventText
from fairlead.model.objects import KubeObject
from tests.support.virtual_time import VirtualLoop


class Done(Exception):
    """The last Event has come."""


class Api:
    troubles = Troubles("https://fake", "a test")

    def __init__(self):
        self.created, self.patched = [], []

    async def create(self, path, document):
        if document["reason"] == "Last":
            raise Done
        self.created.append(document)

    async def patch(self, path, document):
        self.patched.append(document)


def written(events, *, routine=None, clock=lambda: 0.0):
    """What an API is given when these are recorded, each with the UID of its object."""

    async def scenario():
        api = Api()
        writer = EventWriter(api, routine, clock)
        recorder = writer.recorder("kubelet")
        for uid, event in events:
            about = decode(KubeObject, {"metadata": {"name": "p", "namespace": "n", "uid": uid}})
            recorder.record(about, "v1", "Pod", event)
        recorder.record(
            decode(KubeObject, {"metadata": {"name": "last", "uid": "last"}}),
            "v1",
            "Pod",
            EventText("Last", "", "Last"),
        )
        with suppress(Done):
            await writer.run()
        return api

    return asyncio.run(scenario())


def test_repeated_events_are_counted():
    api = written([("a", EventText("BackOff", "again", "Warning"))] * 3)
    assert (len(api.created), [patch["count"] for patch in api.patched]) == (1, [2, 3])


def test_one_object_does_not_get_more_than_its_allowance():
    api = written([("a", EventText("Unhealthy", str(n), "Warning")) for n in range(100)] + [("b", EventText("x", "y"))])
    assert len(api.created) == OF_OBJECT.burst + 1


def test_time_gives_an_object_more():
    minutes = count()
    events = [("a", EventText("Unhealthy", str(n), "Warning")) for n in range(100)]
    api = written(events, clock=lambda: 300.0 * next(minutes))
    assert len(api.created) == len(events)


def test_routine_is_bounded_for_all_objects_together_and_warnings_are_not():
    events = [(str(n), EventText("Started", "it runs", kind)) for n in range(50) for kind in ("Normal", "Warning")]
    api = written(events, routine=EventBudget(10, 1))
    kinds = [document["type"] for document in api.created]
    assert (kinds.count("Normal"), kinds.count("Warning")) == (10, 50)


TRIES = 1 + len(AGAIN_AFTER)


class Troubled(Api):
    """Answers with these errors, one after the other, before it takes Events."""

    def __init__(self, *errors):
        super().__init__()
        self.errors = list(errors)
        self.attempts = 0

    async def create(self, path, document):
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        self.created.append(document)


@pytest.mark.parametrize(
    ("errors", "attempts", "reasons"),
    [
        ([KubeError(500, "InternalError", "the disk is full")] * 3, 5, ["First", "Second"]),
        ([Unreachable("away")], 3, ["First", "Second"]),
        ([KubeError(422, "Invalid", "no")], 2, ["Second"]),
        ([KubeError(500, "InternalError", "the disk is full")] * TRIES, TRIES + 1, ["Second"]),
    ],
)
def test_an_event_that_a_server_cannot_take_now_is_tried_again_for_a_while(errors, attempts, reasons):
    loop, api = VirtualLoop(), Troubled(*errors)
    writer = EventWriter(api)
    about = decode(KubeObject, {"metadata": {"name": "p", "namespace": "n", "uid": "u"}})
    for reason in ("First", "Second"):
        writer.recorder("kubelet").record(about, "v1", "Pod", EventText(reason, ""))
    loop.create_task(writer.run())
    loop.advance(3 * sum(AGAIN_AFTER))
    loop.finish()
    assert (api.attempts, [document["reason"] for document in api.created]) == (attempts, reasons)
