"""Short spellings of the objects that the node proxy reads."""

from fairlead.model.decode import decode
from fairlead.model.objects import EndpointSlice, Node, Service
from fairlead.model.snapshot import ClusterSnapshot


def service(name="web", ip="10.96.0.10", ports=(("http", 80),), status=None, labels=None, annotations=None, **spec):
    """A Service in namespace ns; ``ports`` are (name, port[, protocol[, node port]])."""
    if "nodePort" in str(ports):
        raise ValueError("ports are tuples")
    listed = [dict(zip(("name", "port", "protocol", "nodePort"), port, strict=False)) for port in ports]
    full = {"clusterIP": ip, "clusterIPs": [ip] if ip else [], "ports": listed, **spec}
    metadata = {"name": name, "namespace": "ns", "labels": labels or {}, "annotations": annotations or {}}
    return decode(Service, {"metadata": metadata, "spec": full, "status": status or {}})


def endpoint(address, node="here", **fields):
    """An endpoint; conditions, hints and zone as in the API, ``state`` as a short form of the conditions."""
    states = {
        "ready": {},
        "unready": {"ready": False, "serving": False},
        "draining": {"ready": False, "serving": True, "terminating": True},
        "dying": {"ready": False, "serving": False, "terminating": True},
    }
    conditions = states[fields.pop("state", "ready")]
    return {"addresses": [address], "nodeName": node, "conditions": conditions, **fields}


def endpoint_slice(endpoints, owner="web", ports=(("http", 8080),), name=None, family="IPv4"):
    """A slice of a Service in namespace ns; ``ports`` are (name, port[, protocol])."""
    listed = [dict(zip(("name", "port", "protocol"), port, strict=False)) for port in ports]
    metadata = {
        "name": name or f"{owner}-1",
        "namespace": "ns",
        "labels": {"kubernetes.io/service-name": owner},
    }
    return decode(EndpointSlice, {"metadata": metadata, "addressType": family, "endpoints": endpoints, "ports": listed})


def node(name="here", zone=None, ips=("192.168.0.2",), pod_cidr="10.180.0.0/24"):
    labels = {"topology.kubernetes.io/zone": zone} if zone else {}
    addresses = [{"type": "InternalIP", "address": ip} for ip in ips]
    return decode(
        Node,
        {
            "metadata": {"name": name, "labels": labels},
            "spec": {"podCIDR": pod_cidr, "podCIDRs": [pod_cidr]},
            "status": {"addresses": addresses},
        },
    )


def snapshot(*objects):
    result = ClusterSnapshot()
    for object_ in objects:
        result = result.with_object(object_)
    return result
