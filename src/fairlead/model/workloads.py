"""Slim, frozen workloads: only what their controllers read.

Pod templates stay whole documents, because Pods are made of them. Field meanings: Kubernetes API reference, apps/v1
unless said otherwise.
"""

from collections.abc import Mapping

import msgspec

from fairlead.model.document import Doc
from fairlead.model.labels import matches, requirements
from fairlead.model.objects import Condition, KubeObject, LabelSelector, Pod, Slim


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


class PartitionedUpdate(Slim, frozen=True):
    """The first ordinal that is updated."""

    partition: int = 0


class StatefulSetUpdateStrategy(Slim, frozen=True):
    """RollingUpdate or OnDelete."""

    type: str = "RollingUpdate"
    rolling_update: PartitionedUpdate | None = None


class Ordinals(Slim, frozen=True):
    """Where numbering starts."""

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


class RollingDaemons(Slim, frozen=True):
    """On how many Nodes an update may leave the Pod unavailable, or else run a new one beside the old: numbers, or
    percentages of the Nodes as text."""

    max_unavailable: int | str = 1
    max_surge: int | str = 0


class DaemonSetUpdateStrategy(Slim, frozen=True):
    """RollingUpdate or OnDelete."""

    type: str = "RollingUpdate"
    rolling_update: RollingDaemons | None = None


class DaemonSetSpec(Slim, frozen=True):
    """Wanted state of a DaemonSet."""

    selector: LabelSelector = LabelSelector()
    min_ready_seconds: int = 0
    update_strategy: DaemonSetUpdateStrategy = DaemonSetUpdateStrategy()
    revision_history_limit: int | None = None
    template: Doc = {}


class DaemonSetStatus(Slim, frozen=True):
    """Observed state of a DaemonSet; numbers of Nodes."""

    current_number_scheduled: int = 0
    number_misscheduled: int = 0
    desired_number_scheduled: int = 0
    number_ready: int = 0
    updated_number_scheduled: int = 0
    number_available: int = 0
    number_unavailable: int = 0
    observed_generation: int = 0


class DaemonSet(KubeObject, frozen=True):
    """A DaemonSet."""

    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()


class JobSpec(Slim, frozen=True):
    """Wanted state of a Job; times in seconds."""

    selector: LabelSelector = LabelSelector()
    parallelism: int = 1
    completions: int | None = None
    backoff_limit: int = 6
    active_deadline_seconds: int | None = None
    ttl_seconds_after_finished: int | None = None
    suspend: bool = False
    completion_mode: str = "NonIndexed"
    backoff_limit_per_index: int | None = None
    max_failed_indexes: int | None = None
    managed_by: str | None = None
    pod_failure_policy: Doc | None = None
    pod_replacement_policy: str | None = None
    success_policy: Doc | None = None
    template: Doc = {}


class JobStatus(Slim, frozen=True):
    """Observed state of a Job; ``completed_indexes`` and ``failed_indexes`` of an indexed one, such as ``0,2-4``."""

    active: int = 0
    ready: int = 0
    terminating: int | None = None
    succeeded: int = 0
    failed: int = 0
    completed_indexes: str | None = None
    failed_indexes: str | None = None
    start_time: str | None = None
    completion_time: str | None = None
    conditions: tuple[Condition, ...] | None = None


class Job(KubeObject, frozen=True):
    """A Job."""

    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


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


class ControllerRevision(KubeObject, frozen=True):
    """One remembered template of a StatefulSet or DaemonSet; ``revision`` grows with each."""

    revision: int = 0
    data: Doc = {}


class CronJobSpec(Slim, frozen=True):
    """Wanted state of a CronJob; the deadline in seconds."""

    schedule: str = ""
    time_zone: str | None = None
    starting_deadline_seconds: int | None = None
    concurrency_policy: str = "Allow"
    suspend: bool = False
    job_template: Doc = {}
    successful_jobs_history_limit: int | None = None
    failed_jobs_history_limit: int | None = None


class CronJobStatus(Slim, frozen=True):
    """Observed state of a CronJob. ``active``: references to the Jobs that run."""

    active: tuple[Doc, ...] = ()
    last_schedule_time: str | None = None
    last_successful_time: str | None = None


class CronJob(KubeObject, frozen=True):
    """A CronJob."""

    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()
