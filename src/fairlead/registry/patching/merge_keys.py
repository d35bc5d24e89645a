"""How lists of built-in kinds are merged by a strategic merge patch.

A list that is not named here is replaced whole. The keys are the ``patchMergeKey`` tags of upstream's API types
(``k8s.io/api``); kubectl computes its patches from the same tags, so they have to agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fields:
    """The merge rules below one object.

    Attributes:
        lists: list field -> key by which its elements are the same, and the rules of the elements.
        primitives: list fields of plain values that are merged as sets.
        objects: object field -> its rules.
    """

    lists: Mapping[str, tuple[str, "Fields"]] = field(default_factory=dict)
    primitives: frozenset[str] = frozenset()
    objects: Mapping[str, "Fields"] = field(default_factory=dict)


NONE = Fields()

METADATA = Fields(lists={"ownerReferences": ("uid", NONE)}, primitives=frozenset({"finalizers"}))

CONTAINER = Fields(
    lists={
        "ports": ("containerPort", NONE),
        "env": ("name", NONE),
        "volumeMounts": ("mountPath", NONE),
        "volumeDevices": ("devicePath", NONE),
    }
)
POD_SPEC = Fields(
    lists={
        "containers": ("name", CONTAINER),
        "initContainers": ("name", CONTAINER),
        "ephemeralContainers": ("name", CONTAINER),
        "volumes": ("name", NONE),
        "imagePullSecrets": ("name", NONE),
        "hostAliases": ("ip", NONE),
        "topologySpreadConstraints": ("topologyKey", NONE),
        "schedulingGates": ("name", NONE),
        "resourceClaims": ("name", NONE),
    }
)
CONDITIONS = Fields(lists={"conditions": ("type", NONE)})
POD_STATUS = Fields(lists={"conditions": ("type", NONE), "podIPs": ("ip", NONE), "hostIPs": ("ip", NONE)})
NODE_STATUS = Fields(lists={"conditions": ("type", NONE), "addresses": ("type", NONE)})
POD_TEMPLATE = Fields(objects={"metadata": METADATA, "spec": POD_SPEC})
WORKLOAD = {"spec": Fields(objects={"template": POD_TEMPLATE}), "status": CONDITIONS}

_SPEC_AND_STATUS: dict[str, Fields] = {
    "Pod": Fields(objects={"spec": POD_SPEC, "status": POD_STATUS}),
    "Service": Fields(objects={"spec": Fields(lists={"ports": ("port", NONE)}), "status": CONDITIONS}),
    "Node": Fields(objects={"spec": Fields(primitives=frozenset({"podCIDRs"})), "status": NODE_STATUS}),
    "Namespace": Fields(objects={"status": CONDITIONS}),
    "ServiceAccount": Fields(lists={"secrets": ("name", NONE)}),
    "Deployment": Fields(objects=WORKLOAD),
    "StatefulSet": Fields(objects=WORKLOAD),
    "ReplicaSet": Fields(objects=WORKLOAD),
    "DaemonSet": Fields(objects=WORKLOAD),
    "Job": Fields(objects=WORKLOAD),
}


def merge_rules(kind: str) -> Fields:
    """The rules for documents of a kind."""
    rules = _SPEC_AND_STATUS.get(kind, NONE)
    return Fields(rules.lists, rules.primitives, {"metadata": METADATA, **rules.objects})
