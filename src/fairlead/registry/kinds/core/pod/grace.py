"""The grace period of a deleted Pod. Upstream: ``CheckGracefulDelete`` in pkg/registry/core/pod."""

from fairlead.model.document import Doc

DEFAULT_GRACE = 30  # seconds, when the Pod does not say
LONGEST_GRACE = 1 << 31  # seconds; a date further away could not be written


def grace(pod: Doc, asked: int | None) -> int:
    """Seconds until the Pod must be gone; 0 for one that no node runs. An earlier period is never extended."""
    spec, phase = pod.get("spec") or {}, (pod.get("status") or {}).get("phase")
    if not spec.get("nodeName") or phase in ("Succeeded", "Failed"):
        return 0
    pending: int | None = pod["metadata"].get("deletionGracePeriodSeconds")
    if asked is None and pending is not None:
        return pending
    seconds = asked if asked is not None else spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE)
    wanted: int = min(seconds, LONGEST_GRACE) if seconds >= 0 else 1
    return wanted if pending is None else min(wanted, pending)
