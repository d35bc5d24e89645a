"""What each kind of object means to the API server: one module or package for each kind, and their table."""

from fairlead.registry.kinds import (
    access,
    configuration,
    disruption_budget,
    endpoint_slice,
    endpoints,
    event,
    ingress,
    ip_address,
    namespace,
    network_policy,
    node,
    pod,
    service,
    service_cidr,
)
from fairlead.registry.kinds.workloads import daemon_set, deployment, job, replica_set, stateful_set
from fairlead.registry.strategy import Strategy

STRATEGIES: dict[str, Strategy] = {
    "ClusterRole": access.ROLE,
    "ClusterRoleBinding": access.BINDING,
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
    "Pod": pod.STRATEGY,
    "PodDisruptionBudget": disruption_budget.STRATEGY,
    "ReplicaSet": replica_set.STRATEGY,
    "Role": access.ROLE,
    "RoleBinding": access.BINDING,
    "Secret": configuration.SECRET,
    "Service": service.STRATEGY,
    "ServiceAccount": configuration.SERVICE_ACCOUNT,
    "ServiceCIDR": service_cidr.STRATEGY,
    "StatefulSet": stateful_set.STRATEGY,
}
