"""The kinds that an explanation reads from a live cluster, and the minimal permissions for it: no Secrets, no
writes."""

from collections.abc import Sequence
from typing import Any, NamedTuple


class Readable(NamedTuple):
    """A kind that is listed: its API group ("" for the core one), version and plural."""

    kind: str
    group: str
    version: str
    plural: str

    @property
    def path(self) -> str:
        """The URL path of all objects of the kind."""
        prefix = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{prefix}/{self.plural}"


READABLE = (
    Readable("Namespace", "", "v1", "namespaces"),
    Readable("Node", "", "v1", "nodes"),
    Readable("Service", "", "v1", "services"),
    Readable("Endpoints", "", "v1", "endpoints"),
    Readable("Pod", "", "v1", "pods"),
    Readable("Event", "", "v1", "events"),
    Readable("ConfigMap", "", "v1", "configmaps"),
    Readable("EndpointSlice", "discovery.k8s.io", "v1", "endpointslices"),
    Readable("Deployment", "apps", "v1", "deployments"),
    Readable("ReplicaSet", "apps", "v1", "replicasets"),
    Readable("StatefulSet", "apps", "v1", "statefulsets"),
    Readable("DaemonSet", "apps", "v1", "daemonsets"),
    Readable("NetworkPolicy", "networking.k8s.io", "v1", "networkpolicies"),
    Readable("ServiceCIDR", "networking.k8s.io", "v1", "servicecidrs"),
)


def cluster_role(name: str = "fairlead-explain", verbs: Sequence[str] = ("list",)) -> dict[str, Any]:
    """The ClusterRole that allows reading all of them; following them needs ``watch`` as well."""
    groups: dict[str, list[str]] = {}
    for each in READABLE:
        groups.setdefault(each.group, []).append(each.plural)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [{"apiGroups": [g], "resources": plurals, "verbs": list(verbs)} for g, plurals in groups.items()],
    }
