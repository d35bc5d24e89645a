"""DNS over TCP: clients that half-close, hold connections, or do not read, while others are still served."""

import asyncio
from dataclasses import replace

import dns.asyncquery
import dns.message
import pytest

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.plugins.forward import Forward
from fairlead.clusterdns.upstreams import Upstream
from fairlead.clusterdns.zone import Outside
from fairlead.drivers.dns.tcp import TcpLimits
from tests.support.dns_cases import SUFFIX, ZONE, filled
from tests.support.dns_servers import HOST, block_over, serving
from tests.support.dns_upstreams import answering, upstream

pytestmark = pytest.mark.anyio

OTHER = "127.0.0.2"  # another client's address


def authority(zone=ZONE) -> Authority:
    made = filled(Authority(zone))
    made.finish_sync(0)
    return made


def framed(name: str, qtype: str = "A") -> bytes:
    wire = dns.message.make_query(name, qtype).to_wire()
    return len(wire).to_bytes(2, "big") + wire


async def message(reader: asyncio.StreamReader) -> dns.message.Message:
    length = int.from_bytes(await reader.readexactly(2), "big")
    return dns.message.from_wire(await reader.readexactly(length))


async def is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(1), 10) == b""
    except ConnectionError:
        return True


@pytest.mark.parametrize("name", [f"svc1.{SUFFIX}", "www.example.com."])
async def test_a_client_that_closes_its_side_gets_its_answer(name):
    zone = replace(ZONE, outside=Outside.FORWARD)
    async with upstream(answering("www.example.com. 60 IN A 192.0.2.1")) as up:
        forward = Forward(((),), Upstream((up.server,), timeout=60, deadline=60))
        async with serving(authority(zone), block_over(zone, behind=(forward,))) as server:
            reader, writer = await asyncio.open_connection(HOST, server.port)
            writer.write(framed(name))
            writer.write_eof()
            assert (await message(reader)).answer
            assert await is_closed(reader)
            writer.close()


async def test_one_client_that_holds_thousands_of_connections_takes_nothing_from_others():
    limits = TcpLimits(connections=60, per_client=40)
    async with serving(authority(), limits=limits) as server:
        held = [await asyncio.open_connection(HOST, server.port) for _ in range(100)]
        reader, writer = await asyncio.open_connection(HOST, server.port, local_addr=(OTHER, 0))
        writer.write(framed(f"svc1.{SUFFIX}"))
        assert (await message(reader)).answer
        (listener,) = server.tcp
        assert len(listener) == 41
        assert listener.closed["room"] == 60
        assert await is_closed(held[0][0]), "the ones that were idle for longest made room"
        held[-1][1].write(framed(f"svc1.{SUFFIX}"))
        assert (await message(held[-1][0])).answer
        for _, one in (*held, (reader, writer)):
            one.close()


async def test_the_most_recently_active_connection_is_closed_last():
    async with serving(authority(), limits=TcpLimits(per_client=2)) as server:
        first, second = [await asyncio.open_connection(HOST, server.port) for _ in range(2)]
        for reader, writer in (second, first):
            writer.write(framed(f"svc1.{SUFFIX}"))
            await message(reader)
        third = await asyncio.open_connection(HOST, server.port)
        assert await is_closed(second[0])
        first[1].write(framed(f"svc1.{SUFFIX}"))
        assert (await message(first[0])).answer
        for _, writer in (first, second, third):
            writer.close()


async def test_the_total_of_clients_is_bounded_and_the_largest_one_is_cut():
    async with serving(authority(), limits=TcpLimits(connections=5)) as server:
        modest = await asyncio.open_connection(HOST, server.port, local_addr=(OTHER, 0))
        greedy = [await asyncio.open_connection(HOST, server.port) for _ in range(6)]
        assert await is_closed(greedy[0][0])
        modest[1].write(framed(f"svc1.{SUFFIX}"))
        assert (await message(modest[0])).answer
        for _, writer in (modest, *greedy):
            writer.close()


async def test_an_idle_connection_is_closed():
    async with serving(authority(), limits=TcpLimits(idle=0.2)) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        assert await is_closed(reader)
        assert server.tcp[0].closed["idle"] == 1
        writer.close()


async def test_a_client_that_does_not_read_is_cut_off():
    async with serving(authority(), limits=TcpLimits(write=0.2)) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port, limit=1)
        question = framed(f"big.{SUFFIX}")
        writer.transport.set_write_buffer_limits(1 << 24)
        for _ in range(2000):  # some 90 MB of replies, which no socket holds
            writer.write(question)
        async with asyncio.timeout(60):
            while not server.tcp[0].closed["unread"]:  # noqa: ASYNC110 - nobody is told but the counter itself
                await asyncio.sleep(0.05)
        reply = await dns.asyncquery.tcp(dns.message.make_query(f"svc1.{SUFFIX}", "A"), HOST, 60, server.port)
        assert reply.answer
        writer.transport.abort()
        del reader
