"""CPU time per DNS query, beside a C echo server and Debian's name servers serving the same names.

10,000 Services; a mix of A, AAAA, SRV and search-list misses. Each server is pinned to one core and the load (dnsperf)
to the other. What counts is the kernel's own account of the server's user and system time (/proc/PID/stat), divided by
the queries answered: it does not depend on how busy the machine is otherwise, as throughput does. A peer that is not
installed is named and left out.
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SERVICES = 10_000
NAMESPACES = 100
QUERIES = 40_000
SECONDS = 5
SERVER_CORE, LOAD_CORE = 0, 1
PORT = 15353

ECHO = r"""
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
int main(int argc, char **argv) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int s = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
  setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (bind(s, (struct sockaddr *)&at, sizeof at)) return 1;
  for (;;) {
    unsigned char packet[4096]; struct sockaddr_in from; socklen_t length = sizeof from;
    ssize_t n = recvfrom(s, packet, sizeof packet, 0, (struct sockaddr *)&from, &length);
    if (n < 12) continue;
    packet[2] |= 0x84;
    sendto(s, packet, n, 0, (struct sockaddr *)&from, length);
  }
}
"""


def service_of(number: int) -> tuple[str, str, str]:
    """Name, namespace and virtual IP of the n-th Service."""
    return (
        f"svc-{number}",
        f"ns-{number % NAMESPACES}",
        f"10.{96 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}",
    )


def write_queries(path: Path) -> None:
    """What clients ask: addresses of both families, ports, and names outside tried against the search list."""
    chance = random.Random(1)
    lines = []
    for _ in range(QUERIES):
        name, namespace, _ = service_of(chance.randrange(SERVICES))
        full = f"{name}.{namespace}.svc.cluster.local"
        miss = f"host-{chance.randrange(500)}.example.com.{namespace}.svc.cluster.local"
        lines.append(
            chance.choices([f"{full} A", f"{full} AAAA", f"_http._tcp.{full} SRV", f"{miss} A"], (40, 25, 10, 25))[0]
        )
    path.write_text("\n".join(lines) + "\n")


def write_zone(path: Path) -> None:
    """The same names as a zone file."""
    lines = [
        "$ORIGIN cluster.local.",
        "$TTL 30",
        "@ SOA ns.dns hostmaster 1 7200 1800 86400 30",
        "@ NS ns.dns",
        "ns.dns A 127.0.0.1",
    ]
    for number in range(SERVICES):
        name, namespace, ip = service_of(number)
        lines += [
            f"{name}.{namespace}.svc A {ip}",
            f"_http._tcp.{name}.{namespace}.svc SRV 0 100 80 {name}.{namespace}.svc",
        ]
    path.write_text("\n".join(lines) + "\n")


@dataclass(frozen=True)
class Peer:
    """A server to measure; ``command`` writes its configuration into a directory and says how to start it."""

    name: str
    program: str
    command: Callable[[Path], list[str]]


def fairlead_command(_: Path) -> list[str]:
    return [sys.executable, "-m", "bench.dns", "serve"]


def echo_command(directory: Path) -> list[str]:
    source = directory / "echo.c"
    source.write_text(ECHO)
    subprocess.run(["cc", "-O2", "-o", directory / "echo", source], check=True)
    return [str(directory / "echo"), str(PORT)]


def knot_command(directory: Path) -> list[str]:
    (directory / "knot.conf").write_text(
        f"server:\n  listen: 127.0.0.1@{PORT}\n  udp-workers: 1\n  rundir: {directory}\n"
        f"database:\n  storage: {directory}\n"
        f"zone:\n- domain: cluster.local\n  storage: {directory}\n  file: zone\n"
    )
    return ["knotd", "-c", str(directory / "knot.conf")]


def nsd_command(directory: Path) -> list[str]:
    (directory / "nsd.conf").write_text(
        f'server:\n  ip-address: 127.0.0.1@{PORT}\n  server-count: 1\n  username: ""\n  database: ""\n'
        f"  rrl-ratelimit: 0\n  zonesdir: {directory}\n"
        f"  pidfile: {directory}/nsd.pid\n  xfrdfile: {directory}/xfrd\n  zonelistfile: {directory}/list\n"
        f"  xfrdir: {directory}\nremote-control:\n  control-enable: no\n"
        "zone:\n  name: cluster.local\n  zonefile: zone\n"
    )
    return ["nsd", "-d", "-c", str(directory / "nsd.conf")]


def unbound_command(directory: Path) -> list[str]:
    (directory / "unbound.conf").write_text(
        f'server:\n  interface: 127.0.0.1@{PORT}\n  num-threads: 1\n  username: ""\n  chroot: ""\n'
        f"  directory: {directory}\n"
        f'  pidfile: {directory}/unbound.pid\n  do-daemonize: no\n  use-syslog: no\n  module-config: "iterator"\n'
        f"remote-control:\n  control-enable: no\n"
        f"auth-zone:\n  name: cluster.local\n  zonefile: {directory}/zone\n  for-upstream: no\n"
    )
    return ["unbound", "-d", "-c", str(directory / "unbound.conf")]


PEERS = [
    Peer("C echo server", "cc", echo_command),
    Peer("Fairlead", sys.executable, fairlead_command),
    Peer("Knot DNS", "knotd", knot_command),
    Peer("NSD", "nsd", nsd_command),
    Peer("Unbound (auth-zone)", "unbound", unbound_command),
]


@dataclass(frozen=True)
class Measured:
    """Microseconds of CPU time per query when it is asked for the first time, and later; queries per second later."""

    first: float
    later: float
    rate: float


def measure(peer: Peer, queries: Path, directory: Path) -> Measured:
    """Start a server, load it, and read its CPU time before and after."""
    command = ["taskset", "-c", str(SERVER_CORE), *peer.command(directory)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for_answer()
        first, _ = cost(server.pid, queries, ["-n", "1"])
        later, rate = cost(server.pid, queries, ["-l", str(SECONDS)])
        return Measured(first, later, rate)
    finally:
        server.terminate()
        server.wait(10)


def cost(pid: int, queries: Path, extent: list[str]) -> tuple[float, float]:
    """CPU time of a server per answered query in microseconds, and queries per second, of one dnsperf run."""
    before = cpu_seconds(pid)
    command = ["taskset", "-c", str(LOAD_CORE), "dnsperf", "-s", "127.0.0.1", "-p", str(PORT)]
    command += ["-d", str(queries), "-c", "8", "-q", "200", *extent]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    completed, rate = (
        float(re.search(pattern + r":\s+([\d.]+)", report)[1])
        for pattern in ("Queries completed", "Queries per second")
    )
    return (cpu_seconds(pid) - before) / completed * 1e6, rate


def wait_for_answer(patience: float = 30) -> None:
    """Ask until somebody answers."""
    ends = time.monotonic() + patience
    name = "svc-1.ns-1.svc.cluster.local"
    while subprocess.run(
        ["dig", "+time=1", "+tries=1", "@127.0.0.1", "-p", str(PORT), name], stdout=subprocess.DEVNULL, check=False
    ).returncode:
        if time.monotonic() > ends:
            raise TimeoutError("the server does not answer")


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


def serve() -> None:
    """Fairlead's server with the Services of this benchmark, without an API server."""
    import asyncio
    import gc

    from fairlead.app.dns.settings_blocks import block_of
    from fairlead.clusterdns import zone as zones
    from fairlead.clusterdns.authority import Authority
    from fairlead.clusterdns.zone import Zone
    from fairlead.drivers.dns.listener import Services
    from fairlead.drivers.dns.outside import Outside
    from fairlead.drivers.dns.server import DnsServer, layout_of
    from fairlead.model.decode import decode
    from fairlead.model.objects import Namespace, Service

    async def run() -> None:
        zone = Zone(outside=zones.Outside.REFUSE)
        authority = Authority(zone)
        for number in range(NAMESPACES):
            authority.change(None, decode(Namespace, {"metadata": {"name": f"ns-{number}"}}), 0)
        for number in range(SERVICES):
            name, namespace, ip = service_of(number)
            spec = {"clusterIP": ip, "clusterIPs": [ip], "ports": [{"name": "http", "port": 80}]}
            document = {"metadata": {"name": name, "namespace": namespace}, "spec": spec}
            authority.change(None, decode(Service, document), 0)
        authority.finish_sync(0)
        gc.freeze()
        server = DnsServer(authority, Services(Outside()))
        await server.listen(layout_of((block_of(zone, PORT),), ("127.0.0.1",)))
        await asyncio.Event().wait()

    asyncio.run(run())


def main() -> None:
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    print(f"\nDNS: CPU time per query, {SERVICES} Services, A 40 %, AAAA 25 %, SRV 10 %, search-list misses 25 %")
    print(f"{'server':<22}{'first µs':>10}{'then µs':>10}{'x echo':>9}{'queries/s':>12}")
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        write_queries(directory / "queries")
        write_zone(directory / "zone")
        echo = None
        for peer in PEERS:
            if shutil.which(peer.program) is None:
                print(f"{peer.name:<22}{'not installed':>14}")
                continue
            try:
                found = measure(peer, directory / "queries", directory)
            except TimeoutError as error:
                print(f"{peer.name:<22}  {error}")
                continue
            echo = echo or found.later
            ratio = found.later / echo
            print(f"{peer.name:<22}{found.first:>10.2f}{found.later:>10.2f}{ratio:>9.2f}{found.rate:>12,.0f}")


if __name__ == "__main__":
    serve()
