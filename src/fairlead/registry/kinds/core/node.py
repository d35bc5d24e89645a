"""Nodes. Upstream: pkg/registry/core/node, ``ValidateNode``, ``printNode``."""

from typing import Any

from fairlead.model.addresses import family_of
from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, NONE, UNKNOWN, age, joined, name, wide
from fairlead.registry.kinds.value_rules import cidr_errors, host_ip_errors, one_of
from fairlead.registry.object_meta import qualified_name_errors
from fairlead.registry.strategy import Column, Context, Strategy

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"
_IP_TYPES = ("InternalIP", "ExternalIP")
_EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")

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


def default(node: Doc) -> None:
    """A node without reserved resources can allocate its whole capacity."""
    _align_networks(node.setdefault("spec", {}))
    status = node.setdefault("status", {})
    if "capacity" in status:
        status.setdefault("allocatable", dict(status["capacity"]))


def _align_networks(spec: Doc) -> None:
    """The first of its networks is in the field of old too, which can hold only one."""
    if not spec.get("podCIDRs") and spec.get("podCIDR"):
        spec["podCIDRs"] = [spec["podCIDR"]]
    elif spec.get("podCIDRs") and not spec.get("podCIDR"):
        spec["podCIDR"] = spec["podCIDRs"][0]


def validate_create(node: Doc, context: Context) -> list[FieldError]:
    """The faults of a new Node; its status comes with it, since node agents register themselves whole."""
    spec = node["spec"]
    pod_cidrs, path = spec.get("podCIDRs") or [], "spec.podCIDRs"
    faults = [invalid(f"{path}[{i}]", cidr, d) for i, cidr in enumerate(pod_cidrs) for d in cidr_errors(cidr)]
    if not faults and len({family_of(cidr) for cidr in pod_cidrs}) < len(pod_cidrs):
        faults.append(invalid(path, pod_cidrs, "may specify no more than one CIDR for each IP family"))
    if pod_cidrs and spec.get("podCIDR", pod_cidrs[0]) != pod_cidrs[0]:
        faults.append(invalid(f"{path}[0]", pod_cidrs[0], "must be the same as podCIDR"))
    for index, taint in enumerate(spec.get("taints") or ()):
        faults += _taint(f"spec.taints[{index}]", taint)
    return faults + _addresses(node)


def _addresses(node: Doc) -> list[FieldError]:
    """The faults of the addresses that the API server or clients connect to."""
    addresses = enumerate((node.get("status") or {}).get("addresses") or ())
    return [
        fault
        for i, entry in addresses
        if entry.get("type") in _IP_TYPES
        for fault in host_ip_errors(f"status.addresses[{i}].address", entry.get("address", ""))
    ]


def validate_update(node: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed Node: it keeps the addresses of its Pods once it has them."""
    before = old.get("spec", {}).get("podCIDRs")
    if before and before != node["spec"].get("podCIDRs"):
        return [forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid')]
    return validate_create(node, context)


def _taint(path: str, taint: Doc) -> list[FieldError]:
    key, effect = taint.get("key", ""), taint.get("effect", "")
    faults = [invalid(f"{path}.key", key, detail) for detail in qualified_name_errors(key)]
    return faults + (one_of(f"{path}.effect", effect, _EFFECTS) if effect else [required(f"{path}.effect")])


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


STRATEGY = Strategy(
    default=default,
    brings_status=True,
    validate_create=validate_create,
    validate_update=validate_update,
    fields={"spec.unschedulable": lambda node: str(bool(node["spec"].get("unschedulable"))).lower()},
    columns=COLUMNS,
    row=row,
)
