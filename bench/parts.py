"""What each part weighs at 10,000 Services of four endpoints: memory (PSS of all its processes), processor time and
time until it has read them.

The parts are the real commands against a stand-in that hands out prepared lists, in a network namespace of their own,
so that the proxy may write its rules into a real kernel. ``--workers 4`` shows what the workers of the DNS share.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import _cluster
from bench.dns_scale import KUBECONFIG, StandIn, answered, cpu_seconds, pss, until

SIZE = int(os.environ.get("PARTS_SERVICES", "10000"))
PORT = 15453  # where ``dns_scale`` asks
FAIRLEAD = str(Path(sys.executable).parent / "fairlead")
_DNS = ("dns", "--address", "127.0.0.1", "--port", str(PORT), "--health-port", "0", "--ready-port", "0")
_DNS += ("--metrics-port", "0", "--lameduck", "0")
_POOL = ("--load-balancer-pool", "192.0.2.0/24")
# Those that are about Services; others begin with discovery, which the stand-in lacks.
_OF_SERVICES = tuple(f"--only={name}" for name in ("endpointslice", "endpoints", "mirroring", "load-balancer", "node"))
PARTS = {
    "dns": (_DNS, ""),
    "dns --workers 4": ((*_DNS, "--workers", "4"), ""),
    "proxy (nft)": (("proxy", "--node", "node-0", "--cluster-cidr", "10.0.0.0/10"), "rules are in the kernel"),
    "controllers": (("controllers", "--leader-elect=false", *_OF_SERVICES), "controllers: ready"),
    "announcer": (("announcer", "--node", "node-0", "--interface", "lo", *_POOL), "announcer: ready"),
}


class Cluster(StandIn):
    """The stand-in with these Services, and nothing of all else."""

    def __init__(self) -> None:
        super().__init__()
        services = [_cluster.service(i) for i in range(SIZE)]
        slices = [_cluster.endpoint_slice(i) for i in range(SIZE)]
        namespaces = [{"metadata": {"name": "default", "resourceVersion": "1"}}]
        made = {"services": services, "endpointslices": slices, "nodes": [_cluster.NODE], "namespaces": namespaces}
        self.items = {name: list(map(json.dumps, items)) for name, items in made.items()}

    def page(self, name: str, limit: int, first: int) -> bytes:
        self.items.setdefault(name, [])
        return super().page(name, limit, first)


def family(pid: int) -> list[int]:
    """A process and its children, which here have none themselves."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def measure(kubeconfig: str, arguments: tuple[str, ...], said: str) -> tuple[float, float, float]:
    """Seconds until ready, processor time until then in seconds, and memory in MB."""
    started = time.monotonic()
    command = [FAIRLEAD, *arguments, "--kubeconfig", kubeconfig]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            if said:
                assert process.stderr
                next(line for line in process.stderr if said in line)
            else:
                until(lambda: answered(f"svc-{SIZE - 1}"))
            seconds = time.monotonic() - started
            pids = family(process.pid)
            return seconds, sum(map(cpu_seconds, pids)), sum(map(pss, pids))
        finally:
            process.terminate()


def main() -> None:
    if os.environ.get("PARTS_INSIDE"):
        _inside()
        return
    root = [] if os.geteuid() == 0 else ["--map-root-user"]
    inside = "ip link set lo up && ip addr add 192.168.0.2/32 dev lo && exec " + f"{sys.executable} -m bench parts"
    subprocess.run(["unshare", *root, "--net", "sh", "-c", inside], check=True, env={**os.environ, "PARTS_INSIDE": "1"})


def _inside() -> None:
    api = Cluster()
    api.start()
    print(f"\n{SIZE} Services of {_cluster.ENDPOINTS} endpoints\n{'part':<20}{'ready':>10}{'CPU':>10}{'memory':>12}")
    with tempfile.TemporaryDirectory() as scratch:
        kubeconfig = Path(scratch, "kubeconfig")
        kubeconfig.write_text(KUBECONFIG.format(port=api.port))
        for name, (arguments, said) in PARTS.items():
            seconds, cpu, memory = measure(str(kubeconfig), arguments, said)
            print(f"{name:<20}{seconds:>8.1f} s{cpu:>8.1f} s{memory:>9.0f} MB", flush=True)
