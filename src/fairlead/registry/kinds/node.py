"""Nodes. Upstream: pkg/registry/core/node, ``ValidateNode``, ``printNode``."""

from typing import Any

from fairlead.registry.kinds.cells import AGE, NAME, NONE, UNKNOWN, age, joined, name, wide
from fairlead.registry.strategy import Column, Doc, Strategy

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"

COLUMNS = (
    NAME,
    Column("Status"),
    Column("Roles"),
    AGE,
    Column("Version"),
    wide("Internal-IP"),
    wide("External-IP"),
    wide("OS-Image"),
    wide("Kernel-Version"),
    wide("Container-Runtime"),
)


def row(node: Doc, now: str) -> list[Any]:
    """The cells of one Node."""
    status = node.get("status", {})
    info = status.get("nodeInfo", {})
    return [
        name(node),
        _status(node),
        joined(_roles(node)),
        age(node, now),
        info.get("kubeletVersion", ""),
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _status(node: Doc) -> str:
    conditions = node.get("status", {}).get("conditions") or ()
    ready = next((condition.get("status") for condition in conditions if condition.get("type") == "Ready"), None)
    word = "Unknown" if ready is None else "Ready" if ready == "True" else "NotReady"
    return f"{word},SchedulingDisabled" if node.get("spec", {}).get("unschedulable") else word


def _roles(node: Doc) -> list[str]:
    labels = node["metadata"].get("labels") or {}
    roles = {key.removeprefix(_ROLE_PREFIX) for key in labels if key.startswith(_ROLE_PREFIX)}
    return sorted((roles | {labels.get(_ROLE_LABEL, "")}) - {""})


def _address(status: Doc, kind: str) -> str:
    addresses = status.get("addresses") or ()
    return next((str(address["address"]) for address in addresses if address.get("type") == kind), NONE)


STRATEGY = Strategy(columns=COLUMNS, row=row)
