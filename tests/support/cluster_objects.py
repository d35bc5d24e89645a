"""Short ways to write the objects that many tests need; every default is what the API server would fill in."""

from typing import Any

from fairlead.model.decode import decode
from fairlead.model.objects import Namespace, Node, Pod, Service


def meta(name: str, namespace: str = "default", **fields: Any) -> dict:
    return {"name": name, "namespace": namespace, "uid": f"uid-{name}", **fields}


def make_service(name: str = "web", selector: dict | None = None, ports: list | None = None, **spec: Any) -> Service:
    metadata = meta(name, labels=spec.pop("labels", {}), creationTimestamp="2026-01-01T00:00:00Z")
    defaults = {
        "type": "ClusterIP",
        "clusterIP": "10.96.0.7",
        "clusterIPs": ["10.96.0.7"],
        "ipFamilies": ["IPv4"],
        "selector": {"app": "web"} if selector is None else selector,
        "ports": [{"name": "http", "port": 80, "targetPort": 8080}] if ports is None else ports,
    }
    return decode(Service, {"metadata": metadata, "spec": defaults | spec})


def make_pod(name: str, ips: str | list[str] = "10.244.0.5", *, ready: bool = True, **fields: Any) -> Pod:
    """A Pod labelled app=web on node-0; ``fields`` go to its spec, but for metadata, labels and phase."""
    addresses = [ips] if isinstance(ips, str) else ips
    metadata = meta(name, labels=fields.pop("labels", {"app": "web"})) | fields.pop("metadata", {})
    status = {
        "phase": fields.pop("phase", "Running"),
        "podIPs": [{"ip": ip} for ip in addresses],
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
    }
    spec = {"nodeName": "node-0", "containers": [{"name": "main"}]} | fields
    return decode(Pod, {"metadata": metadata, "spec": spec, "status": status})


def make_node(name: str = "node-0", zone: str | None = None, **spec: Any) -> Node:
    labels = {"kubernetes.io/hostname": name} | ({"topology.kubernetes.io/zone": zone} if zone else {})
    metadata = {"name": name, "uid": f"uid-{name}", "labels": labels | spec.pop("labels", {})}
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    return decode(Node, {"metadata": metadata, "spec": spec, "status": status})


def make_namespace(name: str = "default") -> Namespace:
    return decode(Namespace, {"metadata": {"name": name}})
