"""Changes while clients ask: no reply is older than the change that was published before it was asked for."""

import asyncio
import socket
import time

import dns.message
from tests.dns_cases import CLUSTER, SUFFIX, ZONE, service, slice_

from fairlead.clusterdns.authority import Authority
from fairlead.drivers.dns_server import DnsServer
from fairlead.drivers.dns_services import Services

HOST = "127.0.0.1"
CHANGES = 300
PER_SECOND = 200
ASKERS = 8


async def ask_for_ever(port, published, replies, done):
    """Ask one after the other, and note for each reply which change was published before its question was sent."""
    loop = asyncio.get_running_loop()
    query = dns.message.make_query(f"moving.{SUFFIX}", "A").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect((HOST, port))
        while not done.is_set():
            before = published[0]
            await loop.sock_sendall(client, query)
            reply = dns.message.from_wire(await asyncio.wait_for(loop.sock_recv(client, 512), 2))
            replies.append((before, number_of(reply.answer[0][0].address)))


def address_of(number):
    return f"10.9.{number // 250}.{number % 250 + 1}"


def number_of(address):
    _, _, high, low = address.split(".")
    return int(high) * 250 + int(low) - 1


async def change_for_a_while(authority, published):
    started = time.monotonic()
    for number in range(1, CHANGES):
        before, after = (slice_("moving", address_of(n)) for n in (number - 1, number))
        authority.change(before, after, 0)
        published[0] = number
        await asyncio.sleep(max(0.0, started + number / PER_SECOND - time.monotonic()))


def test_no_reply_is_lost_or_older_than_what_was_published_before_its_question():
    async def run():
        authority = Authority(ZONE)
        for object_ in (*CLUSTER, service("moving"), slice_("moving", address_of(0))):
            authority.change(None, object_, 0)
        authority.finish_sync(0)
        server = DnsServer(authority, Services(None))
        await server.listen((HOST,), 0)
        published, replies, done = [0], [], asyncio.Event()
        try:
            askers = [asyncio.create_task(ask_for_ever(server.port, published, replies, done)) for _ in range(ASKERS)]
            await change_for_a_while(authority, published)
            done.set()
            await asyncio.gather(*askers)
        finally:
            server.close()
        assert len(replies) > CHANGES
        stale = [(before, seen) for before, seen in replies if seen < before]
        assert not stale

    asyncio.run(run())
