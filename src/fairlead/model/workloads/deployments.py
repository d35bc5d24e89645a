"""Deployments."""

from fairlead.model.document import Doc
from fairlead.model.objects import KubeObject, LabelSelector, Slim


class RollingUpdate(Slim, frozen=True):
    """How far a rolling update may stray: numbers of Pods, or percentages of the replicas as text."""

    max_surge: int | str = "25%"
    max_unavailable: int | str = "25%"


class DeploymentStrategy(Slim, frozen=True):
    """RollingUpdate or Recreate."""

    type: str = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class DeploymentSpec(Slim, frozen=True):
    """Wanted state of a Deployment."""

    selector: LabelSelector = LabelSelector()
    replicas: int | None = None
    min_ready_seconds: int = 0
    paused: bool = False
    revision_history_limit: int | None = None
    progress_deadline_seconds: int | None = None
    strategy: DeploymentStrategy = DeploymentStrategy()
    template: Doc = {}


class DeploymentCondition(Slim, frozen=True):
    """A condition that also says when it was last looked at."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None
    last_update_time: str | None = None


class DeploymentStatus(Slim, frozen=True):
    """Observed state of a Deployment."""

    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    unavailable_replicas: int = 0
    observed_generation: int = 0
    conditions: tuple[DeploymentCondition, ...] | None = None


class Deployment(KubeObject, frozen=True):
    """A Deployment."""

    spec: DeploymentSpec = DeploymentSpec()
    status: DeploymentStatus = DeploymentStatus()

    @property
    def replicas(self) -> int:
        return 1 if self.spec.replicas is None else self.spec.replicas
