"""The gRPC probe against a real gRPC server, and against servers that speak something else."""

import asyncio

import pytest

from fairlead.drivers.pods.grpc_health import HealthError, check_health
from tests.support.grpc_server import start

HOST = "127.0.0.1"


@pytest.fixture(scope="module")
def port():
    server, port = start(f"{HOST}:0")
    yield port
    server.stop(None).wait()


def test_a_server_that_serves(port):
    asyncio.run(check_health(HOST, port, ""))


@pytest.mark.parametrize(
    ("service", "message"),
    [
        ("sick", 'service unhealthy (responded with "NOT_SERVING")'),
        ("unknown", "rpc error: code = 5 desc = unknown service"),
        ("x" * 300, "rpc error: code = 5 desc = unknown service"),
    ],
)
def test_unhealthy_grpc_services(port, service, message):
    with pytest.raises(HealthError) as refusal:
        asyncio.run(check_health(HOST, port, service))
    assert str(refusal.value) == message


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"\0" * 9])
def test_answers_that_are_not_grpc(answer):
    async def serve(reader, writer):
        await reader.read(1024)
        writer.write(answer)
        writer.close()

    async def run():
        server = await asyncio.start_server(serve, HOST, 0)
        async with server:
            await asyncio.wait_for(check_health(HOST, server.sockets[0].getsockname()[1], ""), 60)

    with pytest.raises(HealthError):
        asyncio.run(run())


def test_a_grpc_probe_without_a_server():
    with pytest.raises(OSError, match="111"):
        asyncio.run(check_health(HOST, 1, ""))
