"""The kinds that the API server has: follows their objects for controllers that are concerned with every kind.

Read only for those. Groups are looked at again from time to time, since a server behind the API server that has some of
them may be down, or may be added, at any moment; nobody else waits for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from fairlead.app.controllers.custom_kinds import DEFINITIONS, Follower, custom_collections
from fairlead.app.controllers.watches import ControllerWatches, Watched
from fairlead.drivers.kube.client import KubeClient, KubeError
from fairlead.drivers.kube.discovery import Discovered, Discovery, discover, preferred_versions
from fairlead.drivers.kube.retry import until_answered
from fairlead.model.custom_kinds import CustomResourceDefinition
from fairlead.model.objects import KubeObject

T = TypeVar("T")

LOOK_AGAIN = 30.0  # seconds, as upstream's garbage collector
PATIENCE = 30.0  # seconds for the first lists of all kinds; those that are late are done without
_NO_CUSTOM_KINDS = (403, 404)  # not to be seen, or not served: then there are none to leave out
_VERBS = frozenset({"list", "watch", "delete"})


class ServedKinds:
    """Every kind whose objects can be watched and deleted, but Events and those that users define.

    Attributes:
        collections: those that are followed.
        faults: by group version, why its kinds are not known.
    """

    def __init__(self, client: KubeClient, watches: ControllerWatches) -> None:
        self.collections: list[Discovered] = []
        self.faults: dict[str, str] = {}
        self._client, self._watches = client, watches
        self._groups: list[str] = []
        self._followers: list[Follower] = []
        self._watched: list[Watched[KubeObject]] = []
        self._is_read = asyncio.Event()

    @property
    def is_wanted(self) -> bool:
        return bool(self._followers)

    def listen(self, follower: Follower) -> None:
        """Hear of each collection when it is found; must be called before ``run``."""
        self._followers.append(follower)

    async def run(self) -> None:
        """Look at what there is, again and again, until cancelled; never raises for the server's faults."""
        while True:
            await self._answer(self._read, "read which resources there are")
            self._is_read.set()
            await self._change()

    async def _change(self) -> None:
        """Wait until it is time to read everything again: some of it could not be read, or there are other groups."""
        groups: list[str] | None = self._groups
        while groups == self._groups:
            await asyncio.sleep(LOOK_AGAIN)
            if self.faults:
                return
            groups = await self._answer(self._versions, "read which API groups there are")

    async def discovered(self) -> None:
        """Wait until it is known which kinds there are, but for those in ``faults``."""
        await self._is_read.wait()

    async def synced(self) -> None:
        """Wait until the objects of all kinds have been read, but not for long: a server of some may be down."""
        await self.discovered()
        reading = [asyncio.ensure_future(watched.synced()) for watched in self._watched]
        try:
            await asyncio.wait(reading, timeout=PATIENCE)
        finally:
            for each in reading:
                each.cancel()

    async def _read(self) -> None:
        groups = await preferred_versions(self._client)
        discovery = await discover(self._client)
        custom = custom_collections(await self._definitions())
        known = {collection.resource for collection in self.collections}
        for found in filter(_is_followed, discovery.found):
            if (_group(found), found.resource.plural) not in custom and found.resource not in known:
                self._follow(found)
        self._groups, self.faults = groups, discovery.faults
        self._tell(discovery)

    def _follow(self, found: Discovered) -> None:
        watched = self._watches.of(found.resource, KubeObject, is_needed=False)
        self.collections.append(found)
        self._watched.append(watched)
        for follower in self._followers:
            follower(found, watched)

    def _tell(self, discovery: Discovery) -> None:
        deed = "read the resources of some API groups"
        if not discovery.faults:
            self._client.troubles.over(deed)
            return
        reasons = "; ".join(f"{group}: {reason}" for group, reason in sorted(discovery.faults.items()))
        self._client.troubles.met(KubeError(503, "ServiceUnavailable", reasons), deed, deed)

    async def _definitions(self) -> list[CustomResourceDefinition]:
        try:
            listed = await self._client.get(DEFINITIONS.path())
        except KubeError as error:
            if error.code not in _NO_CUSTOM_KINDS:
                raise
            return []
        return msgspec.json.decode(listed, type=_Definitions).items

    async def _versions(self) -> list[str]:
        return await preferred_versions(self._client)

    async def _answer(self, ask: Callable[[], Awaitable[T]], deed: str) -> T | None:
        return await until_answered(ask, deed, self._client.troubles)


class _Definitions(msgspec.Struct):
    items: list[CustomResourceDefinition] = []


def _is_followed(discovered: Discovered) -> bool:
    return discovered.verbs >= _VERBS and discovered.kind != "Event"


def _group(discovered: Discovered) -> str:
    return discovered.resource.group_version.rpartition("/")[0]
