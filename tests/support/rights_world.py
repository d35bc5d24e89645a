"""A namespace with work for every part: things to create, to put right and to take away."""

import msgspec

from fairlead.drivers.kube.client import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    NAMESPACES,
    NODES,
    PODS,
    SERVICE_CIDRS,
    SERVICES,
    KubeError,
)

SELECTOR = {"app": "web"}
OF_PODS, OF_ENDPOINTS = "endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"


async def seed(admin, namespace):
    """Make the namespace and what is in it; returns what tells whether a part has done its work there."""
    await _make(admin, NODES, "", "node-a", {})
    await _make(admin, NAMESPACES, "", namespace, {})
    pod = {"spec": {"nodeName": "node-a", "containers": [{"name": "c", "image": "i"}]}}
    await _make(admin, PODS, namespace, "web", pod, labels=SELECTOR)
    status = {"podIP": "10.244.0.5", "podIPs": [{"ip": "10.244.0.5"}], "phase": "Running"}
    status["conditions"] = [{"type": "Ready", "status": "True"}]
    await admin.patch(PODS.path(namespace, "web", "status"), {"status": status})
    balanced = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    await _make(admin, SERVICES, namespace, "fresh", _service(SELECTOR, **balanced))
    stale = await _make(admin, SERVICES, namespace, "stale", _service(SELECTOR))
    for name in ("stale-a", "stale-b"):
        await _slice(admin, namespace, name, stale, "Service", OF_PODS)
    managed = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    for name in ("stale", "gone"):
        await _make(admin, ENDPOINTS, namespace, name, {}, labels=managed)
    subsets = {"subsets": [{"addresses": [{"ip": "203.0.113.9"}], "ports": [{"port": 80}]}]}
    for name in ("custom", "changed"):
        await _make(admin, SERVICES, namespace, name, _service({}))
        owner = await _make(admin, ENDPOINTS, namespace, name, subsets)
        if name == "changed":
            for twin in ("changed-a", "changed-b"):
                await _slice(admin, namespace, twin, owner, "Endpoints", OF_ENDPOINTS)
    number = int(namespace.rpartition("-")[2])
    await _make(admin, SERVICE_CIDRS, "", namespace, {"spec": {"cidrs": [f"10.200.{number}.0/28"]}})
    await _autoscaled(admin)

    async def is_done(part):
        return await _DONE[part](admin, namespace) if part in _DONE else True

    return is_done


def _service(selector, **spec):
    return {"spec": {"selector": selector, "ports": [{"port": 80, "targetPort": 8080}], **spec}}


async def _make(admin, resource, namespace, name, document, labels=None):
    document = {"metadata": {"name": name, "labels": labels or {}}, **document}
    try:
        return await admin.create(resource.path(namespace), document)
    except KubeError as error:
        if error.code != 409:
            raise
        return None


async def _slice(admin, namespace, name, owner, kind, controller):
    reference = {"apiVersion": "v1", "kind": kind, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    metadata = {"ownerReferences": [{**reference, "controller": True}]}
    labels = {
        "kubernetes.io/service-name": owner["metadata"]["name"],
        "endpointslice.kubernetes.io/managed-by": controller,
    }
    document = {"metadata": {"name": name, "labels": labels, **metadata}, "addressType": "IPv4", "endpoints": []}
    await admin.create(ENDPOINT_SLICES.path(namespace), document)


async def _autoscaled(admin):
    container = {"name": "dns", "image": "i"}
    template = {"metadata": {"labels": SELECTOR}, "spec": {"containers": [container]}}
    spec = {"replicas": 7, "selector": {"matchLabels": SELECTOR}, "template": template}
    if await _make(admin, DEPLOYMENTS, "kube-system", "fairlead-dns", {"spec": spec}) is None:
        await admin.patch(DEPLOYMENTS.path("kube-system", "fairlead-dns"), {"spec": {"replicas": 7}})
    parameters = {"data": {"linear": '{"min": 2, "nodesPerReplica": 16}'}}
    await _make(admin, CONFIG_MAPS, "kube-system", "fairlead-dns-autoscaler", parameters)


async def _read(admin, resource, namespace, name=""):
    return msgspec.json.decode(await admin.get(resource.path(namespace, name)))


async def _slices(admin, namespace, controller):
    items = (await _read(admin, ENDPOINT_SLICES, namespace))["items"]
    mine = [s for s in items if s["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == controller]
    return sorted((s["metadata"]["labels"]["kubernetes.io/service-name"], len(s["endpoints"] or ())) for s in mine)


async def _has_address(admin, namespace):
    return bool((await _read(admin, SERVICES, namespace, "fresh"))["status"]["loadBalancer"].get("ingress"))


async def _has_slices(admin, namespace):
    return await _slices(admin, namespace, OF_PODS) == [("fresh", 1), ("stale", 1)]


async def _has_mirrors(admin, namespace):
    return await _slices(admin, namespace, OF_ENDPOINTS) == [("changed", 1), ("custom", 1)]


async def _has_endpoints(admin, namespace):
    items = (await _read(admin, ENDPOINTS, namespace))["items"]
    return {e["metadata"]["name"]: len(e.get("subsets") or ()) for e in items} == {
        "changed": 1, "custom": 1, "fresh": 1, "stale": 1
    }  # fmt: skip


async def _is_said_of_range(admin, namespace):
    found = await _read(admin, SERVICE_CIDRS, "", namespace)
    return bool(found["metadata"].get("finalizers") and found.get("status", {}).get("conditions"))


async def _is_scaled(admin, namespace):
    return (await _read(admin, DEPLOYMENTS, "kube-system", "fairlead-dns"))["spec"]["replicas"] == 2


_DONE = {
    "controllers load-balancer": _has_address,
    "controllers endpointslice": _has_slices,
    "controllers endpoints": _has_endpoints,
    "controllers mirroring": _has_mirrors,
    "controllers service-cidr": _is_said_of_range,
    "controllers dns-autoscaler": _is_scaled,
}
