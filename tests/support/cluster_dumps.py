"""Clusters as ``kubectl get -o json`` shows them, in short spellings: what explanations and diagnoses read.

A dump is a list of documents. ``sliced`` adds the EndpointSlices that the controllers would have written.
"""

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from fairlead.endpointslice.reconcile import reconcile_slices
from fairlead.explain.cluster import Cluster
from fairlead.explain.observations import Observation
from fairlead.explain.permissions import READABLE
from fairlead.explain.reading import FoundDocument, cluster_of
from fairlead.model.decode import decode
from fairlead.model.objects import Node, Pod, Service

Doc = dict[str, Any]
NODES = {"node-1": "192.168.0.2", "node-2": "192.168.0.3"}


def node(name: str = "node-1", ready: bool = True, **fields: Any) -> Doc:
    number = int(name.rpartition("-")[2])
    cidr = f"10.244.{number}.0/24"
    return {
        "kind": "Node",
        "metadata": {"name": name, "uid": f"uid-{name}", **fields},
        "spec": {"podCIDR": cidr, "podCIDRs": [cidr]},
        "status": {
            "addresses": [{"type": "InternalIP", "address": f"192.168.0.{number + 1}"}],
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


def container(image: str = "shop/web:1", ports: Iterable[Any] = (8080,), name: str = "main", **fields: Any) -> Doc:
    """A container; a port is a number, or (name, number[, protocol])."""
    listed = [p if isinstance(p, tuple) else ("", p) for p in ports]
    keys = ("name", "containerPort", "protocol")
    return {"name": name, "image": image, "ports": [dict(zip(keys, p, strict=False)) for p in listed], **fields}


def pod(
    name: str,
    labels: Doc | None = None,
    node: str = "node-1",
    ip: str | None = None,
    ready: bool = True,
    containers: Iterable[Doc] = (),
    namespace: str = "default",
    owner: tuple[str, str] | None = None,
    status: Doc | None = None,
    **spec: Any,
) -> Doc:
    """A running Pod; an address of its own follows from its name unless given."""
    address = ip if ip is not None else f"10.244.{node[-1]}.{sum(map(ord, namespace + name)) % 250 + 2}"
    word = str(ready)
    state: Doc = {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": a} for a in address.split(",")] if address else [],
        "conditions": [{"type": t, "status": word} for t in ("Ready", "ContainersReady")],
        **(status or {}),
    }
    state["podIP"] = address.split(",")[0]
    owners = [{"kind": owner[0], "name": owner[1], "uid": f"uid-{owner[1]}", "controller": True}] if owner else []
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{namespace}-{name}",
            "labels": {"app": "web"} if labels is None else labels,
            "ownerReferences": owners,
        },
        "spec": {"nodeName": node, "containers": list(containers) or [container()], **spec},
        "status": state,
    }


def service(
    name: str = "web",
    ip: str = "10.96.0.10",
    ports: Iterable[Any] = ((80, 8080),),
    selector: Doc | None = None,
    namespace: str = "default",
    status: Doc | None = None,
    metadata: Doc | None = None,
    **spec: Any,
) -> Doc:
    """A Service as the API server keeps it; a port is (port, targetPort[, name[, protocol[, nodePort]]])."""
    keys = ("port", "targetPort", "name", "protocol", "nodePort")
    listed = [{"protocol": "TCP", **dict(zip(keys, port, strict=False))} for port in ports]
    full = {
        "type": "ClusterIP",
        "clusterIP": ip,
        "clusterIPs": [ip],
        "ipFamilies": ["IPv4"],
        "ports": listed,
        "selector": {"app": "web"} if selector is None else selector,
        **spec,
    }
    if not full["selector"]:
        del full["selector"]
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", **(metadata or {})}
    return {"kind": "Service", "metadata": meta, "spec": full, "status": status or {"loadBalancer": {}}}


def headless(name: str = "web", **fields: Any) -> Doc:
    return service(name, "None", **fields)


def external_name(name: str, target: str, namespace: str = "default") -> Doc:
    spec = {"type": "ExternalName", "externalName": target}
    return {"kind": "Service", "metadata": {"name": name, "namespace": namespace, "uid": name}, "spec": spec}


def workload(
    kind: str, name: str, replicas: int = 2, labels: Doc | None = None, containers: Iterable[Doc] = (), **spec: Any
) -> Doc:
    labels = labels or {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": list(containers) or [container()]}}
    full = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec}
    return {"kind": kind, "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"}, "spec": full}


def policy(name: str, selector: Doc | None = None, namespace: str = "default", **spec: Any) -> Doc:
    full = {"podSelector": {"matchLabels": selector or {}}, **spec}
    return {"kind": "NetworkPolicy", "metadata": {"name": name, "namespace": namespace}, "spec": full}


def event(about: Doc, reason: str, message: str) -> Doc:
    meta = about["metadata"]
    namespace = meta.get("namespace", "default")
    return {
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.{reason}".lower(), "namespace": namespace},
        "involvedObject": {"kind": about["kind"], "namespace": namespace, "name": meta["name"]},
        "reason": reason,
        "message": message,
        "type": "Warning",
    }


def endpoint_slice(
    owner: str, endpoints: Iterable[Any], ports: Iterable[tuple[str, int]] = (("", 8080),), **metadata: Any
) -> Doc:
    """A slice written by hand; an endpoint is an address or a whole document."""
    labels = {"kubernetes.io/service-name": owner} if owner else {}
    return {
        "kind": "EndpointSlice",
        "metadata": {"name": f"{owner or 'nobody'}-hand", "namespace": "default", "labels": labels, **metadata},
        "addressType": "IPv4",
        "endpoints": [e if isinstance(e, dict) else {"addresses": [e]} for e in endpoints],
        "ports": [{"name": name, "port": number, "protocol": "TCP"} for name, number in ports],
    }


DNS_POD = {"k8s-app": "kube-dns"}


def system() -> list[Doc]:
    """What every cluster has: nodes, a DNS server that works, a proxy on each node."""
    dns_ports = ((53, 53, "dns", "UDP"), (53, 53, "dns-tcp", "TCP"))
    dns_container = container("registry.k8s.io/coredns/coredns:v1.11.1", (("dns", 53, "UDP"), ("dns-tcp", 53, "TCP")))
    proxies = [
        pod(f"kube-proxy-{n[-1]}", {"k8s-app": "kube-proxy"}, n, NODES[n], namespace="kube-system", hostNetwork=True)
        for n in NODES
    ]
    return [
        *(node(name) for name in NODES),
        *({"kind": "Namespace", "metadata": {"name": name}} for name in ("default", "kube-system")),
        service("kube-dns", "10.96.0.2", dns_ports, DNS_POD, "kube-system"),
        pod("coredns-1", DNS_POD, "node-1", namespace="kube-system", containers=[dns_container]),
        *proxies,
    ]


def sliced(documents: Iterable[Doc]) -> list[Doc]:
    """The documents, and the slices that follow from them."""
    documents = list(documents)
    pods = [decode(Pod, d) for d in documents if d["kind"] == "Pod"]
    nodes = {d["metadata"]["name"]: decode(Node, d) for d in documents if d["kind"] == "Node"}
    made = [s for d in documents if d["kind"] == "Service" for s in _slices(decode(Service, d), pods, nodes)]
    return [*documents, *made]


def _slices(service_: Service, pods: list[Pod], nodes: dict[str, Node]) -> Iterator[Doc]:
    for number, slice_ in enumerate(reconcile_slices(service_, pods, nodes, ()).creates):
        document = msgspec.to_builtins(slice_)
        document["metadata"]["name"] = f"{service_.name}-{number}"
        yield {"kind": "EndpointSlice", **document}


def web(count: int = 2, **fields: Any) -> list[Doc]:
    """A plain application of some ready Pods, behind no Service yet."""
    owner = {"owner": ("ReplicaSet", "web-1")} | fields
    return [pod(f"web-{n}", node=list(NODES)[n % 2], **owner) for n in range(count)]


def changed(document: Doc, path: str, value: Any) -> Doc:
    """A copy of a document with one field set, or removed with None."""
    document = copy.deepcopy(document)
    *way, last = path.split(".")
    place = document
    for key in way:
        place = place.setdefault(key, {})
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value
    return document


def cluster(documents: Iterable[Doc], observations: Iterable[Observation] = (), *, whole: bool = True) -> Cluster:
    """What is read from these documents; ``whole``: from an API server, so that what is not there does not exist."""
    kinds = [readable.kind for readable in READABLE] if whole else []
    return cluster_of((FoundDocument("the API", document) for document in documents), observations, kinds)
