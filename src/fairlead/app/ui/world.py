"""The cluster that the page shows: read from files, or followed for as long as a page is open, and a little longer.

Nobody pays for a page that is not open: the first one starts the watches, and some seconds after the last has gone they
end. A cluster that goes away, or a lab that is started again under its name, is found again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

from fairlead.app.lab.commands import enter
from fairlead.app.lab.fork import LabError
from fairlead.app.ui.changes import Changes
from fairlead.app.ui.options import UiOptions
from fairlead.drivers.kube.client import KubeClient, KubeError, Unreachable
from fairlead.drivers.sources.files import ClusterFileError, read_cluster_files
from fairlead.drivers.sources.following import FollowedCluster
from fairlead.explain.cluster import Cluster

LINGER = 3.0  # seconds that watches outlive the last page, so that a reload finds everything there
_LOOK = 1.0  # seconds between looks at whether the watches live
_DEAD = 2.5  # seconds after which a dead watch is reported
_FIRST = 12.0  # seconds that a request waits for a first reading

log = logging.getLogger(__name__)


class NotRead(Exception):
    """Nothing could be read; the message says why."""


class _MovedElsewhere(Exception):
    """The kubeconfig is another one now."""


class World:
    """Keeps the newest cluster, and wakes those who wait for a newer one.

    Attributes:
        changes: how those spread that came while it was followed.
        cluster: None until something has been read. trouble: why it may be old; "" while all is well.
        version: counts what is new: clusters, troubles, and what others make of them.
    """

    def __init__(self, options: UiOptions, linger: float = LINGER) -> None:
        self.options = options
        self.cluster: Cluster | None = None
        self.trouble = ""
        self.version = 0
        self.changes = Changes(options, self.wake)
        self._linger = linger
        self._holds = 0
        self._task: asyncio.Task[None] | None = None
        self._end: asyncio.TimerHandle | None = None
        self._news = asyncio.Condition()
        self._wakers: set[asyncio.Task[None]] = set()

    @property
    def is_followed(self) -> bool:
        return self._task is not None

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Keep the cluster up to date in this context."""
        self._holds += 1
        if self._end is not None:
            self._end.cancel()
            self._end = None
        if self._task is None:
            self._task = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            self._holds -= 1
            if self._holds == 0:
                self._end = asyncio.get_running_loop().call_later(self._linger, self._stop)

    async def now(self) -> Cluster:
        """The cluster as it is.

        Raises:
            NotRead: nothing has been read for a while.
        """
        async with self.held():
            with suppress(TimeoutError):
                async with asyncio.timeout(_FIRST):
                    while self.cluster is None and not self.trouble:
                        await self.newer(self.version)
            if self.cluster is None:
                raise NotRead(self.trouble or "nothing has been read yet")
            return self.cluster

    async def newer(self, version: int) -> int:
        """Return when there is something newer than this version, and its version."""
        async with self._news:
            await self._news.wait_for(lambda: self.version > version)
            return self.version

    def _stop(self) -> None:
        self._end = None
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self.options.is_live:
            self.cluster = None  # it would be old when the next page comes

    async def _keep(self) -> None:
        if self.options.files:
            await self._read_files()
            return
        while True:
            try:
                await self._follow()
            except _MovedElsewhere:
                log.info("the kubeconfig has changed: reading again")
            except (LabError, KubeError, Unreachable, OSError) as error:
                self._tell(str(error))
                await asyncio.sleep(_LOOK)
            except Exception as error:  # a fault of ours must not leave an open page without news
                log.exception("following the cluster has failed")
                self._tell(f"following the cluster has failed: {error}")
                await asyncio.sleep(_LOOK)

    async def _read_files(self) -> None:
        try:
            self.publish(await asyncio.to_thread(read_cluster_files, self.options.files, self.options.zone))
        except ClusterFileError as error:
            self._tell(str(error))

    async def _follow(self) -> None:
        path = self.kubeconfig()
        stamp = _stamp(path)
        async with KubeClient.from_kubeconfig(path, self.options.context, part="ui") as client:
            following = FollowedCluster(
                client, self.options.zone, partial(self._publish_live, client), self.changes.seen
            )
            try:
                with self.changes.followed():
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(following.run())
                        tasks.create_task(self._look_after(following, path, stamp))
            except* _MovedElsewhere:
                raise _MovedElsewhere from None

    def kubeconfig(self) -> str | None:
        """The kubeconfig to use; raises LabError for a lab that does not run."""
        if self.options.lab is None:
            return self.options.kubeconfig
        return str(enter.find_home(self.options.lab).kubeconfig)

    async def _look_after(self, following: FollowedCluster, path: str | None, stamp: object) -> None:
        """Tell when watches die, and end when it is another cluster that should be read."""
        while True:
            await asyncio.sleep(_LOOK)
            dead = following.dead_for
            if dead > _DEAD:
                if (path and _stamp(path) != stamp) or self.kubeconfig() != path:
                    raise _MovedElsewhere
                self._tell("the API server does not answer")
            elif self.trouble and self.cluster is not None:
                self._tell("")

    def _publish_live(self, client: KubeClient, cluster: Cluster) -> None:
        self.publish(cluster)
        self.changes.published(client, cluster)

    def publish(self, cluster: Cluster) -> None:
        """Publish a newer cluster."""
        self.cluster, self.trouble = cluster, ""
        self.wake()

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            self.wake()

    def wake(self) -> None:
        """Wake all pages, since something has changed."""
        self.version += 1
        task = asyncio.get_running_loop().create_task(self._notify())
        self._wakers.add(task)
        task.add_done_callback(self._wakers.discard)

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()


def _stamp(path: str | None) -> object:
    """A value that changes when a file is written."""
    if path is None:
        return None
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
