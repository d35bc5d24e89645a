"""What passes through the relays of a lab without namespaces: bytes both ways, ends, resets, and flows of datagrams."""

import asyncio
import socket
import struct
from contextlib import ExitStack, asynccontextmanager, suppress

import pytest

from fairlead.drivers.proxy.datagram_relay import DatagramRelay
from fairlead.drivers.proxy.stream_relay import Route, StreamRelay, listen
from fairlead.netfilter.ruleset import Target

HERE = "127.31.0.1"
CLIENT = "127.31.0.9"
PATIENCE = 60.0  # seconds


def bound(kind):
    made = listen((HERE, 0), kind)
    return made, made.getsockname()[1]


@asynccontextmanager
async def relayed(handle, decide=None):
    """The port of a relay in front of a server, and what closes the relay."""

    async def serve(reader, writer):
        try:
            await handle(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(serve, HERE, 0)
    target = Target(HERE, server.sockets[0].getsockname()[1])

    async def there(client):
        return Route(target, CLIENT)

    listener, port = bound(socket.SOCK_STREAM)
    with ExitStack() as stack:
        stack.callback(server.close)
        stack.callback(StreamRelay(listener, decide or there).close)
        own = stack.pop_all()  # closed once, by the test or by the end
        stack.callback(own.close)
        yield port, own.close


@asynccontextmanager
async def connected(port):
    """A client of the relay: reader and writer."""
    reader, writer = await asyncio.open_connection(HERE, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def run(scenario):
    async def bounded():
        async with asyncio.timeout(PATIENCE):
            return await scenario()

    return asyncio.run(bounded())


def test_bytes_pass_and_an_end_passes_as_an_end():
    async def shout(reader, writer):
        text = await reader.read()  # until the client has ended its half
        writer.write(text.upper())

    async def scenario():
        async with relayed(shout) as (port, _), connected(port) as (reader, writer):
            writer.write(b"a" * 300_000)
            writer.write_eof()
            return await reader.read()

    assert run(scenario) == b"A" * 300_000


def test_the_server_sees_the_address_that_was_decided():
    async def tell(reader, writer):
        writer.write(writer.get_extra_info("peername")[0].encode())

    async def scenario():
        async with relayed(tell) as (port, _), connected(port) as (reader, _):
            return await reader.read()

    assert run(scenario) == CLIENT.encode()


def test_a_reset_passes_as_a_reset():
    async def reset(reader, writer):
        await reader.readexactly(2)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))

    async def scenario():
        async with relayed(reset) as (port, _), connected(port) as (reader, writer):
            writer.write(b"xx")
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)

    run(scenario)


def test_a_target_that_refuses_resets_the_client():
    made, free = bound(socket.SOCK_STREAM)
    made.close()  # so nobody listens there

    async def scenario():
        async def nowhere(client):
            return Route(Target(HERE, free), CLIENT)

        async with relayed(None, nowhere) as (port, _), connected(port) as (reader, _):
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)

    run(scenario)


def test_connections_outlive_the_frontend():
    async def echo(reader, writer):
        while line := await reader.readline():
            writer.write(line)

    async def scenario():
        async with relayed(echo) as (port, close), connected(port) as (reader, writer):
            writer.write(b"one\n")
            assert await reader.readline() == b"one\n"
            close()
            writer.write(b"two\n")
            assert await reader.readline() == b"two\n"
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(HERE, port)

    run(scenario)


class Named(asyncio.DatagramProtocol):
    """Answers with its name."""

    def __init__(self, name):
        self.name = name

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(self.name + b" " + data, addr)


def test_a_flow_stays_with_its_endpoint_until_that_is_forgotten():
    async def scenario():
        loop = asyncio.get_running_loop()
        targets, transports = [], []
        for name in (b"old", b"new"):
            transport, _ = await loop.create_datagram_endpoint(lambda name=name: Named(name), (HERE, 0))  # type: ignore[misc]
            transports.append(transport)
            targets.append(Target(*transport.get_extra_info("sockname")[:2]))
        chosen = iter(targets)

        async def decide(client):
            return Route(next(chosen), CLIENT)

        listener, port = bound(socket.SOCK_DGRAM)
        relay = DatagramRelay(listener, decide)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.connect((HERE, port))

            async def ask(text):
                await loop.sock_sendall(client, text)
                return await loop.sock_recv(client, 100)

            assert [await ask(b"1"), await ask(b"2")] == [b"old 1", b"old 2"]
            relay.forget(targets[1])
            assert await ask(b"3") == b"old 3"
            relay.forget(targets[0])
            assert await ask(b"4") == b"new 4"
        relay.close()
        for transport in transports:
            transport.close()

    run(scenario)
