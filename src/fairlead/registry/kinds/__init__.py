"""What each kind of object means to the API server: one module or package for each kind, and their table."""

from fairlead.registry.kinds.apps import daemon_set, deployment, replica_set, replication_controller, stateful_set
from fairlead.registry.kinds.batch import job
from fairlead.registry.kinds.core import (
    configuration,
    endpoints,
    event,
    namespace,
    node,
    persistent_volume,
    persistent_volume_claim,
    pod,
    service,
)
from fairlead.registry.kinds.discovery import endpoint_slice
from fairlead.registry.kinds.networking import ingress, ip_address, network_policy, service_cidr
from fairlead.registry.kinds.policy import pod_disruption_budget
from fairlead.registry.kinds.rbac import roles
from fairlead.registry.kinds.storage import storage_class
from fairlead.registry.strategy import Strategy

STRATEGIES: dict[str, Strategy] = {
    "ClusterRole": roles.ROLE,
    "ClusterRoleBinding": roles.BINDING,
    "ConfigMap": configuration.CONFIG_MAP,
    "DaemonSet": daemon_set.STRATEGY,
    "Deployment": deployment.STRATEGY,
    "EndpointSlice": endpoint_slice.STRATEGY,
    "Endpoints": endpoints.STRATEGY,
    "Event": event.STRATEGY,
    "Ingress": ingress.STRATEGY,
    "IngressClass": ingress.CLASS,
    "IPAddress": ip_address.STRATEGY,
    "Job": job.STRATEGY,
    "Lease": configuration.LEASE,
    "Namespace": namespace.STRATEGY,
    "NetworkPolicy": network_policy.STRATEGY,
    "Node": node.STRATEGY,
    "PersistentVolume": persistent_volume.STRATEGY,
    "PersistentVolumeClaim": persistent_volume_claim.STRATEGY,
    "Pod": pod.STRATEGY,
    "PodDisruptionBudget": pod_disruption_budget.STRATEGY,
    "ReplicaSet": replica_set.STRATEGY,
    "ReplicationController": replication_controller.STRATEGY,
    "Role": roles.ROLE,
    "RoleBinding": roles.BINDING,
    "Secret": configuration.SECRET,
    "Service": service.STRATEGY,
    "ServiceAccount": configuration.SERVICE_ACCOUNT,
    "ServiceCIDR": service_cidr.STRATEGY,
    "StatefulSet": stateful_set.STRATEGY,
    "StorageClass": storage_class.STRATEGY,
}
