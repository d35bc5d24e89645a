"""NetworkPolicies in the kernel of one node: full sync, and the time of a change of one Pod, of one policy, in a
cluster of 1,000 policies and 5,000 Pods on 50 nodes. The planes are the proxy's own, with a real kernel; what is left
out is the way from the API server, which is measured for Services.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from fairlead.app.proxy.policy_plane import policy_plane
from fairlead.model.addresses import IPFamily
from fairlead.model.decode import decode
from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import Namespace, Pod
from fairlead.netpolicy.census import Census, subject_of
from fairlead.netpolicy.enforcement import Changed
from fairlead.netpolicy.reading import read_policy

POLICIES, PODS, NODES, SPACES = 1000, 5000, 50, 50
APPS = 20  # in each Namespace: a policy for each
CHANGES = 60
COLUMNS = {
    "full sync": ("full", "{:.2f} s"),
    "Pod, median": ("pod", "{:.1f} ms"),
    "p99": ("pod_p99", "{:.1f} ms"),
    "policy, median": ("policy", "{:.1f} ms"),
    "p99 ": ("policy_p99", "{:.1f} ms"),
    "memory": ("memory", "{:.0f} MB"),
}


def main():
    print(f"network policies: {POLICIES} of them, {PODS} Pods on {NODES} nodes; {CHANGES} changes of each kind")
    print(" ".join(f"{title:>14}" for title in ("rules", *COLUMNS)))
    for backend in ("nft", "iptables"):
        root = [] if os.geteuid() == 0 else ["-r"]
        command = ["unshare", *root, "-n", sys.executable, "-m", "bench._proxy_policies", backend]
        result = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        print(" ".join(f"{v:>14}" for v in (backend, *(form.format(result[k]) for k, form in COLUMNS.values()))))


def pod(number, tier="front"):
    space, app = number % SPACES, number // SPACES % APPS
    metadata = {"name": f"pod-{number}", "namespace": f"ns-{space}", "labels": {"app": f"app-{app}", "tier": tier}}
    ports = [{"name": "http", "containerPort": 8080}]
    spec = {"nodeName": f"node-{number // SPACES % NODES}", "containers": [{"name": "c", "ports": ports}]}
    address = f"10.{128 + number // 65536}.{number // 256 % 256}.{number % 256}"
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
    return decode(Pod, {"metadata": metadata, "spec": spec, "status": status})


def policy(number, port=8080):
    """Each lets in one other application of its Namespace, and a team; and out to what answers for names."""
    space, app = number % SPACES, number // SPACES % APPS
    peer = {"podSelector": {"matchLabels": {"app": f"app-{(app + 1) % APPS}"}}}
    team = {
        "namespaceSelector": {"matchLabels": {"team": str(space % 5)}},
        "podSelector": {"matchLabels": {"tier": "ops"}},
    }
    spec = {
        "podSelector": {"matchLabels": {"app": f"app-{app}"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": [peer, team], "ports": [{"port": port}, {"port": "http"}]}],
        "egress": [{"ports": [{"port": 53, "protocol": "UDP"}]}, {"to": [peer]}],
    }
    metadata = {"name": f"policy-{app}", "namespace": f"ns-{space}"}
    return decode(NetworkPolicy, {"metadata": metadata, "spec": spec})


def census():
    spaces = [
        decode(Namespace, {"metadata": {"name": f"ns-{i}", "labels": {"team": str(i % 5)}}}) for i in range(SPACES)
    ]
    return Census.of(map(pod, range(PODS)), spaces, map(policy, range(POLICIES)))


async def measure(backend):
    """On a node that has a hundred of the Pods."""
    plane, now = policy_plane(IPFamily.IPV4, "node-0", backend), census()
    result = {"full": await _timed(plane.follow(now, Changed()))}
    of_pods, of_policies = [], []
    for i in range(CHANGES):
        changed = pod(i, "ops")  # which a set that policies of this node ask then holds
        now = now.with_subject(changed.key, subject_of(changed))
        of_pods.append(await _timed(plane.follow(now, Changed(pods=frozenset({changed.key})))))
    for i in range(CHANGES):
        changed = policy(i % SPACES, 9000 + i)
        now = now.with_policy(changed.key, read_policy(changed))
        of_policies.append(await _timed(plane.follow(now, Changed(policies=frozenset({changed.key})))))
    for name, times in (("pod", of_pods), ("policy", of_policies)):
        result[name] = statistics.median(times) * 1000
        result[f"{name}_p99"] = statistics.quantiles(times, n=100)[98] * 1000
    return result


def _memory():
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024


async def _timed(work):
    start = time.perf_counter()
    await work
    return time.perf_counter() - start


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(sys.argv[1])) | {"memory": _memory()}))
