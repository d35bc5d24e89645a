"""Objects of storage drivers: CSIDriver, CSINode, VolumeAttachment. They are validated and stored; no volume here comes
from a driver.

Upstream: pkg/registry/storage/{csidriver,csinode,volumeattachment}, pkg/apis/storage/{v1,validation}.
"""

from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, duplicate, forbidden, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, UNSET, age, joined, name
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.strategy import Column, Context, Strategy

_DRIVER = {
    "attachRequired": True,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "podInfoOnMount": False,
    "requiresRepublish": False,
    "seLinuxMount": False,
    "storageCapacity": False,
}
_FIXED = ("attachRequired", "volumeLifecycleModes")
_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_MODES = ("Ephemeral", "Persistent")


def default_driver(driver: Doc) -> None:
    """Fill in missing fields."""
    spec = driver["spec"] = {**_DRIVER, **(driver.get("spec") or {})}
    spec["volumeLifecycleModes"] = spec.get("volumeLifecycleModes") or ["Persistent"]


def validate_driver(driver: Doc, context: Context) -> list[FieldError]:
    """The faults of a driver."""
    spec = driver["spec"]
    faults = one_of("spec.fsGroupPolicy", spec["fsGroupPolicy"], _GROUP_POLICIES)
    for index, mode in enumerate(spec["volumeLifecycleModes"]):
        faults += one_of(f"spec.volumeLifecycleModes[{index}]", mode, _MODES)
    audiences = [each.get("audience", "") for each in spec.get("tokenRequests") or ()]
    twice = sorted({each for each in audiences if audiences.count(each) > 1})
    return faults + [duplicate("spec.tokenRequests", each) for each in twice]


def validate_driver_update(driver: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed driver."""
    faults = validate_driver(driver, context)
    changed = [field for field in _FIXED if driver["spec"].get(field) != old["spec"].get(field)]
    return faults + [invalid(f"spec.{field}", driver["spec"].get(field), "field is immutable") for field in changed]


def _driver_row(driver: Doc, now: str) -> list[Any]:
    spec = driver["spec"]
    tokens = joined((each.get("audience", "") for each in spec.get("tokenRequests") or ()), UNSET)
    shown = (spec[field] for field in ("attachRequired", "podInfoOnMount", "storageCapacity"))
    modes = joined(spec["volumeLifecycleModes"], UNSET)
    return [name(driver), *shown, tokens, spec["requiresRepublish"], modes, age(driver, now)]


def validate_node(node: Doc, context: Context) -> list[FieldError]:
    """The faults of a node's drivers."""
    drivers = (node.get("spec") or {}).get("drivers") or ()
    faults, seen = [], set()
    for index, driver in enumerate(drivers):
        path = f"spec.drivers[{index}]"
        faults += [required(f"{path}.{field}") for field in ("name", "nodeID") if not driver.get(field)]
        if driver.get("name") in seen:
            faults.append(duplicate(f"{path}.name", driver["name"]))
        seen.add(driver.get("name"))
    return faults


def _node_row(node: Doc, now: str) -> list[Any]:
    return [name(node), len((node.get("spec") or {}).get("drivers") or ()), age(node, now)]


def validate_attachment(attachment: Doc, context: Context) -> list[FieldError]:
    """The faults of an attachment."""
    spec = attachment.get("spec") or {}
    faults = [required(f"spec.{field}") for field in ("attacher", "nodeName") if not spec.get(field)]
    sources = [field for field in ("inlineVolumeSpec", "persistentVolumeName") if spec.get("source", {}).get(field)]
    if len(sources) != 1:
        faults.append(
            required("spec.source", "exactly one of inlineVolumeSpec and persistentVolumeName must be specified")
        )
    return faults


def _attachment_update(attachment: Doc, old: Doc, context: Context) -> list[FieldError]:
    if attachment.get("spec") == old.get("spec"):
        return validate_attachment(attachment, context)
    return [forbidden("spec", "field is immutable")]


def _attachment_row(attachment: Doc, now: str) -> list[Any]:
    spec, status = attachment.get("spec") or {}, attachment.get("status") or {}
    volume = (spec.get("source") or {}).get("persistentVolumeName", "")
    shown = spec.get("attacher", ""), volume, spec.get("nodeName", ""), status.get("attached", False)
    return [name(attachment), *shown, age(attachment, now)]


DRIVER = Strategy(
    default=default_driver,
    validate_create=validate_driver,
    validate_update=validate_driver_update,
    bumps_generation=lambda new, old: bool(new["spec"] != old["spec"]),
    first_generation=0,
    columns=(
        NAME,
        *(Column(title, "boolean") for title in ("AttachRequired", "PodInfoOnMount", "StorageCapacity")),
        *(Column("TokenRequests"), Column("RequiresRepublish", "boolean"), Column("Modes"), AGE),
    ),
    row=_driver_row,
)
NODE = Strategy(
    validate_create=validate_node,
    validate_update=lambda new, old, context: validate_node(new, context),
    columns=(NAME, Column("Drivers", "integer"), AGE),
    row=_node_row,
)
ATTACHMENT = Strategy(
    validate_create=validate_attachment,
    validate_update=_attachment_update,
    columns=(NAME, Column("Attacher"), Column("PV"), Column("Node"), Column("Attached", "boolean"), AGE),
    row=_attachment_row,
)
