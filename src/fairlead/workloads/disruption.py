"""How many Pods of a disruption budget may be evicted now.

Upstream: ``pkg/controller/disruption/disruption.go``. How many Pods there ought to be is what their controllers want,
where the budget is a percentage or a number that may be missing; a Pod without a controller counts for itself.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from fairlead.model.objects import Pod
from fairlead.model.workloads import DisruptionBudgetStatus, PodDisruptionBudget
from fairlead.workloads.pods import is_active

DELETION_TIMEOUT = timedelta(
    minutes=2
)  # after which an eviction that was allowed is taken for one that came to nothing


def observe_budget(
    budget: PodDisruptionBudget, pods: Sequence[Pod], wanted: Mapping[str, int], now: str
) -> DisruptionBudgetStatus:
    """The status that the Pods amount to.

    Args:
        pods: those that the budget selects.
        wanted: by the uid of a controller, how many Pods it wants.
    """
    disrupted = _still_expected_to_go(budget, pods, now)
    healthy = sum(pod.is_ready and is_active(pod) and pod.name not in disrupted for pod in pods)
    expected = _expected(budget, pods, wanted)
    desired = _desired(budget, expected)
    return DisruptionBudgetStatus(
        current_healthy=healthy,
        desired_healthy=desired,
        disruptions_allowed=max(0, healthy - desired) if expected else 0,
        expected_pods=expected,
        disrupted_pods=disrupted or None,
        observed_generation=budget.metadata.generation,
    )


def _still_expected_to_go(budget: PodDisruptionBudget, pods: Sequence[Pod], now: str) -> dict[str, str]:
    live = {pod.name for pod in pods if not pod.is_terminating}
    since = datetime.fromisoformat(now) - DELETION_TIMEOUT
    allowed = budget.status.disrupted_pods or {}
    return {name: at for name, at in allowed.items() if name in live and datetime.fromisoformat(at) > since}


def _expected(budget: PodDisruptionBudget, pods: Sequence[Pod], wanted: Mapping[str, int]) -> int:
    if isinstance(budget.spec.min_available, int):
        return len(pods)
    controllers = {pod.controller.uid for pod in pods if pod.controller}
    single = sum(pod.controller is None or pod.controller.uid not in wanted for pod in pods)
    return single + sum(wanted.get(uid, 0) for uid in controllers)


def _desired(budget: PodDisruptionBudget, expected: int) -> int:
    if budget.spec.max_unavailable is not None:
        return max(0, expected - _resolve(budget.spec.max_unavailable, expected))
    return _resolve(budget.spec.min_available or 0, expected)


def _resolve(amount: int | str, expected: int) -> int:
    """A percentage is rounded up."""
    return amount if isinstance(amount, int) else -(-int(amount.rstrip("%")) * expected // 100)
