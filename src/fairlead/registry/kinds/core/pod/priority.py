"""The priority of a Pod: the value of its PriorityClass, or of the default class.

Upstream: plugin/pkg/admission/priority/admission.go.
"""

from collections.abc import Iterator

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.kinds.core.pod.classes import named_class, refused
from fairlead.registry.kinds.scheduling.priority_class import CLASSES
from fairlead.registry.strategy import ClusterState, Context

PREEMPTS = "PreemptLowerPriority"

_WHY = (
    "the {what} ({given}) must not be provided in pod spec; priority admission controller computed {found} from the "
    "given PriorityClass name"
)
_WORDS = {"priority": "integer value of priority", "preemptionPolicy": "string value of PreemptionPolicy"}


def set_priority(pod: Doc, context: Context) -> None:
    """Resolve the Pod's class.

    Raises:
        ApiError: 403, there is no such class, or the Pod has another priority than its class.
    """
    spec = pod["spec"]
    chosen = _class_by_name(pod, context.state) if spec.get("priorityClassName") else _default(context.state)
    if chosen:
        spec["priorityClassName"] = chosen["metadata"]["name"]
    found = {
        "priority": chosen.get("value", 0),
        "preemptionPolicy": chosen.get("preemptionPolicy") or PREEMPTS,
    }
    for field, value in found.items():
        if spec.get(field) not in (None, value):
            raise refused(pod, _WHY.format(what=_WORDS[field], given=spec[field], found=value))
    spec |= found


def keep_priority(pod: Doc, old: Doc) -> None:
    """Keep the old Pod's values that an update leaves out."""
    for field in _WORDS:
        if field in old["spec"]:
            pod["spec"].setdefault(field, old["spec"][field])


def _class_by_name(pod: Doc, state: ClusterState) -> Doc:
    name = pod["spec"]["priorityClassName"]
    return named_class(pod, CLASSES, name, state, f"no PriorityClass with name {name} was found")


def _default(state: ClusterState) -> Doc:
    """Of several default classes, the one with the lowest value; empty if there is none."""
    return min(_defaults(state), key=lambda each: int(each.get("value", 0)), default={})


def _defaults(state: ClusterState) -> Iterator[Doc]:
    for stored in state.of(CLASSES).values():
        if b'"globalDefault":true' in stored.document:
            yield msgspec.json.decode(stored.document, type=Doc)
