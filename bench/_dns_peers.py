"""Name servers to measure, each with the configuration for one kind of question, and the names that are asked.

Names of the cluster stand in a zone file for others. Names outside are told by an upstream server, which answers
whatever it is asked. Rewritten names belong to the cluster in the end: Fairlead writes the answer back, Unbound (by a
response policy zone) puts an alias before it, and dnsdist tells the alias alone.
"""

import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SERVICES = 10_000
NAMESPACES = 100
QUERIES = 40_000
OUTSIDE = 2_000  # names
UPSTREAM_PORT = 15352

# One loop around recvfrom and sendto; with ``answer`` each reply has an address, as the upstream server's have.
ECHO = r"""
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
static const unsigned char record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4, 192, 0, 2, 1};
int main(int argc, char **argv) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int s = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20, answer = argc > 2;
  setsockopt(s, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  if (bind(s, (struct sockaddr *)&at, sizeof at)) return 1;
  for (;;) {
    unsigned char packet[4096]; struct sockaddr_in from; socklen_t length = sizeof from;
    ssize_t n = recvfrom(s, packet, sizeof packet - sizeof record, 0, (struct sockaddr *)&from, &length);
    if (n < 12) continue;
    packet[2] |= 0x84;
    if (answer) {
      int end = 12;
      while (end < n && packet[end]) end += 1 + packet[end];
      n = end + 5;
      memcpy(packet + n, record, sizeof record);
      n += sizeof record;
      packet[3] = 0x80, packet[7] = 1, packet[8] = packet[9] = packet[10] = packet[11] = 0;
    }
    sendto(s, packet, n, 0, (struct sockaddr *)&from, length);
  }
}
"""


@dataclass(frozen=True)
class Peer:
    """A server to measure; ``command`` writes its configuration into a directory and says how to start it at a port."""

    name: str
    program: str
    command: Callable[[Path, int], list[str]]


def service_of(number: int) -> tuple[str, str, str]:
    """Name, namespace and virtual IP of the n-th Service."""
    return (
        f"svc-{number}",
        f"ns-{number % NAMESPACES}",
        f"10.{96 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}",
    )


def cluster_queries() -> list[str]:
    """What clients ask: addresses of both families, ports, and names outside tried against the search list."""
    chance = random.Random(1)
    lines = []
    for _ in range(QUERIES):
        name, namespace, _ = service_of(chance.randrange(SERVICES))
        full = f"{name}.{namespace}.svc.cluster.local"
        miss = f"host-{chance.randrange(OUTSIDE)}.example.com.{namespace}.svc.cluster.local"
        lines.append(
            chance.choices([f"{full} A", f"{full} AAAA", f"_http._tcp.{full} SRV", f"{miss} A"], (40, 25, 10, 25))[0]
        )
    return lines


def outside_queries() -> list[str]:
    """Each name once, and then as people ask: the n-th name one n-th as often as the first."""
    names = [f"host-{number}.example.com A" for number in range(OUTSIDE)]
    popular = random.Random(1).choices(names, [1 / number for number in range(1, OUTSIDE + 1)], k=QUERIES)
    return names + popular


def rewritten_queries() -> list[str]:
    return [f"{name}.{namespace}.apps.lan A" for name, namespace, _ in map(service_of, range(OUTSIDE))]


def write_zone(path: Path) -> None:
    """The names of the cluster as a zone file."""
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


def echo_program(directory: Path) -> str:
    """The C server, compiled."""
    source, program = directory / "echo.c", directory / "echo"
    if not program.exists():
        source.write_text(ECHO)
        subprocess.run(["cc", "-O2", "-o", program, source], check=True)
    return str(program)


def echo(directory: Path, port: int) -> list[str]:
    return [echo_program(directory), str(port)]


def fairlead(_: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "bench.dns", "serve", str(port)]


def knot(directory: Path, port: int) -> list[str]:
    (directory / "knot.conf").write_text(
        f"server:\n  listen: 127.0.0.1@{port}\n  udp-workers: 1\n  rundir: {directory}\n"
        f"database:\n  storage: {directory}\n"
        f"zone:\n- domain: cluster.local\n  storage: {directory}\n  file: zone\n"
    )
    return ["knotd", "-c", str(directory / "knot.conf")]


def nsd(directory: Path, port: int) -> list[str]:
    (directory / "nsd.conf").write_text(
        f'server:\n  ip-address: 127.0.0.1@{port}\n  server-count: 1\n  username: ""\n  database: ""\n'
        f"  rrl-ratelimit: 0\n  zonesdir: {directory}\n"
        f"  pidfile: {directory}/nsd.pid\n  xfrdfile: {directory}/xfrd\n  zonelistfile: {directory}/list\n"
        f"  xfrdir: {directory}\nremote-control:\n  control-enable: no\n"
        "zone:\n  name: cluster.local\n  zonefile: zone\n"
    )
    return ["nsd", "-d", "-c", str(directory / "nsd.conf")]


def unbound(directory: Path, port: int) -> list[str]:
    """Names of the cluster from the zone, all others from upstream, and rewritten ones by a policy."""
    policy = "".join(
        f"{name}.{namespace}.apps.lan.policy. CNAME {name}.{namespace}.svc.cluster.local.\n"
        for name, namespace, _ in map(service_of, range(OUTSIDE))
    )
    (directory / "policy").write_text(f"$TTL 30\npolicy. SOA a. b. 1 7200 1800 86400 30\npolicy. NS a.\n{policy}")
    (directory / "unbound.conf").write_text(
        f'server:\n  interface: 127.0.0.1@{port}\n  num-threads: 1\n  username: ""\n  chroot: ""\n'
        f"  directory: {directory}\n  do-not-query-localhost: no\n"
        f"  pidfile: {directory}/unbound.pid\n  do-daemonize: no\n  use-syslog: no\n"
        f'  module-config: "respip iterator"\nremote-control:\n  control-enable: no\n'
        f"auth-zone:\n  name: cluster.local\n  zonefile: {directory}/zone\n  for-upstream: yes\n"
        f"rpz:\n  name: policy\n  zonefile: {directory}/policy\n"
        f"forward-zone:\n  name: .\n  forward-addr: 127.0.0.1@{UPSTREAM_PORT}\n"
    )
    return ["unbound", "-d", "-c", str(directory / "unbound.conf")]


def dnsdist(directory: Path, port: int) -> list[str]:
    """All names from upstream, kept in its cache; rewritten ones as an alias that Lua spells."""
    (directory / "dnsdist.conf").write_text(
        f'setLocal("127.0.0.1:{port}")\nsetSecurityPollSuffix("")\n'
        f'newServer({{address="127.0.0.1:{UPSTREAM_PORT}", healthCheckMode="up"}})\n'
        'getPool(""):setCache(newPacketCache(10000))\n'
        "function rewrite(dq)\n"
        '  return DNSAction.Spoof, (dq.qname:toString():gsub("apps.lan.$", "svc.cluster.local."))\n'
        'end\naddAction("apps.lan.", LuaAction(rewrite))\n'
    )
    return ["dnsdist", "--supervised", "-C", str(directory / "dnsdist.conf")]


FAIRLEAD, UNBOUND = Peer("Fairlead", sys.executable, fairlead), Peer("Unbound", "unbound", unbound)
DNSDIST, KNOT, NSD = Peer("dnsdist", "dnsdist", dnsdist), Peer("Knot DNS", "knotd", knot), Peer("NSD", "nsd", nsd)
C_ECHO = Peer("C echo server", "cc", echo)
