"""The objects of a new cluster: namespaces, roles, its ranges, Service default/kubernetes.

Level-triggered: it writes only what is missing or different, such as the endpoint after the server's address has
changed. All objects are checked at every start, the Service also every few seconds.
Upstream: ``pkg/controlplane/controller/{systemnamespaces,kubernetesservice}``.
"""

from collections.abc import Callable
from ipaddress import ip_address, ip_network

from fairlead.model.addresses import family_of
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.model.objects import SERVICE_NAME_LABEL
from fairlead.registry.access.rules import RBAC
from fairlead.registry.bootstrap.reconciliation import reconciled_binding, reconciled_role
from fairlead.registry.bootstrap.roles import cluster_role_bindings, cluster_roles
from fairlead.registry.environment import Environment
from fairlead.registry.kinds.networking.service_cidr import DEFAULT_NAME, for_cluster
from fairlead.registry.kinds.scheduling.priority_class import SYSTEM as SYSTEM_PRIORITIES
from fairlead.registry.requests import RequestTarget
from fairlead.registry.resources import BY_PATH, STATUS, Resource
from fairlead.registry.store import State, Step
from fairlead.registry.verbs.generic_store import ObjectUpdate, create, update
from fairlead.registry.verbs.ip_addresses import repair

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
DEFAULT_IS_READY = "Kubernetes default Service CIDR is ready"
# Endpoints of the API server are not mirrored: it writes the slice itself (KEP-752).
SKIP_MIRROR = {"endpointslice.kubernetes.io/skip-mirror": "true"}


def bootstrap(state: State, advertise: tuple[str, int], env: Environment) -> Step:
    """The step to a state that has all of these objects; without changes when they are there.

    Args:
        advertise: address and port of the API server as Pods reach it; with a loopback address the Service
            default/kubernetes has no endpoints.
    """
    step = Step(state)
    for name in NAMESPACES:
        step = ensure(step, row_of("", "namespaces"), "", {"metadata": {"name": name}}, env)
    for given, (value, description) in SYSTEM_PRIORITIES.items():
        document = {"metadata": {"name": given}, "value": value, "description": description}
        step = ensure(step, row_of("scheduling.k8s.io", "priorityclasses"), "", document, env)
    for role in cluster_roles():
        step = _keep(step, row_of(RBAC, "clusterroles"), role, reconciled_role, env)
    for binding in cluster_role_bindings(enforces_policies=env.cluster.enforces_policies):
        step = _keep(step, row_of(RBAC, "clusterrolebindings"), binding, reconciled_binding, env)
    step = ensure_service_cidr(step, env)
    return repair(ensure_kubernetes_service(step, advertise, env), env)


def ensure_kubernetes_service(step: Step, advertise: tuple[str, int], env: Environment) -> Step:
    """Create or repair the Service default/kubernetes and its endpoints: Pods created without it would not find the API
    server.

    Raises:
        ApiError: another Service has its address.
    """
    step = ensure(step, row_of("", "services"), "default", _service(env, advertise[1]), env)
    is_usable = env.cluster.is_own(advertise[0]) or not ip_address(advertise[0]).is_loopback
    if not is_usable:
        return step  # Pods cannot reach it there, and the rules for endpoints refuse such an address
    step = _converge(step, row_of("", "endpoints"), _endpoints(advertise), env)
    return _converge(step, row_of("discovery.k8s.io", "endpointslices"), _slice(advertise), env)


def ensure_service_cidr(step: Step, env: Environment) -> Step:
    """Create or repair the ServiceCIDR ``kubernetes``: it exists, is Ready, and has the second family if the cluster
    has. One with other ranges is kept, and its ranges are in force. Upstream:
    ``pkg/controlplane/controller/defaultservicecidr``.
    """
    resource, cidrs = row_of("networking.k8s.io", "servicecidrs"), list(env.cluster.service_cidrs)

    def grow(old: Doc) -> Doc:
        return {**old, "spec": {"cidrs": cidrs}} if old["spec"]["cidrs"] == cidrs[:1] else old

    def say_ready(old: Doc) -> Doc:
        if old["spec"]["cidrs"] != cidrs or old["status"].get("conditions") or "deletionTimestamp" in old["metadata"]:
            return old
        ready = {"type": "Ready", "status": "True", "reason": "", "message": DEFAULT_IS_READY}
        return {**old, "status": {"conditions": [{**ready, "lastTransitionTime": env.now}]}}

    step = ensure(step, resource, "", for_cluster(env.cluster.service_cidrs), env)
    step = change(step, RequestTarget(resource, "", DEFAULT_NAME), grow, env)
    return change(step, RequestTarget(resource, "", DEFAULT_NAME, STATUS), say_ready, env)


def row_of(group: str, plural: str) -> Resource:
    return BY_PATH[group, "v1", plural]


def ensure(step: Step, resource: Resource, namespace: str, document: Doc, env: Environment) -> Step:
    name = document["metadata"]["name"]
    if step.state.get(resource.storage, ObjectKey(namespace, name)) is not None:
        return step
    document = {"apiVersion": resource.group_version, "kind": resource.kind, **document}
    done = create(step.state, RequestTarget(resource, namespace), document, env)
    return Step(done.step.state, step.changes + done.step.changes)


def _keep(step: Step, resource: Resource, wanted: Doc, kept: Callable[[Doc, Doc], Doc], env: Environment) -> Step:
    step = ensure(step, resource, "", wanted, env)
    return change(step, RequestTarget(resource, "", wanted["metadata"]["name"]), lambda there: kept(there, wanted), env)


def _converge(step: Step, resource: Resource, document: Doc, env: Environment) -> Step:
    step = ensure(step, resource, "default", document, env)

    def overwrite(old: Doc) -> Doc:
        metadata = {
            **old["metadata"],
            "labels": {**old["metadata"].get("labels", {}), **document["metadata"]["labels"]},
        }
        return {**old, **document, "metadata": metadata}

    return change(step, RequestTarget(resource, "default", "kubernetes"), overwrite, env)


def change(step: Step, target: RequestTarget, apply: Callable[[Doc], Doc], env: Environment) -> Step:
    done = update(step.state, target, ObjectUpdate(apply, only_existing=True), env)
    return Step(done.step.state, step.changes + done.step.changes)


def _service(env: Environment, port: int) -> Doc:
    first = ip_network(env.cluster.service_cidrs[0])
    labels = {"component": "apiserver", "provider": "kubernetes"}
    return {
        "metadata": {"name": "kubernetes", "labels": labels},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": str(first.network_address + 1),
            "ipFamilyPolicy": "SingleStack",
            "ports": [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": port}],
        },
    }


def _endpoints(advertise: tuple[str, int]) -> Doc:
    address, port = advertise
    ports = [{"name": "https", "port": port, "protocol": "TCP"}]
    return {
        "metadata": {"name": "kubernetes", "labels": dict(SKIP_MIRROR)},
        "subsets": [{"addresses": [{"ip": address}], "ports": ports}],
    }


def _slice(advertise: tuple[str, int]) -> Doc:
    address, port = advertise
    return {
        "metadata": {"name": "kubernetes", "labels": {SERVICE_NAME_LABEL: "kubernetes"}},
        "addressType": str(family_of(address)),
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    }
