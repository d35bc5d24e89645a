"""Pods: the rules of the API server for them, one concern in each module.

Upstream: pkg/registry/core/pod, pkg/apis/core/validation.
"""

from collections.abc import Callable

from fairlead.model.document import Doc
from fairlead.registry.kinds.core.pod.affinity import name_own_labels
from fairlead.registry.kinds.core.pod.app_armor import read_annotations
from fairlead.registry.kinds.core.pod.columns import COLUMNS, row
from fairlead.registry.kinds.core.pod.defaults import default
from fairlead.registry.kinds.core.pod.ephemeral import EPHEMERAL_CONTAINERS
from fairlead.registry.kinds.core.pod.grace import grace
from fairlead.registry.kinds.core.pod.limits import fill_limits
from fairlead.registry.kinds.core.pod.priority import keep_priority, set_priority
from fairlead.registry.kinds.core.pod.quality import quality
from fairlead.registry.kinds.core.pod.resize import RESIZE
from fairlead.registry.kinds.core.pod.runtime import apply_runtime_class
from fairlead.registry.kinds.core.pod.service_account import admit, is_token
from fairlead.registry.kinds.core.pod.tolerations import add_tolerations
from fairlead.registry.kinds.core.pod.validate import validate_create, validate_update
from fairlead.registry.kinds.core.pod.warnings import pod_warnings
from fairlead.registry.strategy import Context, Strategy

_GATED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "SchedulingGated",
    "message": "Scheduling is blocked due to non-empty scheduling gates",
}


def admit_create(pod: Doc, context: Context) -> None:
    """Add the ServiceAccount, the limits of the namespace, and what the Pod's classes say to a new Pod."""
    fill_limits(pod, context)
    admit(pod, context)
    add_tolerations(pod, context)
    set_priority(pod, context)
    apply_runtime_class(pod, context)


def prepare_create(pod: Doc, context: Context) -> None:
    """A new Pod is Pending."""
    pod["status"] = {"phase": "Pending", "qosClass": quality(pod["spec"])}
    if pod["spec"].get("schedulingGates"):
        pod["status"]["conditions"] = [{**_GATED, "lastTransitionTime": context.now}]
    name_own_labels(pod)
    read_annotations(pod)


def prepare_update(pod: Doc, old: Doc, context: Context) -> None:
    """Keep fields that admission set at creation, because an update can come from a manifest without them."""
    add_tolerations(pod, context)
    keep_priority(pod, old)


def prepare_status_update(pod: Doc, old: Doc, context: Context) -> None:
    """A node agent reports everything but the QoS class, which is fixed at creation."""
    if settled := old.get("status", {}).get("qosClass"):
        pod.setdefault("status", {})["qosClass"] = settled


def _of(part: str, field: str) -> Callable[[Doc], str]:
    return lambda pod: str(pod.get(part, {}).get(field, ""))


STRATEGY = Strategy(
    default=default,
    admit_create=admit_create,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status_update=prepare_status_update,
    validate_create=validate_create,
    validate_update=validate_update,
    sides={"ephemeralcontainers": EPHEMERAL_CONTAINERS, "resize": RESIZE},
    warnings=pod_warnings,
    on_read=default,  # a Pod from a time with fewer defaults must not look changed when it is next written
    bumps_generation=lambda new, old: bool(new["spec"] != old["spec"]),
    fields={
        "spec.nodeName": _of("spec", "nodeName"),
        "spec.restartPolicy": _of("spec", "restartPolicy"),
        "spec.schedulerName": _of("spec", "schedulerName"),
        "spec.serviceAccountName": _of("spec", "serviceAccountName"),
        "spec.hostNetwork": lambda pod: str(bool(pod["spec"].get("hostNetwork"))).lower(),
        "status.phase": _of("status", "phase"),
        "status.podIP": _of("status", "podIP"),
        "status.nominatedNodeName": _of("status", "nominatedNodeName"),
    },
    columns=COLUMNS,
    row=row,
    grace=grace,
    is_given=is_token,
    returns_deleted=True,
)
