"""An API server that does to a watch what API servers, networks and restores of etcd do, on whatever time the loop has.

It takes the place of a ``KubeClient`` towards an informer of Pods. Unlike ``fake_api`` it ends watches when they asked
for it, forgets its log, refuses, hangs, and goes back to a snapshot.
"""

import asyncio
import copy
from contextlib import asynccontextmanager

import msgspec

from fairlead.drivers.kube.client import REQUEST_TIMEOUT, KubeError, Unreachable, WatchEvent
from fairlead.drivers.kube.pulse import LOOK, PATIENCE, SILENCE
from fairlead.drivers.kube.troubles import Troubles

EXPIRED = KubeError(410, "Expired", "too old resource version")


class ScriptedApi:
    def __init__(self):
        self.troubles = Troubles("https://scripted", "a test")
        self.version, self.objects, self.log = 1, {}, []
        self.oldest = 1  # watches from before this version are refused
        self.faults = []  # raised by the next requests, one each
        self.is_hanging = self.is_refusing = False
        self.delay = 0.0  # seconds before a list is answered
        self.proxy_cuts = None  # seconds after which a quiet connection is cut
        self.cuts = 0  # how often all watches were cut
        self.lists = self.checks = self.watches = self.open = 0
        self.unwatched, self._unwatched_since = 0.0, None
        self.news = asyncio.Condition()

    # What happens to the data.

    async def write(self, name):
        self.version += 1
        kind = "MODIFIED" if name in self.objects else "ADDED"
        self.objects[name] = self.version
        await self._note(kind, name)

    async def delete(self, name):
        if name in self.objects:
            self.version += 1
            del self.objects[name]
            await self._note("DELETED", name)

    def snapshot(self):
        return self.version, dict(self.objects), copy.deepcopy(self.log)

    async def restore(self, snapshot, cut=True):
        """Go back, as etcd does; a server that is restarted for it loses its watches."""
        self.version, self.objects, self.log = snapshot[0], dict(snapshot[1]), copy.deepcopy(snapshot[2])
        if cut:
            await self.cut()

    def compact(self):
        self.oldest, self.log = self.version, []

    # What happens to the connections.

    async def cut(self):
        self.cuts += 1
        await self._wake()

    async def hang(self):
        self.is_hanging = True
        await self._wake()

    def heal(self):
        self.faults.clear()
        self.is_hanging = self.is_refusing = False
        self.delay, self.proxy_cuts = 0.0, None

    # What an informer does.

    async def get(self, path, query=None):
        if (query or {}).get("limit") == "1":
            self.checks += 1
        else:
            self.lists += 1
        await self._meet()
        await asyncio.sleep(self.delay)
        items = [_pod(name, version) for name, version in self.objects.items()]
        return msgspec.json.encode({"metadata": {"resourceVersion": str(self.version)}, "items": items})

    async def watch(self, path, query, opened=lambda: None):
        self.watches += 1
        await self._meet()
        seen, seconds = int(query["resourceVersion"]), float(query["timeoutSeconds"])
        if seen < self.oldest:
            raise EXPIRED
        async with self._opened():
            opened()
            loop = asyncio.get_running_loop()
            end, quiet_since, cuts = loop.time() + seconds, loop.time(), self.cuts
            while loop.time() < end:
                fresh = [] if self.is_hanging else [entry for entry in self.log if entry[0] > seen]
                for version, kind, pod in fresh:
                    seen, quiet_since = version, loop.time()
                    yield WatchEvent(kind, msgspec.Raw(msgspec.json.encode(pod)))
                await self._more(seen, self._until(end, quiet_since))
                self._interrupt(cuts, quiet_since)
            if self.is_hanging:
                raise Unreachable("the API server does not answer")

    # How it works.

    def _until(self, end, quiet_since):
        moments = [end]
        if self.proxy_cuts:
            moments.append(quiet_since + self.proxy_cuts)
        if self.is_hanging:
            moments.append(asyncio.get_running_loop().time() + SILENCE + LOOK + PATIENCE)
        return min(moments)

    def _interrupt(self, cuts, quiet_since):
        if cuts != self.cuts or self.is_refusing:
            raise Unreachable("connection reset")
        if self.proxy_cuts and asyncio.get_running_loop().time() >= quiet_since + self.proxy_cuts:
            raise Unreachable("connection reset by a proxy")

    async def _more(self, seen, until):
        """Until there is news of any kind, or the time is over; a server that hangs has only the time."""
        cuts, hanging = self.cuts, self.is_hanging

        def changed():
            fresh = not self.is_hanging and self.log and self.log[-1][0] > seen
            return fresh or cuts != self.cuts or hanging != self.is_hanging

        try:
            async with asyncio.timeout_at(until), self.news:
                await self.news.wait_for(changed)
        except TimeoutError:
            if self.is_hanging:
                raise Unreachable("the API server does not answer") from None

    async def _meet(self):
        """Whatever stands between a request and its answer."""
        if self.is_refusing:
            raise Unreachable("connection refused")
        if self.is_hanging:
            await asyncio.sleep(REQUEST_TIMEOUT)
            raise Unreachable("nothing was heard for 10 s")
        if self.faults:
            raise self.faults.pop(0)

    @asynccontextmanager
    async def _opened(self):
        self.open += 1
        if self._unwatched_since is not None:
            self.unwatched += asyncio.get_running_loop().time() - self._unwatched_since
        try:
            yield
        finally:
            self.open -= 1
            self._unwatched_since = asyncio.get_running_loop().time()

    async def _note(self, kind, name):
        self.log.append((self.version, kind, _pod(name, self.version)))
        await self._wake()

    async def _wake(self):
        async with self.news:
            self.news.notify_all()


def _pod(name, version):
    metadata = {"name": name, "namespace": "default", "uid": name, "resourceVersion": str(version)}
    return {"metadata": metadata}
