"""CPU time per DNS query, beside a C echo server and Debian's name servers.

Three tables: names of the cluster (10,000 Services; A, AAAA, SRV and search-list misses), names outside that are
forwarded and then come from the cache, and names that are rewritten to those of Services. Each server is pinned to one
core and the load (dnsperf) to the other. What counts is the kernel's own account of the server's user and system time
(/proc/PID/stat), divided by the queries answered: it does not depend on how busy the machine is, as throughput
does. The clock of a shared machine is not steady, so servers take turns, and each is compared with the echo server of
the same turn: the table has the median. A peer that is not installed is named and left out.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench._dns_peers import (
    C_ECHO,
    DNSDIST,
    FAIRLEAD,
    KNOT,
    NAMESPACES,
    NSD,
    SERVICES,
    UNBOUND,
    UPSTREAM_PORT,
    Peer,
    cluster_queries,
    echo_program,
    outside_queries,
    rewritten_queries,
    service_of,
    write_zone,
)

TURNS = 5
SECONDS = 2  # of load in each turn
SERVER_CORE, LOAD_CORE = 0, 1
FIRST_PORT = 15353

COREFILE = """\
. {{
    rewrite name suffix .apps.lan .svc.cluster.local answer auto
    kubernetes cluster.local {{
        ttl 30
    }}
    forward . 127.0.0.1:{upstream}
    cache 3600 {{
        disable success cluster.local
        disable denial cluster.local
    }}
    loadbalance
}}
"""


class Running(NamedTuple):
    """A server that answers; ``first`` is what a query costs that is asked for the first time, in microseconds."""

    peer: Peer
    pid: int
    port: int
    first: float


class Cost(NamedTuple):
    """Microseconds of CPU time per query, and queries per second."""

    each: float
    rate: float


def measure(title: str, peers: list[Peer], names: list[str], directory: Path) -> None:
    """Print a table: the peers, asked for these names in turn."""
    print(f"\n{title}\n{'server':<22}{'first µs':>10}{'then µs':>10}{'x echo':>9}{'queries/s':>12}")
    queries, once = directory / "queries", directory / "once"
    queries.write_text("\n".join(names) + "\n")
    once.write_text("\n".join(dict.fromkeys(names)) + "\n")
    with ExitStack() as stack:
        running = []
        for port, peer in enumerate((C_ECHO, *peers), FIRST_PORT):
            if shutil.which(peer.program) is None:
                print(f"{peer.name:<22}{'not installed':>14}")
                continue
            running.append(stack.enter_context(started(peer, port, once, directory)))
        turns = [[cost(each, queries, ["-l", str(SECONDS)]) for each in running] for _ in range(TURNS)]
    for index, each in enumerate(running):
        own = [turn[index] for turn in turns]
        ratio = median(turn[index].each / turn[0].each for turn in turns)
        then, rate = median(c.each for c in own), median(c.rate for c in own)
        print(f"{each.peer.name:<22}{each.first:>10.2f}{then:>10.2f}{ratio:>9.2f}{rate:>12,.0f}")


@contextmanager
def started(peer: Peer, port: int, once: Path, directory: Path) -> Iterator[Running]:
    """A server at a port, which has answered each question once."""
    command = peer.command(directory, port)
    with process(command, SERVER_CORE) as pid:
        wait_for_answer(port, once.read_text().split()[0])
        first = cost(Running(peer, pid, port, 0.0), once, ["-n", "1"])
        yield Running(peer, pid, port, first.each)


@contextmanager
def process(command: list[str], core: int) -> Iterator[int]:
    """A program on one core, in a session of its own."""
    started = subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield started.pid
    finally:
        started.terminate()
        started.wait(10)


def cost(server: Running, queries: Path, extent: list[str]) -> Cost:
    """What a server spends on the queries of one dnsperf run."""
    before = cpu_seconds(server.pid)
    command = ["taskset", "-c", str(LOAD_CORE), "dnsperf", "-s", "127.0.0.1", "-p", str(server.port)]
    command += ["-d", str(queries), "-c", "8", "-q", "200", *extent]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    completed, rate = (
        float(re.search(pattern + r":\s+([\d.]+)", report)[1])
        for pattern in ("Queries completed", "Queries per second")
    )
    return Cost((cpu_seconds(server.pid) - before) / completed * 1e6, rate)


def wait_for_answer(port: int, name: str, patience: float = 30) -> None:
    """Ask until a server answers."""
    ends = time.monotonic() + patience
    command = ["dig", "+time=1", "+tries=1", "@127.0.0.1", "-p", str(port), name]
    while subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
        if time.monotonic() > ends:
            raise TimeoutError(f"nobody answers at port {port}")


def cpu_seconds(session: int) -> float:
    """User and system time of all processes of a session, from the kernel."""
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session:
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def serve(port: int) -> None:
    """Fairlead's server with the Services of this benchmark, without an API server."""
    import asyncio
    import gc

    from fairlead.app.dns.surroundings import MachineFiles
    from fairlead.clusterdns.authority import Authority
    from fairlead.clusterdns.configuration import configuration_of
    from fairlead.clusterdns.zone import Zone
    from fairlead.drivers.dns.listener import Services
    from fairlead.drivers.dns.outside import OutsideForwarders
    from fairlead.drivers.dns.server import DnsServer, ServedPlace
    from fairlead.model.decode import decode
    from fairlead.model.objects import Namespace, Service

    async def run() -> None:
        machine, text = MachineFiles(), COREFILE.format(upstream=UPSTREAM_PORT)
        blocks = configuration_of(text, "Corefile", machine.surroundings(), {}, machine.imports).blocks
        authority = Authority(Zone())
        for number in range(NAMESPACES):
            authority.change(None, decode(Namespace, {"metadata": {"name": f"ns-{number}"}}), 0)
        for number in range(SERVICES):
            name, namespace, ip = service_of(number)
            spec = {"clusterIP": ip, "clusterIPs": [ip], "ports": [{"name": "http", "port": 80}]}
            document = {"metadata": {"name": name, "namespace": namespace}, "spec": spec}
            authority.change(None, decode(Service, document), 0)
        authority.finish_sync(0)
        gc.freeze()
        outside = OutsideForwarders(blocks)
        server = DnsServer(authority, Services(outside))
        await server.listen({ServedPlace("127.0.0.1", port): blocks})
        outside.start()
        await asyncio.Event().wait()

    asyncio.run(run())


def main() -> None:
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    print("\nDNS: CPU time per query")
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        write_zone(directory / "zone")
        title = f"names of the cluster: {SERVICES} Services, A 40 %, AAAA 25 %, SRV 10 %, search-list misses 25 %"
        measure(title, [FAIRLEAD, KNOT, NSD, UNBOUND], cluster_queries(), directory)
        with process([echo_program(directory), str(UPSTREAM_PORT), "answer"], LOAD_CORE):
            title = "names outside: forwarded at first, then from the cache"
            measure(title, [FAIRLEAD, UNBOUND, DNSDIST], outside_queries(), directory)
        title = "names rewritten to those of Services (dnsdist tells the alias alone)"
        measure(title, [FAIRLEAD, UNBOUND, DNSDIST], rewritten_queries(), directory)


if __name__ == "__main__":
    serve(int(sys.argv[2]))
