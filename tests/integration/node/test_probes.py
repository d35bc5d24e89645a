"""Probes connect to the Pod or to other hosts, and never to the node that they are made from."""

import asyncio

import pytest

from fairlead.drivers.pods.probes import ProbeTarget, perform
from fairlead.nodeagent.manifest import Container, Handler, HTTPGetAction, TCPSocketAction

HERE = ["127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1", "0.0.0.0", "169.254.0.1", "127.1"]


def probe(kind, host, pod_ip):
    """What came of a probe, and how many connections a listener on loopback has had."""

    async def scenario():
        connections = []

        async def serve(reader, writer):
            connections.append(writer)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        actions = {
            "tcp": Handler(tcp_socket=TCPSocketAction(port=port, host=host)),
            "http": Handler(http_get=HTTPGetAction(port=port, host=host)),
        }
        target = ProbeTarget(Container(name="c"), None, None, pod_ip)
        result = await perform(actions[kind], target, 20.0)
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            while result.success and not connections:  # noqa: ASYNC110 - it may be there before the server looks
                await asyncio.sleep(0.01)
        server.close()
        return result, len(connections)

    return asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["tcp", "http"])
@pytest.mark.parametrize("host", HERE)
def test_the_node_itself_is_not_probed_on_anothers_behalf(kind, host):
    result, connections = probe(kind, host, "10.244.0.1")
    assert (result.success, result.message, connections) == (False, f"probes of host {host!r} are not allowed", 0)


@pytest.mark.parametrize("kind", ["tcp", "http"])
@pytest.mark.parametrize("host", ["", "127.0.0.1"])
def test_the_pod_itself_is_probed_wherever_it_is(kind, host):
    result, connections = probe(kind, host, "127.0.0.1")
    assert (result.success, connections) == (True, 1)
