"""The objects of a large cluster: plain Services of four endpoints each, spread over fifty nodes."""

ENDPOINTS = 4


def address(number, copy):
    return f"10.{copy}.{number // 250 % 250}.{number % 250 + 1}"


def service(i):
    ip = f"10.{96 + i // 62500}.{i // 250 % 250}.{i % 250 + 1}"
    spec = {"clusterIP": ip, "clusterIPs": [ip], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}
    return {"metadata": {"name": f"svc-{i}", "namespace": "default", "resourceVersion": "1"}, "spec": spec}


def endpoint_slice(i, version=1):
    """The first endpoint of a Service has another address in each version of its slice."""
    ends = [
        {"addresses": [address(i, n or 10 + version)], "nodeName": f"node-{(i + n) % 50}"} for n in range(ENDPOINTS)
    ]
    return {
        "metadata": {
            "name": f"svc-{i}-1",
            "namespace": "default",
            "resourceVersion": str(version),
            "labels": {"kubernetes.io/service-name": f"svc-{i}"},
        },
        "addressType": "IPv4",
        "endpoints": ends,
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


NODE = {
    "metadata": {"name": "node-0", "resourceVersion": "1"},
    "status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.2"}]},
}
