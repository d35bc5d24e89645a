"""Relayed connections and datagrams, over loopback."""

import asyncio
import socket

import pytest

from fairlead.drivers.lab.relay import relay_tcp, relay_udp

pytestmark = pytest.mark.io  # files, sockets or processes

DEADLINE = 30  # seconds; only a test that fails gets there


async def shout(reader, writer):
    """Answer all that was said once the other side has said everything."""
    writer.write((await reader.read()).upper())
    writer.close()


def listener(kind=socket.SOCK_STREAM):
    made = socket.socket(socket.AF_INET, kind)
    made.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        made.listen()
    return made


@pytest.mark.anyio
async def test_each_direction_of_a_connection_ends_by_itself():
    target = await asyncio.start_server(shout, "127.0.0.1", 0)
    with listener() as refusing:
        nobody = refusing.getsockname()
    here = listener()
    place = here.getsockname()
    close = await relay_tcp(here, lambda: [nobody, target.sockets[0].getsockname()])
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*place)
        writer.write(b"hello")
        writer.write_eof()
        assert await reader.read() == b"HELLO"
        writer.close()
    close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*place)
    target.close()


@pytest.mark.anyio
async def test_a_connection_without_a_target_is_closed():
    here = listener()
    close = await relay_tcp(here, list)
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*here.getsockname())
        assert await reader.read() == b""
        writer.close()
    close()


@pytest.mark.anyio
async def test_each_client_gets_the_answers_to_its_own_datagrams():
    loop = asyncio.get_running_loop()
    target, here = listener(socket.SOCK_DGRAM), listener(socket.SOCK_DGRAM)
    target.setblocking(False)
    place = here.getsockname()
    close = await relay_udp(here, lambda: [target.getsockname()])
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    try:
        async with asyncio.timeout(DEADLINE):
            for number, client in enumerate(clients):
                client.setblocking(False)
                client.connect(place)
                client.send(b"%d" % number)
            flows = [await loop.sock_recvfrom(target, 100) for _ in clients]
            assert len({sender for _, sender in flows}) == 2
            for said, sender in reversed(flows):
                target.sendto(b"answer to " + said, sender)
            assert [await loop.sock_recv(client, 100) for client in clients] == [b"answer to 0", b"answer to 1"]
    finally:
        close()
        for each in (target, *clients):
            each.close()
