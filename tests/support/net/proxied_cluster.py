"""An API server and a node proxy in the network of a test's own, with a client and four endpoints of one Service."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.net.netlab import ATTEMPT_SECONDS, Net

FAIRLEAD = str(Path(sys.executable).parent / "fairlead")
NODE, CLIENT, VIP = "192.168.0.2", "10.180.0.9", "10.96.0.10"
ROUTER = "198.51.100.1"
ENDPOINTS = [f"10.180.0.{number}" for number in range(1, 5)]
FLAGS = ("--node", "here", "--cluster-cidr", "10.180.0.0/16", "--service-cidr", "10.96.0.0/16")

API = "https://127.0.0.1:6443"
PLACES = {
    "Node": "/api/v1/nodes",
    "Service": "/api/v1/namespaces/default/services",
    "ServiceCIDR": "/apis/networking.k8s.io/v1/servicecidrs",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
}
APPLY, MERGE = "application/apply-patch+yaml", "application/strategic-merge-patch+json"
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "clusterIP": VIP,
        "clusterIPs": [VIP],
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "ports": [{"name": p, "port": 80, "protocol": p.upper(), "targetPort": 80} for p in ("tcp", "udp")],
    },
}
CONDITIONS = {
    "ready": {"ready": True, "serving": True, "terminating": False},
    "draining": {"ready": False, "serving": True, "terminating": True},
}


def eventually(check, seconds=60.0):
    end = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < end, f"not true after {seconds} s"
        time.sleep(0.1)  # more often, and the kernel's limit of ICMP errors is what is tested
    return found


class Cluster:
    """An API server and a proxy in the node's namespace."""

    def __init__(self, folder):
        self.net = Net([NODE])
        for address in (*ENDPOINTS, CLIENT):
            host = self.net.add_host(address)
            if address in ENDPOINTS:
                host.call("serve", address=address, ports=[("tcp", 80), ("udp", 80)])
        self.net.add_router(ROUTER)  # only what has a route comes to where it can be refused
        self.kubeconfig = folder / "kubeconfig"
        command = (FAIRLEAD, "apiserver", "--data", folder, "--listen", "127.0.0.1:6443", "--kubeconfig")
        self._api = self.net.start(*map(str, (*command, self.kubeconfig)), stdout=subprocess.PIPE)
        self._api.stdout.readline()
        token = (folder / "tokens.csv").read_text().partition(",")[0]
        self._curl = ["curl", "--silent", "--fail-with-body", "--cacert", str(folder / "pki" / "ca.crt")]
        self._curl += ["--header", f"Authorization: Bearer {token}"]
        self.apply({"kind": "Node", "metadata": {"name": "here"}, "apiVersion": "v1"})

    def begin(self, backend):
        """A Service of one endpoint, and a proxy that knows of nothing else."""
        self.backend = backend
        self.apply(SERVICE)
        self.set_endpoints({ENDPOINTS[0]: "ready"})
        self.start_proxy()

    def end(self):
        """Leave nothing behind that the next test asks about, neither in the kernel nor in the API."""
        _end(self.proxy)
        self.net.node.run("nft", "flush", "ruleset")
        self.net.node.run("conntrack", "--flush")
        self.ask("DELETE", f"{PLACES['Service']}/web")

    def start_proxy(self, *more):
        command = (FAIRLEAD, "proxy", "--kubeconfig", str(self.kubeconfig), *FLAGS, *more, "--backend", self.backend)
        self.proxy = self.net.start(*command, stderr=subprocess.PIPE, text=True)
        assert "in the kernel" in self.proxy.stderr.readline()

    def kill_proxy(self):
        self.proxy.send_signal(signal.SIGKILL)
        _end(self.proxy)

    def apply(self, document):
        place = f"{PLACES[document['kind']]}/{document['metadata']['name']}"
        self.ask("PATCH", f"{place}?fieldManager=test&force=true", document, APPLY)

    def patch_service(self, patch):
        self.ask("PATCH", f"{PLACES['Service']}/web", patch, MERGE)

    def ask(self, method, path, document=None, media_type="application/json"):
        """The API server's answer; by curl, which is there in a tenth of the time of a kubectl."""
        command = (*self._curl, "--request", method, "--header", f"Content-Type: {media_type}", "--data-binary", "@-")
        curl = self.net.start(*command, f"{API}{path}", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        answer, _ = curl.communicate(json.dumps(document).encode() if document else b"")
        assert curl.returncode == 0, answer
        return json.loads(answer)

    def set_endpoints(self, states):
        """Put the slice in place: address -> ready or draining."""
        listed = [
            {"addresses": [address], "nodeName": "here", "conditions": CONDITIONS[state]}
            for address, state in states.items()
        ]
        slice_ = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "web-1",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "test"},
            },
            "addressType": "IPv4",
            "ports": [{"name": p, "port": 80, "protocol": p.upper()} for p in ("tcp", "udp")],
            "endpoints": listed,
        }
        self.apply(slice_)

    def answering(self, protocol="tcp", seconds=ATTEMPT_SECONDS):
        """The endpoints that answer a few connections of the client in time, and words for those that fail."""
        arguments = {"source": CLIENT, "destination": VIP, "port": 80, "protocol": protocol, "count": 8}
        results = self.net.hosts[CLIENT].call("probe", **arguments, seconds=seconds)
        return {result if isinstance(result, str) else result[0][0] for result in results}

    def metric(self, name, family="IPv4"):
        """What the proxy has counted for a family; what it has not seen yet is not listed."""
        page = self.net.node.run("curl", "--silent", "--fail", "http://127.0.0.1:10249/metrics")
        found = re.search(rf'^kubeproxy_{name}{{ip_family="{family}"}} (\S+)$', page, re.MULTILINE)
        return int(float(found[1])) if found else 0

    def close(self):
        _end(self._api)
        self.net.close()


def _end(process):
    process.terminate()
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()
