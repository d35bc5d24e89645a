"""Records the processes of a Pod in a file, which commands that enter Pods read.

The newest Pod of a name has the file of that name. One that was deleted by force can still be ending then, and leaves
the file alone.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from fairlead.app.node.container import ContainerRun
from fairlead.drivers.pods.launching.launcher import Child
from fairlead.model.document import Doc
from fairlead.nodeagent.manifest import RunPod


class PodIndex:
    """The file of one Pod.

    Args:
        folder: the folder for files of the node's Pods.
    """

    def __init__(self, folder: Path, pod: RunPod) -> None:
        self._path = folder / f"{pod.namespace}_{pod.name}.json"
        self._uid = pod.metadata.uid
        self._has_written = False

    def write(self, sandbox: Child | None, containers: Iterable[ContainerRun]) -> None:
        """Write the Pod's processes atomically, because another process can be reading. Without a sandbox there are
        none."""
        if sandbox is None:
            self.remove()
            return
        if self._has_written and self._holder() not in (None, self._uid):
            return
        self._has_written = True
        processes = {each.container.name: _process(each) for each in containers}
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps({"uid": self._uid, "sandbox": sandbox.pid, "containers": processes}))
        draft.rename(self._path)

    def remove(self) -> None:
        """There are no processes."""
        if self._holder() == self._uid:
            self._path.unlink(missing_ok=True)

    def _holder(self) -> str | None:
        """The UID of the Pod that has the file; None if there is no file."""
        try:
            return str(json.loads(self._path.read_text())["uid"])
        except FileNotFoundError:
            return None


def forget_pods(folder: Path) -> None:
    """Remove the index of an earlier agent: PIDs of ended processes might have been reused."""
    for path in folder.glob("*.json"):
        path.unlink(missing_ok=True)


def _process(container: ContainerRun) -> Doc:
    running = container.running
    if running is None:
        return {"pid": None}
    spec = running.spec
    return {
        "pid": running.process.pid,
        "environment": spec.environment,
        "credentials": spec.credentials,
        "directory": spec.directory if spec.root else "/",
        "only_own": spec.root is not None,
    }
