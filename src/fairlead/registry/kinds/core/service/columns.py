"""A Service in ``kubectl get``. Upstream: ``printService`` in pkg/printers/internalversion/printers.go."""

from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.kinds.cells import AGE, NAME, NONE, UNKNOWN, age, joined, labels_text, name, wide
from fairlead.registry.strategy import Column

COLUMNS = (
    NAME,
    Column("Type"),
    Column("Cluster-IP"),
    Column("External-IP"),
    Column("Port(s)"),
    AGE,
    wide("Selector"),
)


def row(service: Doc, now: str) -> list[Any]:
    """The cells of one Service."""
    spec = service["spec"]
    cluster_ips = spec.get("clusterIPs") or [NONE]
    ports = joined(_port(port) for port in spec.get("ports") or ())
    selector = labels_text(spec.get("selector"))
    return [name(service), spec["type"], cluster_ips[0], _external_ip(service), ports, age(service, now), selector]


def _port(port: Doc) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port['protocol']}"


def _external_ip(service: Doc) -> str:
    spec = service["spec"]
    external_ips = spec.get("externalIPs") or []
    match spec["type"]:
        case "ClusterIP" | "NodePort":
            return joined(external_ips)
        case "LoadBalancer":
            return joined([*_ingress_points(service), *external_ips], empty="<pending>")
        case "ExternalName":
            return str(spec.get("externalName", ""))
        case _:
            return UNKNOWN


def _ingress_points(service: Doc) -> list[str]:
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    return sorted({point.get("ip") or point.get("hostname") or "" for point in ingress} - {""})
