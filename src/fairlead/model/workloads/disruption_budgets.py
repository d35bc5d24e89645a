"""PodDisruptionBudgets."""

from collections.abc import Mapping

from fairlead.model.labels import matches, requirements
from fairlead.model.objects import KubeObject, LabelSelector, Pod, Slim


class DisruptionBudgetSpec(Slim, frozen=True):
    """How many of the selected Pods must stay, or may be missing: a number, or a percentage as text."""

    selector: LabelSelector | None = None
    min_available: int | str | None = None
    max_unavailable: int | str | None = None
    unhealthy_pod_eviction_policy: str | None = None


class DisruptionBudgetStatus(Slim, frozen=True):
    """Observed state of a budget. ``disrupted_pods``: names of Pods whose eviction was allowed, and when."""

    current_healthy: int = 0
    desired_healthy: int = 0
    disruptions_allowed: int = 0
    expected_pods: int = 0
    disrupted_pods: Mapping[str, str] | None = None
    observed_generation: int = 0


class PodDisruptionBudget(KubeObject, frozen=True):
    """A PodDisruptionBudget of the group policy."""

    spec: DisruptionBudgetSpec = DisruptionBudgetSpec()
    status: DisruptionBudgetStatus = DisruptionBudgetStatus()

    def selects(self, pod: Pod) -> bool:
        """Whether the budget protects the Pod; an empty selector protects all of its namespace, a missing one none."""
        selector = self.spec.selector
        here = self.namespace == pod.namespace
        return here and selector is not None and matches(requirements(selector), pod.labels)
