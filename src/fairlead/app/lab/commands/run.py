"""``fairlead run``: a command of this machine in a Pod that is created for it."""

import asyncio
import contextlib
import os
import sys
import tempfile

from fairlead.app.lab.commands.enter import PATIENCE, PodCommand, enter_pod
from fairlead.app.lab.fork import LabError
from fairlead.app.lab.settings import JOINED_LABEL
from fairlead.drivers.kube.client import PODS, KubeClient, KubeError, Unreachable
from fairlead.drivers.lab.enter import EnteredCommand, run_inside
from fairlead.drivers.lab.running_labs import RunningLab
from fairlead.model.decode import decode
from fairlead.model.document import Doc
from fairlead.model.objects import Pod

_SEEN = ("/usr", "/usr/local")  # by every Pod
RUN_IMAGE = "fairlead/pause"
_ON_THIS_HOST = {"nodeSelectorTerms": [{"matchExpressions": [{"key": JOINED_LABEL, "operator": "DoesNotExist"}]}]}


def run_as_pod(lab: RunningLab, namespace: str, arguments: tuple[str, ...]) -> int:
    """Run a command of this machine as if it were a Pod, in the caller's directory and with its environment; the
    command's exit code.

    Raises:
        LabError: the Pod does not start.
    """
    pod = asyncio.run(_create_pod(lab, namespace))
    try:
        place, _ = enter_pod(lab, PodCommand(namespace, pod, "", ()))
        return run_inside(place, EnteredCommand(arguments, os.environ, os.getcwd()))
    finally:
        asyncio.run(_delete_pod(lab, namespace, pod))


async def _create_pod(lab: RunningLab, namespace: str) -> str:
    """The name of a Pod that runs and does nothing."""
    document = pod_document()
    async with KubeClient.from_kubeconfig(lab.kubeconfig) as client:
        try:
            created = await client.create(PODS.path(namespace), document)
        except (KubeError, Unreachable) as error:
            raise LabError(str(error)) from error
        name = str(created["metadata"]["name"])
        query = {"fieldSelector": f"metadata.name={name}"}
        query["resourceVersion"] = created["metadata"]["resourceVersion"]
        pod = decode(Pod, created)
        try:
            async with asyncio.timeout(PATIENCE):
                async for event in client.watch(PODS.path(namespace), query):
                    pod = decode(Pod, bytes(event.object))
                    if pod.status.phase != "Pending":
                        return name
        except TimeoutError:
            await client.delete(PODS.path(namespace, name))
        raise LabError(f"Pod {namespace}/{name} did not start; its phase is {pod.status.phase}")


def pod_document(name: str = "") -> Doc:
    """A Pod for commands of this machine: it does nothing, and has the folders that they need."""
    folders = {f"folder-{number}": path for number, path in enumerate(_folders_of_caller())}
    mounts = [{"name": name, "mountPath": path} for name, path in folders.items()]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name} if name else {"generateName": "run-"},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": _ON_THIS_HOST}},
            "containers": [{"name": "run", "image": RUN_IMAGE, "volumeMounts": mounts}],
            "volumes": [{"name": name, "hostPath": {"path": path}} for name, path in folders.items()],
        },
    }


def _folders_of_caller() -> list[str]:
    """What a program of the caller's may need and Pods do not see: its directory, home and temporary folder, and where
    the caller's Python is. (Whatever lies in them, the folders of labs stay hidden.)"""
    places = (os.getcwd(), os.path.expanduser("~"), tempfile.gettempdir(), sys.prefix, sys.base_prefix)
    wanted = {os.path.realpath(path) for path in places if os.path.realpath(path) not in _SEEN}
    found = sorted(path for path in wanted if os.path.isdir(path) and path != "/")
    return [path for path in found if not any(path.startswith(f"{outer}/") for outer in found)]


async def _delete_pod(lab: RunningLab, namespace: str, name: str) -> None:
    async with KubeClient.from_kubeconfig(lab.kubeconfig) as client:
        with contextlib.suppress(KubeError, Unreachable):
            await client.delete(PODS.path(namespace, name))
