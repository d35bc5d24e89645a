"""The data in a Node about itself: labels, resources, conditions, settings. Upstream: ``pkg/kubelet/nodestatus``."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from fairlead.model.document import Doc
from fairlead.model.objects import Condition

MAX_PODS = "110"
DISK_PRESSURE = "DiskPressure"
# Go's words for what the kernel calls a machine.
_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "armv6l": "arm",
    "i686": "386",
    "i386": "386",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
    "loongarch64": "loong64",
}


class _Wanted(NamedTuple):
    """A condition of a node whose agent runs."""

    type: str
    status: str
    reason: str
    message: str


# In kubelet's order. Memory and PIDs are the machine's, and are never reported as short.
_SOUND = (
    _Wanted("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    _Wanted(DISK_PRESSURE, "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    _Wanted("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    _Wanted("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
_SHORT_OF_DISK = _Wanted(DISK_PRESSURE, "True", "KubeletHasDiskPressure", "kubelet has disk pressure")


def architecture(machine: str) -> str:
    """Go's word for what uname(2) calls the machine."""
    return _ARCHITECTURES.get(machine, machine)


def node_labels(name: str, machine: str, others: Mapping[str, str]) -> dict[str, str]:
    """The labels of a node that runs on such a machine, the older spellings included."""
    arch = architecture(machine)
    return {
        "beta.kubernetes.io/arch": arch,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": arch,
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        **others,
    }


def running_conditions(before: Iterable[Condition], now: str, *, short_of_disk: bool = False) -> list[Doc]:
    """The conditions of a node whose agent runs, after those that the API has."""
    known = {condition.type: condition for condition in before}
    return [_condition(wanted, known.get(wanted.type), now) for wanted in _wanted(short_of_disk)]


def _wanted(short_of_disk: bool) -> Iterable[_Wanted]:
    return (_SHORT_OF_DISK if short_of_disk and each.type == DISK_PRESSURE else each for each in _SOUND)


def unready_conditions(message: str, now: str) -> list[Doc]:
    """The conditions of a node whose agent runs, and that cannot run Pods yet."""
    unready = _SOUND[-1]._replace(status="False", reason="KubeletNotReady", message=message)
    return [_condition(each, None, now) for each in (*_SOUND[:-1], unready)]


def _condition(wanted: _Wanted, before: Condition | None, now: str) -> Doc:
    since = before.last_transition_time if before and before.status == wanted.status else None
    return {**wanted._asdict(), "lastHeartbeatTime": now, "lastTransitionTime": since or now}


def has_running_conditions(conditions: Iterable[Condition], *, short_of_disk: bool = False) -> bool:
    """Whether the API has the conditions that a node whose agent runs has."""
    known = {condition.type: condition.status for condition in conditions}
    return all(known.get(wanted.type) == wanted.status for wanted in _wanted(short_of_disk))


def kubelet_configuration(address: str, port: int, dns: Sequence[str], domain: str, max_pods: int) -> Doc:
    """The content of ``/configz``: the applicable fields of a KubeletConfiguration.

    Args:
        address: where the node's HTTP API listens.
        dns: addresses of the cluster's DNS.
    """
    return {
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "address": address,
        "port": port,
        "authentication": {
            "x509": {},
            "webhook": {"enabled": True, "cacheTTL": "2m0s"},
            "anonymous": {"enabled": False},
        },
        "authorization": {
            "mode": "Webhook",
            "webhook": {"cacheAuthorizedTTL": "5m0s", "cacheUnauthorizedTTL": "30s"},
        },
        "clusterDomain": domain,
        "clusterDNS": list(dns),
        "maxPods": max_pods,
        "nodeStatusReportFrequency": "5m0s",
        "nodeLeaseDurationSeconds": 40,
        "failSwapOn": False,
        "cgroupsPerQOS": False,
    }
