"""What each kind of object means to the API server: one module or package for each kind, and their table."""

from fairlead.registry.kinds import (
    configuration,
    endpoint_slice,
    endpoints,
    event,
    ingress,
    namespace,
    node,
    pod,
    service,
    workloads,
)
from fairlead.registry.strategy import Strategy

STRATEGIES: dict[str, Strategy] = {
    "ConfigMap": configuration.CONFIG_MAP,
    "Deployment": workloads.DEPLOYMENT,
    "EndpointSlice": endpoint_slice.STRATEGY,
    "Endpoints": endpoints.STRATEGY,
    "Event": event.STRATEGY,
    "Ingress": ingress.STRATEGY,
    "Lease": configuration.LEASE,
    "Namespace": namespace.STRATEGY,
    "Node": node.STRATEGY,
    "Pod": pod.STRATEGY,
    "ReplicaSet": workloads.REPLICA_SET,
    "Secret": configuration.SECRET,
    "Service": service.STRATEGY,
    "ServiceAccount": configuration.SERVICE_ACCOUNT,
    "StatefulSet": workloads.STATEFUL_SET,
}
