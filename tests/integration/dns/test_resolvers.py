"""Common resolvers in namespaces where ours is the only name server: all find the same addresses."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.full import each_once
from tests.support.labs import eventually

ROOT = Path(__file__).parents[3]

SERVER = """
import asyncio, os, signal, sys
from dataclasses import replace
import dns.message
from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.plugins.autopath import Autopath
from fairlead.clusterdns.plugins.forward import Forward
from fairlead.clusterdns.plugins.hosts import hosts_of
from fairlead.clusterdns.plugins.logs import LogRule
from fairlead.clusterdns.upstreams import Upstream, UpstreamServer
from fairlead.clusterdns.zone import Outside, Zone
from fairlead.drivers.dns.server import DnsServer, ServedPlace
from fairlead.drivers.dns.listener import Services
from fairlead.drivers.dns.outside import OutsideForwarders
from tests.support.dns_cases import ZONE, filled, pod
from tests.support.dns_servers import block_over

HERE, UPSTREAM = "127.0.0.1", "127.0.0.3"

async def serving(address, authority, block, tell=None):
    authority.finish_sync(0)
    server = DnsServer(authority, Services(OutsideForwarders((block,)), tell))
    await server.listen({ServedPlace(address, 53): (block,)})
    return server

async def main(autopath, asked):
    world = Zone(outside=Outside.NXDOMAIN)
    www = hosts_of([(bytes([93, 184, 216, 34]), ("www", "example", "com"))], ((),), 60, ((),))
    await serving(UPSTREAM, Authority(world), block_over(world, www))
    zone = replace(ZONE, outside=Outside.FORWARD)
    authority = filled(Authority(zone))
    authority.change(None, pod("resolver", HERE), 0)
    forward = Forward(((),), Upstream((UpstreamServer(UPSTREAM),), timeout=60, deadline=60))
    walking = (Autopath((zone,)),) if autopath == "on" else ()
    # Distinct ones: a resolver asks again when a busy machine lets it wait.
    questions = set()

    def note(noted, duration):
        questions.add(dns.message.from_wire(noted.reply).question[0].to_text().lower())

    block = block_over(zone, *walking, behind=(forward,), logs=(LogRule(),))
    def report():
        with open(f"{asked}.next", "w") as file:
            file.write(str(len(questions)))
        os.rename(f"{asked}.next", asked)
        questions.clear()

    server = await serving(HERE, authority, block, note)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, report)
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""

# In a user, mount and network namespace of its own: resolv.conf as a Pod has it, and the server. The
# addresses beside 127.0.0.1 are for AI_ADDRCONFIG, with which glibc asks nothing on a machine that has only loopback.
SCRIPT = """
set -e
ip link set lo up
ip address add 192.0.2.2/32 dev lo
ip address add 2001:db8::2/128 dev lo nodad
cat > $1/resolv.conf <<END
nameserver 127.0.0.1
search testns.svc.cluster.local svc.cluster.local cluster.local
options ndots:5
END
printf 'hosts: dns\\n' > $1/nsswitch.conf
mount --bind $1/resolv.conf /etc/resolv.conf
mount --bind $1/nsswitch.conf /etc/nsswitch.conf
exec "$2" "$1/server.py" "$3" "$1/asked"
"""

HDLS = ["172.0.0.2", "172.0.0.3", "172.0.0.4", "172.0.0.5", "172.0.0.7"]


class Place:
    """Namespaces with a server, which walks the search list for its clients (``autopath``: ``on``) or does not."""

    def __init__(self, folder, autopath):
        (folder / "server.py").write_text(SERVER)
        self._asked = folder / "asked"
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        command = ["unshare", "-rnm", "sh", "-c", SCRIPT, "sh", str(folder), sys.executable, autopath]
        self._server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self._environment)
        assert self._server.stdout.readline() == "ready\n"

    def resolve(self, *command):
        """Exit code and output of a resolver."""
        inside = ["nsenter", "-t", str(self._server.pid), "-U", "-n", "-m", "--preserve-credentials"]
        done = subprocess.run(
            [*inside, *command], capture_output=True, text=True, timeout=120, env=self._environment, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def asked(self):
        """How many questions there were since this was called last."""
        self._asked.unlink(missing_ok=True)
        self._server.send_signal(signal.SIGUSR1)
        eventually(self._asked.exists, 60)
        return int(self._asked.read_text())

    def close(self):
        self._server.kill()
        self._server.wait()
        self._server.stdout.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("plain"), "off")
    yield made
    made.close()


@pytest.fixture(scope="module")
def walking_place(tmp_path_factory):
    made = Place(tmp_path_factory.mktemp("walking"), "on")
    yield made
    made.close()


C_ARES = """
import aiodns, asyncio, socket, sys

async def main():
    async with aiodns.DNSResolver(timeout=30) as resolver:
        found = await resolver.getaddrinfo(sys.argv[1], family=socket.AF_INET)
    print(*(node.addr[0].decode() for node in found.nodes))

asyncio.run(main())
"""

# musl asks all its servers at once and goes through the search list by rules of its own.
MUSL = r"""
program=$(mktemp)
musl-gcc -static -x c -o $program - <<END
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
int main(int count, char **arguments) {
  struct addrinfo wanted = {.ai_socktype = SOCK_STREAM}, *found;
  char address[64];
  if (getaddrinfo(arguments[1], 0, &wanted, &found)) return 1;
  for (; found; found = found->ai_next)
    if (!getnameinfo(found->ai_addr, found->ai_addrlen, address, 64, 0, 0, NI_NUMERICHOST)) puts(address);
}
END
status=0
$program $1 || status=$?
rm $program
exit $status
"""

# A resolver of the machine's own between the client and us. It comes back from starting once it answers.
UNBOUND = """
directory=$(mktemp -d)
cat > $directory/unbound.conf <<END
server:
  interface: 127.0.0.2
  do-not-query-localhost: no
  qname-minimisation-strict: yes
  harden-below-nxdomain: yes
  module-config: iterator
  username: ""
  chroot: ""
  directory: $directory
  pidfile: $directory/pid
  use-syslog: no
  logfile: $directory/log
remote-control:
  control-enable: no
forward-zone:
  name: cluster.local
  forward-addr: 127.0.0.1
END
unbound -c $directory/unbound.conf
status=0
dig @127.0.0.2 +search +short $1 || status=$?
kill $(cat $directory/pid)
rm -r $directory
exit $status
"""

# Go's own resolver, in the smallest Debian package that has it compiled in. It is given a domain and a list of names in
# it; NAME.testns is found by the second step of the search.
GO = """
list=$(mktemp)
printf '%s\\n' $1 > $list
export GODEBUG=netdns=go
gobuster dns --timeout 30s -q --no-color --no-progress --show-ips --domain testns -w $list | tee $list.found
status=0
grep -q Found: $list.found || status=1
rm $list $list.found
exit $status
"""

RESOLVERS = {
    "glibc": ["getent", "ahostsv4"],
    "dig": ["dig", "+search", "+short"],
    "busybox": ["busybox", "nslookup"],
    "musl": ["sh", "-c", MUSL, "sh"],
    "c-ares": [sys.executable, "-c", C_ARES],
    "unbound": ["sh", "-c", UNBOUND, "sh"],
    "go": ["sh", "-c", GO, "sh"],
    "python": [sys.executable, "-c", "import socket, sys; print(socket.gethostbyname_ex(sys.argv[1])[2])"],
}


@pytest.mark.parametrize(
    ("resolver", "found"),
    each_once(list(RESOLVERS), [("svc1", ["10.0.0.1"]), ("hdls", HDLS), ("ext2svc", ["10.0.0.1"])]),
)
def test_every_resolver_finds_the_same(place, resolver, found):
    name, addresses = found
    code, output = place.resolve(*RESOLVERS[resolver], name)
    assert [a for a in addresses if a not in output] == [], output
    assert resolver == "busybox" or code == 0, output


def test_glibc_takes_a_large_answer_over_tcp(place):
    code, output = place.resolve("getent", "ahostsv4", "big")
    assert code == 0, output
    assert len({line.split()[0] for line in output.splitlines()}) == 3000


# How many of the 3000 addresses a resolver finds: what fits without EDNS when it never asks over TCP, else all.
FOUND = {"musl": 29, "busybox": 29, "c-ares": 3000}


@pytest.mark.parametrize("resolver", FOUND)
def test_resolvers_without_tcp_find_replies_that_fit(place, resolver):
    _, output = place.resolve(*RESOLVERS[resolver], "big")
    assert len(set(re.findall(r"172\.16\.\d+\.\d+", output))) == FOUND[resolver], output


@pytest.mark.parametrize("resolver", ["glibc", "busybox", "musl", "c-ares", "go"])
def test_a_name_that_is_not_there(place, resolver):
    code, output = place.resolve(*RESOLVERS[resolver], "nothing")
    assert code != 0, output


# Questions for www.example.com with the search list walked by the client, and by the server: for one type, or for two.
# busybox's nslookup asks for a name with a dot as it stands.
ONE, BOTH, NO_SEARCH = (4, 1), (8, 2), (2, 2)
SEARCHES = {
    "glibc": (["getent", "ahosts"], BOTH),
    "musl": (RESOLVERS["musl"], BOTH),
    "busybox": (RESOLVERS["busybox"], NO_SEARCH),
    "c-ares": (RESOLVERS["c-ares"], ONE),
    "dig": (RESOLVERS["dig"], ONE),
}


@pytest.mark.parametrize("resolver", SEARCHES)
def test_a_search_that_the_server_walks_takes_one_step(place, walking_place, resolver):
    command, wanted = SEARCHES[resolver]
    asked = []
    for each in (place, walking_place):
        each.asked()
        code, output = each.resolve(*command, "www.example.com")
        assert "93.184.216.34" in output, output
        assert resolver == "busybox" or code == 0, output
        asked.append(each.asked())
    assert tuple(asked) == wanted


@pytest.mark.parametrize(
    ("resolver", "found"),
    each_once(["glibc", "musl", "c-ares"], [("svc1.testns", ["10.0.0.1"]), ("no.example.com", []), ("svc0", [])]),
)
def test_autopath_gives_the_same_result(walking_place, resolver, found):
    name, addresses = found
    code, output = walking_place.resolve(*RESOLVERS[resolver], name)
    assert [a for a in addresses if a not in output] == [], output
    assert (code == 0) == bool(addresses), output
