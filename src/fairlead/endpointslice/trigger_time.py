"""When the change happened that a slice write answers: what ``last-change-trigger-time`` says.

The oldest of the changes since the last time that the Service was looked at: a Pod's last change of readiness, or the
Service's creation. Deletions have no time and do not count. Measuring tools subtract it from the moment the data plane
followed. Times are RFC 3339 text in UTC with whole seconds, as metav1.Time writes them, so text order is time order.
Upstream: ``staging/src/k8s.io/endpointslice/trigger_time_tracker.go``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from fairlead.model.objects import Pod, Service


@dataclass(frozen=True)
class TriggerTimes:
    """The times that were seen when a Service was last looked at."""

    service: str = ""
    pods: Mapping[str, str] = field(default_factory=dict)


def observe(service: Service, pods: Iterable[Pod], seen: TriggerTimes | None) -> tuple[str | None, TriggerTimes]:
    """The trigger time (None when nothing with a time changed), and what to pass as ``seen`` the next time."""
    created = service.metadata.creation_timestamp or ""
    now = TriggerTimes(created, {pod.name: time for pod in pods if (time := _ready_since(pod))})
    if seen is None:
        return created or None, now
    changed = [time for name, time in now.pods.items() if time > seen.pods.get(name, "")]
    if created > seen.service:
        changed.append(created)
    return min(changed, default=None), now


def _ready_since(pod: Pod) -> str | None:
    return next((c.last_transition_time for c in pod.status.conditions or () if c.type == "Ready"), None)
