"""Slim, frozen workloads: only what their controllers read.

Pod templates stay whole documents, because Pods are made of them. Field meanings: Kubernetes API reference, apps/v1
unless said otherwise.
"""

from fairlead.model.workloads.daemon_sets import (
    DaemonSet,
    DaemonSetSpec,
    DaemonSetStatus,
    DaemonSetUpdateStrategy,
    RollingDaemons,
)
from fairlead.model.workloads.deployments import (
    Deployment,
    DeploymentCondition,
    DeploymentSpec,
    DeploymentStatus,
    DeploymentStrategy,
    RollingUpdate,
)
from fairlead.model.workloads.disruption_budgets import (
    DisruptionBudgetSpec,
    DisruptionBudgetStatus,
    PodDisruptionBudget,
)
from fairlead.model.workloads.jobs import CronJob, CronJobSpec, CronJobStatus, Job, JobSpec, JobStatus
from fairlead.model.workloads.replica_sets import (
    ReplicaSet,
    ReplicaSetSpec,
    ReplicaSetStatus,
    Replicated,
    ReplicationController,
    ReplicationControllerSpec,
)
from fairlead.model.workloads.revisions import ControllerRevision
from fairlead.model.workloads.stateful_sets import (
    ClaimRetention,
    Ordinals,
    PartitionedUpdate,
    StatefulSet,
    StatefulSetSpec,
    StatefulSetStatus,
    StatefulSetUpdateStrategy,
)

__all__ = [
    "ClaimRetention",
    "ControllerRevision",
    "CronJob",
    "CronJobSpec",
    "CronJobStatus",
    "DaemonSet",
    "DaemonSetSpec",
    "DaemonSetStatus",
    "DaemonSetUpdateStrategy",
    "Deployment",
    "DeploymentCondition",
    "DeploymentSpec",
    "DeploymentStatus",
    "DeploymentStrategy",
    "DisruptionBudgetSpec",
    "DisruptionBudgetStatus",
    "Job",
    "JobSpec",
    "JobStatus",
    "Ordinals",
    "PartitionedUpdate",
    "PodDisruptionBudget",
    "ReplicaSet",
    "ReplicaSetSpec",
    "ReplicaSetStatus",
    "Replicated",
    "ReplicationController",
    "ReplicationControllerSpec",
    "RollingDaemons",
    "RollingUpdate",
    "StatefulSet",
    "StatefulSetSpec",
    "StatefulSetStatus",
    "StatefulSetUpdateStrategy",
]
