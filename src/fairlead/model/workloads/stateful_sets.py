"""StatefulSets."""

from fairlead.model.document import Doc
from fairlead.model.objects import KubeObject, LabelSelector, Slim


class PartitionedUpdate(Slim, frozen=True):
    """The first ordinal that is updated."""

    partition: int = 0


class StatefulSetUpdateStrategy(Slim, frozen=True):
    """RollingUpdate or OnDelete."""

    type: str = "RollingUpdate"
    rolling_update: PartitionedUpdate | None = None


class Ordinals(Slim, frozen=True):
    """The first ordinal."""

    start: int = 0


class ClaimRetention(Slim, frozen=True):
    """Whether claims are retained, or deleted, when the set is or when it is scaled down."""

    when_deleted: str = "Retain"
    when_scaled: str = "Retain"


class StatefulSetSpec(Slim, frozen=True):
    """Wanted state of a StatefulSet."""

    selector: LabelSelector = LabelSelector()
    service_name: str = ""
    replicas: int | None = None
    min_ready_seconds: int = 0
    pod_management_policy: str = "OrderedReady"
    update_strategy: StatefulSetUpdateStrategy = StatefulSetUpdateStrategy()
    revision_history_limit: int | None = None
    ordinals: Ordinals | None = None
    template: Doc = {}
    volume_claim_templates: tuple[Doc, ...] | None = None
    persistent_volume_claim_retention_policy: ClaimRetention = ClaimRetention()


class StatefulSetStatus(Slim, frozen=True):
    """Observed state of a StatefulSet."""

    replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    current_replicas: int = 0
    updated_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    observed_generation: int = 0


class StatefulSet(KubeObject, frozen=True):
    """A StatefulSet."""

    spec: StatefulSetSpec = StatefulSetSpec()
    status: StatefulSetStatus = StatefulSetStatus()

    @property
    def replicas(self) -> int:
        return 1 if self.spec.replicas is None else self.spec.replicas
