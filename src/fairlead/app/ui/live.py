"""The stream of events for an open page: status, choices, findings, and the parts of the map that have changed."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from fairlead.app.ui.changes import Changes, summary
from fairlead.app.ui.doctor import Doctor
from fairlead.app.ui.pictures import language_of, map_of, words_of
from fairlead.app.ui.views import choices
from fairlead.app.ui.world import World
from fairlead.drivers.ui.exchange import PageRequest, Stream, event
from fairlead.explain.cluster import Cluster
from fairlead.explain.picture.drawing import fragments

_REST = 0.08  # seconds between pictures: a screen shows no more, and a busy cluster would ask for more
_HEARTBEAT = 15.0  # seconds; a page that hears nothing for longer connects again


class Live:
    """Makes the streams of all pages."""

    def __init__(self, world: World, doctor: Doctor) -> None:
        self._world, self._doctor = world, doctor

    async def handle(self, request: PageRequest) -> Stream:
        return self._stream(request)

    async def _stream(self, request: PageRequest) -> Stream:
        """Events until the page is closed."""
        page = _Page(request)
        async with self._world.held():
            version = -1
            while True:
                newer = await self._newer(version)
                if newer is None:
                    yield event("alive", {})
                    continue
                version = newer
                for name, document in await self._news(page):
                    yield event(name, document)
                await asyncio.sleep(_REST)

    async def _newer(self, version: int) -> int | None:
        """The version that is there when there is a newer one; None when there has been none for a while."""
        try:
            async with asyncio.timeout(_HEARTBEAT):
                return await self._world.newer(version)
        except TimeoutError:
            return None

    async def _news(self, page: "_Page") -> list[tuple[str, Any]]:
        world, found = self._world, list[tuple[str, Any]]()
        found += page.changed("status", self._status())
        if world.cluster is not None:
            self._doctor.look_at(world.cluster)
            found += await asyncio.to_thread(lambda cluster: list(page.shown(cluster)), world.cluster)
        if page.wants_changes:
            found += page.news_of(world.changes)
        if self._doctor.diagnoses is not None:
            found += page.changed("doctor", self._doctor.diagnoses[page.language])
        return found

    def _status(self) -> dict[str, Any]:
        options, cluster = self._world.options, self._world.cluster
        return {
            "title": options.title,
            "live": options.is_live,
            "lab": options.lab is not None,
            "allowsChanges": options.allows_changes,
            "trouble": self._world.trouble,
            "read": cluster is not None,
            "faults": [f"{fault.where}: {fault.message}" for fault in cluster.faults] if cluster else [],
        }


class _Page:
    """The events that one page has received."""

    def __init__(self, request: PageRequest) -> None:
        query = request.query
        self._word, self.language = words_of(query), language_of(query)
        self.wants_changes = query.get("view") == "changes"
        self._has_map = query.get("view", "map") == "map"
        self._query = query
        self._told: dict[str, Any] = {}
        self._parts: Mapping[str, str] = {}

    def changed(self, name: str, document: Any) -> Iterator[tuple[str, Any]]:
        """The event, unless it equals the last one of its name."""
        if self._told.get(name) != document:
            self._told[name] = document
            yield name, document

    def news_of(self, changes: Changes) -> Iterator[tuple[str, Any]]:
        if self._told.get("version of changes") != changes.version:
            self._told["version of changes"] = changes.version
            yield "changes", summary(changes.spread.changes(), self.language)

    def shown(self, cluster: Cluster) -> Iterator[tuple[str, Any]]:
        yield from self.changed("choices", choices(cluster))
        if self._has_map:
            yield from self._picture(cluster)

    def _picture(self, cluster: Cluster) -> Iterator[tuple[str, Any]]:
        scene = map_of(cluster, self._query)
        parts = fragments(scene, self._word)
        is_first = "size" not in self._told
        size = {"width": scene.width, "height": scene.height}
        new = {key: part for key, part in parts.items() if self._parts.get(key) != part}
        gone = [key for key in self._parts if key not in parts]
        if new or gone or size != self._told.get("size"):
            yield "picture", {**size, "whole": is_first, "set": new, "remove": gone}
        self._told["size"], self._parts = size, parts
