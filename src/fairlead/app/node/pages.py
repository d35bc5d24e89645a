"""The pages of a node's HTTP API: health, its Pods, their resource usage, metrics, settings and logs.

Paths and formats are the kubelet's (``pkg/kubelet/server/server.go``). ``/pods`` reads the API server, whose status of
a Pod is the one that this agent wrote a moment before.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from fairlead.app.node.pod import PodRun
from fairlead.app.node.usage.lookup import NodeUsage
from fairlead.drivers.kube.client import PODS, KubeClient
from fairlead.drivers.kube.errors import KubeError, Unreachable
from fairlead.drivers.kubelet.pages import JSON, METRICS, NodePage, NodePages, file_page
from fairlead.drivers.pods.runtime import Refused
from fairlead.model.document import Doc
from fairlead.nodeagent.node_metrics import node_metrics
from fairlead.nodeagent.records import Running, Terminated
from fairlead.nodeagent.usage import resource_metrics, summary
from fairlead.streaming.upgrade import HttpRequest

HEALTH = ("", "ping", "log", "syncloop")  # what may follow /healthz


class PagesOfNode:
    """The pages of one node.

    Args:
        logs: the folder that ``/logs/`` shows.
        configuration: the KubeletConfiguration that ``/configz`` shows.
        pods: the running Pods.
    """

    def __init__(
        self,
        node: str,
        client: KubeClient,
        pods: Callable[[], Iterable[PodRun]],
        volumes: Path,
        logs: Path,
        configuration: Doc,
    ) -> None:
        self._node, self._client, self._pods, self._logs = node, client, pods, logs
        self._configuration = configuration
        self._usage = NodeUsage(node, volumes, pods)

    def by_path(self) -> NodePages:
        """The pages by the first segment of their path."""
        return {
            "healthz": self._healthz,
            "pods": self._list_pods,
            "runningpods": self._running_pods,
            "stats": self._stats,
            "metrics": self._metrics,
            "configz": self._configz,
            "logs": self._files,
        }

    async def _healthz(self, request: HttpRequest) -> NodePage:
        _require(request, *((name,) if name else () for name in HEALTH))
        return NodePage(b"ok")

    async def _list_pods(self, request: HttpRequest) -> NodePage:
        _require(request, ())
        try:
            body = await self._client.get(PODS.path(), {"fieldSelector": f"spec.nodeName={self._node}"})
        except (KubeError, Unreachable) as error:
            raise Refused(500, f"failed to list the Pods of node {self._node}: {error}") from error
        items = [{"metadata": each["metadata"], "spec": each["spec"], "status": each.get("status", {})}
                 for each in msgspec.json.decode(body)["items"]]  # fmt: skip
        return _json(_pod_list(items))

    async def _running_pods(self, request: HttpRequest) -> NodePage:
        _require(request, ())
        return _json(_pod_list([_running_pod(run) for run in self._pods() if run.sandbox.child]))

    async def _stats(self, request: HttpRequest) -> NodePage:
        _require(request, (), ("summary",))
        return _json(summary(*await self._usage.look()))

    async def _metrics(self, request: HttpRequest) -> NodePage:
        _require(request, (), ("resource",), ("probes",))
        match request.path[1:]:
            case ("resource",):
                text = resource_metrics((await self._usage.look())[0])
            case ("probes",):
                text = ""
            case _:
                text = node_metrics(self._node, self._states(), sum(1 for run in self._pods() if run.sandbox.child))
        return NodePage(text.encode(), METRICS)

    def _states(self) -> dict[str, int]:
        """How many containers are in each state."""
        states = [container.record.state for run in self._pods() for container in run.containers.values()]
        running = sum(isinstance(state, Running) for state in states)
        exited = sum(isinstance(state, Terminated) for state in states)
        return {"created": len(states) - running - exited, "exited": exited, "running": running}

    async def _configz(self, request: HttpRequest) -> NodePage:
        _require(request, ())
        return _json({"kubeletconfig": self._configuration})

    async def _files(self, request: HttpRequest) -> NodePage:
        return file_page(self._logs, request.path[1:])


def _require(request: HttpRequest, *rests: tuple[str, ...]) -> None:
    """Raises Refused: what follows the path's first segment is none of these."""
    if request.path[1:] not in rests:
        raise Refused(404, "404 page not found")


def _json(document: Any) -> NodePage:
    return NodePage(msgspec.json.encode(document), JSON)


def _pod_list(items: list[Doc]) -> Doc:
    return {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}


def _running_pod(run: PodRun) -> Doc:
    """A Pod as far as its runtime knows it."""
    pod = run.pod
    containers = [
        {"name": name, "image": each.record.container.image, "resources": {}}
        for name, each in run.containers.items()
        if each.running
    ]
    metadata = {"name": pod.name, "namespace": pod.namespace, "uid": pod.metadata.uid}
    return {"metadata": metadata, "spec": {"containers": containers}, "status": {}}
