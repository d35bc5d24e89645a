"""The arithmetic of a rolling update: how many replicas each ReplicaSet of a Deployment may have next.

At no time are there more than replicas + maxSurge Pods, nor fewer than replicas - maxUnavailable that are available
because of the update; each step follows from what is there, so that it may be repeated or interrupted.
Upstream: ``pkg/controller/deployment`` (rolling.go; NewRSNewReplicas and ResolveFenceposts in util/deployment_util.go).
"""

from collections.abc import Sequence
from typing import NamedTuple

from fairlead.model.workloads import Deployment, ReplicaSet, RollingUpdate


class RollingLimits(NamedTuple):
    """Numbers of Pods."""

    surge: int
    unavailable: int


def limits_of(deployment: Deployment) -> RollingLimits:
    """Percentages as numbers: surge is rounded up, unavailable down; both 0 would never get anywhere."""
    wish = deployment.spec.strategy.rolling_update or RollingUpdate()
    surge = _resolve(wish.max_surge, deployment.replicas, round_up=True)
    unavailable = _resolve(wish.max_unavailable, deployment.replicas, round_up=False)
    return RollingLimits(surge, unavailable) if surge or unavailable else RollingLimits(0, 1)


def _resolve(value: int | str, total: int, *, round_up: bool) -> int:
    if isinstance(value, int):
        return value
    hundredths = int(value.rstrip("%")) * total
    return -(-hundredths // 100) if round_up else hundredths // 100


def next_new_size(deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> int:
    """The replicas that the ReplicaSet of the present template may have now."""
    wanted = deployment.replicas
    if deployment.spec.strategy.type == "Recreate":
        return wanted
    if new.replicas >= wanted:
        return wanted
    room = wanted + limits_of(deployment).surge - new.replicas - sum(rs.replicas for rs in old)
    return min(wanted, new.replicas + max(0, room))


def next_old_sizes(deployment: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> dict[str, int]:
    """The new replicas of earlier ReplicaSets that shrink now, by name; Pods that are not ready are removed first."""
    oldest_first = sorted(old, key=lambda rs: (rs.metadata.creation_timestamp or "", rs.name))
    at_least = deployment.replicas - limits_of(deployment).unavailable
    pending = new.replicas - new.status.available_replicas
    spare = new.replicas + sum(rs.replicas for rs in old) - at_least - pending
    if spare <= 0:
        return {}
    sizes = _without_broken(oldest_first, spare)
    available = new.status.available_replicas + sum(min(rs.status.available_replicas, sizes[rs.name]) for rs in old)
    spare = available - at_least
    for rs in oldest_first:
        taken = min(sizes[rs.name], max(0, spare))
        sizes[rs.name] -= taken
        spare -= taken
    return {rs.name: sizes[rs.name] for rs in old if sizes[rs.name] != rs.replicas}


def _without_broken(old: Sequence[ReplicaSet], spare: int) -> dict[str, int]:
    """The sizes after as many unavailable Pods as may go have gone: they are no loss to anybody."""
    sizes = {}
    for rs in old:
        broken = max(0, rs.replicas - rs.status.available_replicas)
        taken = min(broken, spare)
        sizes[rs.name] = rs.replicas - taken
        spare -= taken
    return sizes
