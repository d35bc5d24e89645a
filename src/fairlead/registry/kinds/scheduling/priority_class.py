"""PriorityClasses. Upstream: pkg/registry/scheduling/priorityclass, pkg/apis/scheduling, admission plug-in Priority."""

from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, invalid
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.kinds.value_rules import one_of
from fairlead.registry.status import forbidden as refused
from fairlead.registry.strategy import Column, Context, Strategy

CLASSES = "priorityclasses.scheduling.k8s.io"
HIGHEST_OF_USERS = 1_000_000_000
_SYSTEM_PREFIX = "system-"
# The two classes that every cluster has.
SYSTEM = {
    "system-cluster-critical": (
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
    "system-node-critical": (
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
}
_POLICIES = ("Never", "PreemptLowerPriority")
_FIXED = ("value", "preemptionPolicy")


def default(priority_class: Doc) -> None:
    """Fill in missing fields."""
    priority_class["preemptionPolicy"] = priority_class.get("preemptionPolicy") or "PreemptLowerPriority"


def prepare_create(priority_class: Doc, context: Context) -> None:
    """Refuse a second default.

    Raises:
        ApiError: 403, another class is the default already.
    """
    if not priority_class.get("globalDefault"):
        return
    given = priority_class["metadata"].get("name", "")
    for key, stored in context.state.of(CLASSES).items():
        if b'"globalDefault":true' in stored.document and key.name != given:
            why = f"PriorityClass {key.name} is already marked as default. Only one default can exist"
            raise refused("priorityclasses", given, why, "scheduling.k8s.io")


def validate_create(priority_class: Doc, context: Context) -> list[FieldError]:
    """The faults of a class."""
    given, value = priority_class["metadata"].get("name", ""), priority_class.get("value", 0)
    faults = one_of("preemptionPolicy", priority_class["preemptionPolicy"], _POLICIES)
    if given.startswith(_SYSTEM_PREFIX):
        if SYSTEM.get(given, (None,))[0] != value:
            detail = f"priority class names with '{_SYSTEM_PREFIX}' prefix are reserved for system use only. "
            detail += f"error: {given} is not a known system priority class"
            faults.append(forbidden("metadata.name", detail))
    elif value > HIGHEST_OF_USERS:
        detail = f"maximum allowed value of a user defined priority is {HIGHEST_OF_USERS}"
        faults.append(forbidden("value", detail))
    return faults


def validate_update(priority_class: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed class: Pods have copied its values."""
    prepare_create(priority_class, context)
    return [
        invalid(field, priority_class.get(field), "field is immutable")
        for field in _FIXED
        if priority_class.get(field) != old.get(field)
    ]


def row(priority_class: Doc, now: str) -> list[Any]:
    """The cells of one class."""
    shown = priority_class.get("value", 0), priority_class.get("globalDefault", False)
    return [name(priority_class), *shown, age(priority_class, now), priority_class.get("preemptionPolicy", "")]


STRATEGY = Strategy(
    default=default,
    prepare_create=prepare_create,
    validate_create=validate_create,
    validate_update=validate_update,
    bumps_generation=lambda new, old: False,
    columns=(NAME, Column("Value", "integer"), Column("Global-Default", "boolean"), AGE, Column("PreemptionPolicy")),
    row=row,
)
