"""ReplicaSets, and ReplicationControllers, their predecessors."""

from collections.abc import Mapping

import msgspec

from fairlead.model.document import Doc
from fairlead.model.objects import KubeObject, LabelSelector, Slim


class ReplicaSetSpec(Slim, frozen=True):
    """Wanted state of a ReplicaSet."""

    selector: LabelSelector = LabelSelector()
    replicas: int | None = None
    min_ready_seconds: int = 0
    template: Doc = {}


class ReplicaSetStatus(Slim, frozen=True):
    """Observed state of a ReplicaSet or ReplicationController."""

    replicas: int = 0
    fully_labeled_replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    observed_generation: int = 0


class ReplicaSet(KubeObject, frozen=True):
    """A ReplicaSet."""

    spec: ReplicaSetSpec = ReplicaSetSpec()
    status: ReplicaSetStatus = ReplicaSetStatus()

    @property
    def replicas(self) -> int:
        return 1 if self.spec.replicas is None else self.spec.replicas


class ReplicationControllerSpec(Slim, frozen=True):
    """Wanted state of a ReplicationController; it selects by ``labels`` alone."""

    labels: Mapping[str, str] | None = msgspec.field(default=None, name="selector")
    replicas: int | None = None
    min_ready_seconds: int = 0
    template: Doc = {}

    @property
    def selector(self) -> LabelSelector:
        return LabelSelector(match_labels=self.labels)


class ReplicationController(KubeObject, frozen=True):
    """A ReplicationController of v1, which reads like a ReplicaSet.

    Upstream converts: ``pkg/controller/replication/conversion.go``.
    """

    spec: ReplicationControllerSpec = ReplicationControllerSpec()
    status: ReplicaSetStatus = ReplicaSetStatus()

    @property
    def replicas(self) -> int:
        return 1 if self.spec.replicas is None else self.spec.replicas


Replicated = ReplicaSet | ReplicationController
