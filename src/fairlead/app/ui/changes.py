"""Follows changes as they spread: events of the watch, marks of a lab's parts, and answers of DNS servers."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec

from fairlead.app.lab.commands import enter
from fairlead.app.ui.exports import Parts, file_of, style_of
from fairlead.app.ui.options import UiOptions
from fairlead.app.ui.pictures import language_of, width_of, words_of
from fairlead.app.ui.views import View
from fairlead.drivers.change_marks import recent_marks
from fairlead.drivers.kube.client import KubeClient, KubeError, Unreachable
from fairlead.drivers.kube.document_informer import Whole
from fairlead.drivers.lab.running_labs import marks_folder
from fairlead.drivers.ui.exchange import PageRequest
from fairlead.drivers.ui.marks_socket import listening
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.languages import translated
from fairlead.explain.picture.timeline import timeline
from fairlead.explain.resolving import DNS_NAMESPACE
from fairlead.explain.spreading import SpreadingChange, SpreadingChanges
from fairlead.explain.subjects import NoSuchObject
from fairlead.model.marks import Mark
from fairlead.model.objects import Pod

_DNS_LABEL = ("k8s-app", "kube-dns")
_METRICS_PORT = 9153
_WAITS = (0.05, 0.2, 1.0, 3.0)  # seconds after a change, at which DNS servers are asked whether they have followed
_QUIET = 60.0  # seconds until a DNS server without marks is asked again
_REMEMBERED = 600.0  # seconds before the page was opened, of which changes are shown
_SETTLE = 0.15  # seconds in which marks are taken together

log = logging.getLogger(__name__)


class Changes:
    """Keeps the newest changes.

    Args:
        wake: called when there is something new.
    """

    def __init__(self, options: UiOptions, wake: Callable[[], None]) -> None:
        self.spread = SpreadingChanges()
        self.version = 0
        self._options, self._wake = options, wake
        self._settling: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None
        self._silent: dict[str, float] = {}
        self._known = False

    @contextmanager
    def followed(self) -> Iterator[None]:
        """Receive the marks of a lab's parts in this context."""
        self._known = False
        with ExitStack() as stack:
            if self._options.lab is not None:
                folder = marks_folder(enter.find_home(self._options.lab).folder)
                try:
                    stack.enter_context(listening(folder, self._hear_marks))
                except OSError as error:
                    log.warning("the parts of the lab cannot be heard: %s", error)
                self.spread.remember(recent_marks(folder, time.time() - _REMEMBERED))
                self.version += 1
            yield

    def seen(self, ref: Ref, old: Whole | None, new: Whole | None) -> None:
        """Record an object's change that the watch reports."""
        if not self._known:
            return
        documents = (old.document if old else None, new.document if new else None)
        if self.spread.hear(ref, *documents, time.time()):
            self._news()

    def published(self, client: KubeClient, cluster: Cluster) -> None:
        """Publish a newer cluster. After the first one, DNS servers are asked about changes."""
        if self._known and self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask(client, cluster))
        if not self._known:
            self.spread.place(cluster)
        self._known = True

    def _hear_marks(self, marks: list[Mark]) -> None:
        self.spread.mark(marks)
        self._news()

    def _news(self) -> None:
        self.version += 1
        if self._settling is None:
            self._settling = asyncio.get_running_loop().call_later(_SETTLE, self._settled)

    def _settled(self) -> None:
        self._settling = None
        self._wake()

    async def _ask(self, client: KubeClient, cluster: Cluster) -> None:
        since = time.time() - 2.0
        try:
            for wait in _WAITS:
                await asyncio.sleep(wait)
                servers = [pod for pod in _dns_servers(cluster) if self._should_ask(pod, since)]
                if not servers:
                    return
                for pod in servers:
                    await self._ask_one(client, pod)
        finally:
            self._asking = None

    def _should_ask(self, pod: Pod, since: float) -> bool:
        is_silent = time.monotonic() - self._silent.get(pod.name, -_QUIET) < _QUIET
        return not is_silent and self.spread.waits_for(pod.name, since)

    async def _ask_one(self, client: KubeClient, pod: Pod) -> None:
        path = f"/api/v1/namespaces/{pod.namespace}/pods/{pod.name}:{_METRICS_PORT}/proxy/changes"
        try:
            marks = msgspec.json.decode(await client.get(path), type=list[Mark])
        except (KubeError, Unreachable, msgspec.DecodeError):
            self._silent[pod.name] = time.monotonic()  # another DNS server, or rights that do not reach so far
            return
        self._hear_marks([msgspec.structs.replace(mark, part=pod.name) for mark in marks])


def _dns_servers(cluster: Cluster) -> list[Pod]:
    key, value = _DNS_LABEL
    return [pod for pod in cluster.pods_in(DNS_NAMESPACE) if pod.labels.get(key) == value and pod.is_ready]


def summary(changes: list[SpreadingChange], language: str) -> list[dict[str, Any]]:
    """The changes as the page lists them."""
    told = (_in_language(change, language) for change in changes)
    return [
        {
            "id": change.id, "subject": change.subject, "causes": change.causes, "at": change.began,
            "milliseconds": change.seconds * 1000, "rows": [row._asdict() for row in change.rows],
        }
        for change in told
    ]  # fmt: skip


def _in_language(change: SpreadingChange, language: str) -> SpreadingChange:
    return change._replace(causes=tuple(translated(cause, language) for cause in change.causes))


def find(changes: list[SpreadingChange], query: Mapping[str, str]) -> SpreadingChange:
    """The change that is asked for, in the language that is; without a name, the newest.

    Raises:
        NoSuchObject: there is none.
    """
    id_ = query.get("id", "")
    found = next((change for change in changes if id_ in ("", change.id)), None)
    if found is None:
        raise NoSuchObject("this change is not remembered any more" if id_ else "nothing has changed yet")
    return _in_language(found, language_of(query))


def views_of(changes: Changes) -> tuple[View, View]:
    """The pages that show a change as a time line, and export it."""

    def show(cluster: Cluster, request: PageRequest, options: UiOptions) -> Any:
        change = find(changes.spread.changes(), request.query)
        return {"id": change.id, "svg": timeline(change, words_of(request.query), width_of(request.query))}

    def save(cluster: Cluster, request: PageRequest, options: UiOptions) -> Any:
        query, all_changes = request.query, changes.spread.changes()
        change = find(all_changes, query)
        picture = timeline(change, words_of(query), width_of(query), style_of(query))
        parts = Parts(f"{change.subject}: {', '.join(change.causes)}", picture)
        return file_of("changes", parts, query, options, datetime.now(UTC))

    return show, save
