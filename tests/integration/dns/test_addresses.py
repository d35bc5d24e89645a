"""Replies have the queried address as source, on a machine with several and a server bound to all."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

# In a network namespace of its own, where another address is asked than the one that the route back gives: without
# telling the kernel where from, replies would leave from that one, and clients would not take them.
SCRIPT = """
import asyncio, subprocess, sys
from dataclasses import replace
import dns.asyncquery, dns.message
from fairlead.clusterdns.plugins.forward import Forward
from fairlead.clusterdns.upstreams import Upstream
from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.zone import Outside
from tests.support.dns_cases import SUFFIX, ZONE, filled
from tests.support.dns_servers import block_over, serving
from tests.support.dns_upstreams import answering, upstream

for command in (
    "link set lo up", "address add 192.0.2.1/24 dev lo", "address add 192.0.2.2/24 dev lo",
    "address add 198.51.100.7/32 dev lo", "address add 2001:db8::1/64 dev lo nodad",
    "address add 2001:db8::2/64 dev lo nodad",
):
    subprocess.run(["ip", *command.split()], check=True)

async def main(wildcard, addresses):
    zone = replace(ZONE, outside=Outside.FORWARD)
    authority = filled(Authority(zone))
    authority.finish_sync(0)
    async with upstream(answering("www.example.com. 60 IN A 192.0.2.99")) as up:
        block = block_over(zone, behind=(Forward(((),), Upstream((up.server,), timeout=60, deadline=60)),))
        async with serving(authority, block, host=wildcard, port=53):
            for address in addresses:
                for name in (f"svc1.{SUFFIX}", f"svc1.{SUFFIX}", "www.example.com."):
                    query = dns.message.make_query(name, "A")
                    # A reply from anywhere else raises UnexpectedSource.
                    reply = await dns.asyncquery.udp(query, address, timeout=60, source=addresses[0])
                    assert reply.answer, (address, name)
    print("all answered")

asyncio.run(main(sys.argv[1], sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("wildcard", "addresses"),
    [
        ("0.0.0.0", ["192.0.2.1", "192.0.2.2", "198.51.100.7"]),
        ("::", ["2001:db8::1", "2001:db8::2"]),
    ],
)
def test_replies_have_the_queried_address_as_source(wildcard, addresses):
    command = ["unshare", "-rn", sys.executable, "-c", SCRIPT, wildcard, *addresses]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.stdout, done.returncode) == ("all answered\n", 0), done.stderr
