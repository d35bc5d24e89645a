"""The resource usage of a node and its Pods, as values and in the two formats of the kubelet: the Summary of
``/stats/summary`` and the metrics of ``/metrics/resource``.

Upstream: ``k8s.io/kubelet/pkg/apis/stats/v1alpha1``, ``pkg/kubelet/metrics/collectors/resource_metrics.go``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fairlead.model.document import Doc

_SECOND = 1_000_000_000


@dataclass(frozen=True)
class Use:
    """The resource usage of processes.

    Attributes:
        cpu: nanoseconds of processor time since they began.
        memory: octets; what several processes share is divided among them.
        resident: octets; what is shared counts for each.
    """

    cpu: int = 0
    memory: int = 0
    resident: int = 0
    page_faults: int = 0
    major_page_faults: int = 0


@dataclass(frozen=True)
class Interface:
    """A network interface with its counters: octets, and packets lost to errors."""

    name: str
    received: int
    receive_errors: int
    sent: int
    send_errors: int


@dataclass(frozen=True)
class FileSystem:
    """A file system, in octets and files."""

    capacity: int
    available: int
    inodes: int
    inodes_free: int

    def document(self, at: str) -> Doc:
        """An ``FsStats``."""
        return {
            "time": at,
            "availableBytes": self.available,
            "capacityBytes": self.capacity,
            "usedBytes": self.capacity - self.available,
            "inodesFree": self.inodes_free,
            "inodes": self.inodes,
            "inodesUsed": self.inodes - self.inodes_free,
        }


@dataclass(frozen=True)
class ContainerUse:
    """A running container; ``started_at`` is RFC 3339."""

    name: str
    started_at: str
    use: Use


@dataclass(frozen=True)
class PodUse:
    """A Pod with a running sandbox; without interfaces if it uses the node's network."""

    namespace: str
    name: str
    uid: str
    started_at: str
    use: Use
    containers: tuple[ContainerUse, ...]
    interfaces: tuple[Interface, ...] = ()
    processes: int = 0


@dataclass(frozen=True)
class NodeUse:
    """The machine, as a node on it sees it.

    Attributes:
        memory_total, memory_available: octets, by the kernel's estimate.
        files: where Pods' volumes are.
    """

    name: str
    started_at: str
    use: Use
    memory_total: int
    memory_available: int
    files: FileSystem
    interfaces: tuple[Interface, ...] = ()


@dataclass(frozen=True)
class UsageMoment:
    """All usage at one time; ``at`` is in nanoseconds since the epoch."""

    at: int
    node: NodeUse
    pods: tuple[PodUse, ...]


def summary(now: UsageMoment, before: UsageMoment | None) -> Doc:
    """A ``Summary``; how fast processor time is used, where there is an earlier moment to compare with."""
    at = _text(now.at)
    rates = _Rates(now, before)
    node = now.node
    document: Doc = {
        "nodeName": node.name,
        "startTime": node.started_at,
        "cpu": rates.document(at, _key(), node.use),
        "memory": {
            **_memory(at, node.use),
            "usageBytes": node.memory_total - node.memory_available,
            "workingSetBytes": node.memory_total - node.memory_available,
            "availableBytes": node.memory_available,
        },
        "fs": node.files.document(at),
        "runtime": {"imageFs": node.files.document(at)},
    }
    if node.interfaces:
        document["network"] = _network(at, node.interfaces)
    return {"node": document, "pods": [_pod(pod, at, rates) for pod in now.pods]}


def _pod(pod: PodUse, at: str, rates: "_Rates") -> Doc:
    document: Doc = {
        "podRef": {"name": pod.name, "namespace": pod.namespace, "uid": pod.uid},
        "startTime": pod.started_at,
        "containers": [
            {
                "name": each.name,
                "startTime": each.started_at,
                "cpu": rates.document(at, _key(pod, each), each.use),
                "memory": _memory(at, each.use),
            }
            for each in pod.containers
        ],
        "cpu": rates.document(at, _key(pod), pod.use),
        "memory": _memory(at, pod.use),
        "process_stats": {"process_count": pod.processes},
    }
    if pod.interfaces:
        document["network"] = _network(at, pod.interfaces)
    return document


def _memory(at: str, use: Use) -> Doc:
    return {
        "time": at,
        "usageBytes": use.memory,
        "workingSetBytes": use.memory,
        "rssBytes": use.resident,
        "pageFaults": use.page_faults,
        "majorPageFaults": use.major_page_faults,
    }


def _network(at: str, interfaces: tuple[Interface, ...]) -> Doc:
    """A ``NetworkStats``: of the first interface, and of all of them."""
    documents = [
        {
            "name": each.name,
            "rxBytes": each.received,
            "rxErrors": each.receive_errors,
            "txBytes": each.sent,
            "txErrors": each.send_errors,
        }
        for each in interfaces
    ]
    return {"time": at, **documents[0], "interfaces": documents}


_Key = tuple[str, ...]


def _key(pod: PodUse | None = None, container: ContainerUse | None = None) -> _Key:
    """What is compared with itself at an earlier moment: the node, a Pod, or one run of a container."""
    of_container = (container.name, container.started_at) if container else ()
    return ((pod.uid,) if pod else ()) + of_container


def _uses(usage: UsageMoment) -> Iterator[tuple[_Key, Use]]:
    yield _key(), usage.node.use
    for pod in usage.pods:
        yield _key(pod), pod.use
        for container in pod.containers:
            yield _key(pod, container), container.use


class _Rates:
    """The rate of CPU time between two points in time."""

    def __init__(self, now: UsageMoment, before: UsageMoment | None) -> None:
        self._elapsed = now.at - before.at if before else 0
        self._before: Mapping[_Key, Use] = dict(_uses(before)) if before else {}

    def document(self, at: str, key: _Key, use: Use) -> Doc:
        """A ``CPUStats``."""
        document: Doc = {"time": at, "usageCoreNanoSeconds": use.cpu}
        before = self._before.get(key)
        if before and self._elapsed > 0:
            document["usageNanoCores"] = max(0, use.cpu - before.cpu) * _SECOND // self._elapsed
        return document


def _text(nanoseconds: int) -> str:
    moment = datetime.fromtimestamp(nanoseconds // _SECOND, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def resource_metrics(usage: UsageMoment) -> str:
    """The page of ``/metrics/resource``, in Prometheus' text format."""
    at = usage.at // 1_000_000
    lines: dict[str, list[str]] = {name: [] for name in _FAMILIES}

    def add(scope: str, labels: str, use: Use) -> None:
        lines[f"{scope}_cpu_usage_seconds_total"].append(f"{labels} {use.cpu / _SECOND!r} {at}")
        lines[f"{scope}_memory_working_set_bytes"].append(f"{labels} {use.memory} {at}")

    node = usage.node
    add("node", "", Use(cpu=node.use.cpu, memory=node.memory_total - node.memory_available))
    for pod in usage.pods:
        of_pod = f'namespace="{pod.namespace}",pod="{pod.name}"'
        add("pod", f"{{{of_pod}}}", pod.use)
        for each in pod.containers:
            labels = f'{{container="{each.name}",{of_pod}}}'
            add("container", labels, each.use)
            began = datetime.fromisoformat(each.started_at).timestamp()
            lines["container_start_time_seconds"].append(f"{labels} {began!r}")
    lines["resource_scrape_error"].append(" 0")
    return "".join(_family(name, lines[name]) for name in sorted(_FAMILIES))


_FAMILIES: Mapping[str, tuple[str, str]] = {
    "container_cpu_usage_seconds_total": ("counter", "Cumulative cpu time consumed by the container in core-seconds"),
    "container_memory_working_set_bytes": ("gauge", "Current working set of the container in bytes"),
    "container_start_time_seconds": ("gauge", "Start time of the container since unix epoch in seconds"),
    "node_cpu_usage_seconds_total": ("counter", "Cumulative cpu time consumed by the node in core-seconds"),
    "node_memory_working_set_bytes": ("gauge", "Current working set of the node in bytes"),
    "pod_cpu_usage_seconds_total": ("counter", "Cumulative cpu time consumed by the pod in core-seconds"),
    "pod_memory_working_set_bytes": ("gauge", "Current working set of the pod in bytes"),
    "resource_scrape_error": ("gauge", "1 if there was an error while getting container metrics, 0 otherwise"),
}


def _family(name: str, samples: list[str]) -> str:
    kind, text = _FAMILIES[name]
    head = f"# HELP {name} [STABLE] {text}\n# TYPE {name} {kind}\n"
    return head + "".join(f"{name}{sample}\n" for sample in samples) if samples else ""
