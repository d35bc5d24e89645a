"""Pods as all workloads see them: which count, which are available, and how a template becomes a Pod."""

from datetime import datetime, timedelta

import msgspec

from fairlead.model.document import Doc
from fairlead.model.objects import OwnerReference, Pod


def is_active(pod: Pod) -> bool:
    """Whether the Pod counts as a replica: neither finished nor on its way out."""
    return not pod.is_finished and not pod.is_terminating


def is_available(pod: Pod, min_ready_seconds: int, now: str) -> bool:
    """Whether the Pod has been ready for long enough at ``now`` (RFC 3339)."""
    if not pod.is_ready:
        return False
    return min_ready_seconds == 0 or available_at(pod, min_ready_seconds) <= datetime.fromisoformat(now)


def available_at(pod: Pod, min_ready_seconds: int) -> datetime:
    """When a ready Pod becomes available, if it stays ready."""
    since = next(c.last_transition_time for c in pod.status.conditions or () if c.type == "Ready")
    return datetime.fromisoformat(since or "1970-01-01T00:00:00Z") + timedelta(seconds=min_ready_seconds)


def pod_document(template: Doc, namespace: str, owner: OwnerReference) -> Doc:
    """A Pod made from a template, without a name yet; belongs to the caller, who may go on changing it."""
    metadata = template.get("metadata") or {}
    kept: Doc = {key: dict(metadata[key]) for key in ("labels", "annotations") if metadata.get(key)}
    if metadata.get("finalizers"):
        kept["finalizers"] = list(metadata["finalizers"])
    reference = msgspec.to_builtins(owner)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**kept, "namespace": namespace, "ownerReferences": [reference]},
        "spec": dict(template.get("spec") or {}),
    }
