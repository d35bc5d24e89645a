"""Open watches: which of them a change wakes, and bookmarks despite irrelevant changes."""

import asyncio
import json
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.drivers.apiserver import watch_feeds, watch_stream
from fairlead.drivers.apiserver.store.durable_state import DurableState
from fairlead.drivers.apiserver.watch_stream import WatchHolder, WatchStreams
from fairlead.model.names import ObjectKey
from fairlead.registry import store
from fairlead.registry.selectors import FieldTerm, Selection
from fairlead.registry.store import Change, Stored
from fairlead.registry.verbs.watches import event_for, trigger_of, triggers_of
from tests.support.api_world import ApiWorld, pod
from tests.support.counted_calls import counted

PODS = "/api/v1/namespaces/default/pods"
EVERYWHERE = "/api/v1/pods"
NODES = [f"node-{number}" for number in range(20)]


class Disk:
    is_full = False

    def write(self, changes):
        pass

    def close(self):
        pass


async def no_servers(questions):
    raise AssertionError(questions)


class OpenWatches:
    """A server's watches; ``matched`` counts the changes that any of them was held against."""

    def __init__(self):
        self.world = ApiWorld()
        self.state = DurableState(self.world.state, Disk())
        self._streams = WatchStreams(self.state, self.world.kinds, no_servers)
        self._tasks = []
        self.matched = 0

    async def open(self, url):
        """The list of events, as (type, document), that grows with what the watch is shown."""
        events = []

        async def receive():
            await asyncio.Event().wait()

        async def send(message):
            for line in message.get("body", b"").splitlines():
                event = json.loads(line)
                events.append((event["type"], event["object"]))

        watch = self.world.ask("GET", url)
        self._tasks.append(asyncio.ensure_future(self._streams.serve(watch, WatchHolder("joe", 1.0), receive, send)))
        await settle()
        return events

    async def write(self, method, url, document=None, **options):
        await self.state.commit(self.world.ask(method, url, document, **options).step)
        await settle()

    def count(self, *arguments):
        self.matched += 1
        return event_for(*arguments)

    async def close(self):
        self._streams.close()
        await asyncio.gather(*self._tasks)
        await self.state.close()


async def settle():
    """Until all that is woken by now has done its work."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def in_server(monkeypatch):
    def run(scenario):
        async def whole():
            server = OpenWatches()
            monkeypatch.setattr(watch_feeds, "event_for", server.count)
            await scenario(server)
            await server.close()

        asyncio.run(whole())

    return run


def of_node(name):
    return f"{EVERYWHERE}?watch=1&allowWatchBookmarks=true&fieldSelector=spec.nodeName={name}"


def shown(events):
    return [(type_, document["metadata"].get("name")) for type_, document in events]


def test_a_change_of_a_pod_wakes_only_the_watch_of_its_node(in_server):
    async def scenario(server):
        watches = {name: await server.open(of_node(name)) for name in NODES}
        await server.write("POST", PODS, pod("a", NODES[3]))
        assert server.matched == 1
        assert shown(watches[NODES[3]]) == [("ADDED", "a")]
        assert sum(map(len, watches.values())) == 1

    in_server(scenario)


@pytest.mark.parametrize(
    ("url", "concerned"),
    [
        (EVERYWHERE, True),
        (PODS, True),
        ("/api/v1/namespaces/kube-system/pods", False),
        (f"{EVERYWHERE}?fieldSelector=metadata.name=a", True),
        (f"{EVERYWHERE}?fieldSelector=metadata.name=b", False),
        (f"{EVERYWHERE}?fieldSelector=status.phase!=Failed", True),
        (f"{EVERYWHERE}?fieldSelector=spec.nodeName!=node-1", True),
        (f"{EVERYWHERE}?fieldSelector=spec.nodeName=node-2,status.phase=Pending", False),
        (f"{EVERYWHERE}?labelSelector=app=web", True),
        ("/api/v1/services", False),
    ],
)
def test_a_watch_is_held_against_what_can_concern_it(in_server, url, concerned):
    async def scenario(server):
        await server.open(f"{url}{'&' if '?' in url else '?'}watch=1")
        await server.write("POST", PODS, pod("a", "node-1"))
        assert server.matched == concerned

    in_server(scenario)


def test_an_object_that_leaves_a_selection_is_deleted_from_it(in_server):
    async def scenario(server):
        pending = await server.open(f"{EVERYWHERE}?watch=1&fieldSelector=spec.nodeName=")
        bound = await server.open(of_node("node-1"))
        await server.write("POST", PODS, pod("a"))
        target = {"apiVersion": "v1", "kind": "Binding", "target": {"kind": "Node", "name": "node-1"}}
        await server.write("POST", f"{PODS}/a/binding", {**target, "metadata": {"name": "a"}})
        assert shown(pending) == [("ADDED", "a"), ("DELETED", "a")]
        assert shown(bound) == [("ADDED", "a")]
        assert pending[1][1]["metadata"]["resourceVersion"] == bound[0][1]["metadata"]["resourceVersion"]

    in_server(scenario)


def test_a_watch_does_not_expire_by_changes_that_are_nothing_to_it(in_server):
    async def scenario(server):
        with mock.patch.object(store, "LOG_CHANGES", 3):
            events = await server.open(of_node("node-1"))
            for number in range(10):
                await server.write("POST", PODS, pod(f"other-{number}", "node-2"))
            await server.write("POST", PODS, pod("a", "node-1"))
        assert shown(events) == [("ADDED", "a")]
        assert server.matched == 1

    in_server(scenario)


def test_a_bookmark_tells_of_the_changes_that_were_nothing_to_a_watch(in_server, monkeypatch):
    async def scenario(server):
        events = await server.open(of_node("node-1"))
        monkeypatch.setattr(watch_stream, "BOOKMARK_SECONDS", 0.0)
        await server.write("POST", PODS, pod("a", "node-1"))
        await server.write("POST", PODS, pod("another", "node-2"))
        assert [type_ for type_, _ in events[:2]] == ["ADDED", "BOOKMARK"]
        assert events[-1][1]["metadata"]["resourceVersion"] == str(server.state.latest.version)
        assert server.matched == 1

    in_server(scenario)


def test_a_change_is_worked_out_once_for_all_watches_that_are_alike(in_server):
    async def scenario(server):
        alike = [await server.open(f"{EVERYWHERE}?watch=1") for _ in range(10)]
        await server.open(f"{EVERYWHERE}?watch=1&labelSelector=app=web")
        await server.write("POST", PODS, pod("a", labels={"app": "web"}))
        assert server.matched == 2
        assert [shown(events) for events in alike] == [[("ADDED", "a")]] * 10

    in_server(scenario)


@pytest.mark.parametrize("query", ["", "&labelSelector=app=web", "&fieldSelector=spec.nodeName=node-1"])
def test_one_more_watcher_takes_few_calls(in_server, query):
    """Each bound is a tenth more than is needed."""

    async def scenario(server):
        taken = []
        for amount in (5, 45):
            for _ in range(amount):
                await server.open(f"{EVERYWHERE}?watch=1{query}")
            step = server.world.ask("POST", PODS, pod(f"a{amount}", "node-1", labels={"app": "web"})).step
            with counted() as found:
                await server.state.commit(step)
                await settle()
            taken.append(found.count)
        assert (taken[1] - taken[0]) / 45 <= 60

    in_server(scenario)


def test_what_is_there_already_comes_in_few_chunks(in_server, monkeypatch):
    async def scenario(server):
        for number in range(50):
            await server.write("POST", PODS, pod(f"p{number:02}"))
        chunks = []
        monkeypatch.setattr(watch_stream, "_send_chunk", lambda send, body: send(chunks.append(body) or {"body": body}))
        events = await server.open(f"{EVERYWHERE}?watch=1&resourceVersion=0")
        assert shown(events) == [("ADDED", f"p{number:02}") for number in range(50)]
        assert len(chunks) <= 1 + sum(map(len, chunks)) / watch_stream.CHUNK_BYTES

    in_server(scenario)


VALUES = st.sampled_from(["", "x", "y"])
STORED = st.builds(lambda fields: Stored(b"{}", 1, {}, fields), st.tuples(VALUES, VALUES))
KEYS = st.builds(ObjectKey, VALUES, VALUES)
CHANGES = st.builds(
    lambda key, before, after, deleted: Change("pods", key, before, after, deleted and before is not None),
    KEYS,
    st.none() | STORED,
    STORED,
    st.booleans(),
)
TERMS = st.builds(FieldTerm, st.sampled_from([0, 1]), VALUES, st.booleans())
SELECTIONS = st.builds(
    lambda namespace, name, terms: Selection(
        namespace, name, names=((lambda key: key.name, name, False),) if name else (), fields=tuple(terms)
    ),
    VALUES,
    VALUES,
    st.lists(TERMS, max_size=2),
)


@given(CHANGES, SELECTIONS)
def test_every_visible_change_wakes_a_watch(change, selection):
    if event_for(change, selection):
        assert trigger_of("pods", selection) in set(triggers_of(change))
