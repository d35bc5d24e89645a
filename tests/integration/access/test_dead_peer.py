"""A silent server: a quiet one keeps its watches, the watches of a stopped one are ended."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from fairlead.drivers.kube import pulse
from fairlead.drivers.kube.client import SERVICES, KubeClient, Unreachable

pytestmark = pytest.mark.anyio

DEADLINE = 30  # seconds; only a test that fails gets there
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Server:
    """Opens watches and sends nothing on them; answers other requests until it has stopped."""

    def __init__(self):
        self.is_stopped = False
        self.asked = asyncio.Queue()

    @asynccontextmanager
    async def serving(self):
        listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        finally:
            listening.close()

    async def _accept(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split()[1].decode()
                if "watch=true" in path:
                    writer.write(HEAD)
                elif not self.is_stopped:
                    writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}")
                self.asked.put_nowait(path)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def watching(tmp_path, monkeypatch, patience):
    """A client with a watch that has been opened at a quiet server."""
    for name, seconds in {"SILENCE": 0.2, "LOOK": 0.05, "PATIENCE": patience}.items():
        monkeypatch.setattr(pulse, name, seconds)
    server, opened = Server(), asyncio.Event()
    async with server.serving() as url, asyncio.timeout(DEADLINE):
        config = tmp_path / "config"
        config.write_text(
            f"{{current-context: x, contexts: [{{name: x, context: {{cluster: c}}}}],"
            f" clusters: [{{name: c, cluster: {{server: '{url}'}}}}]}}"
        )
        async with KubeClient.from_kubeconfig(config) as client:

            async def watch():
                async for _ in client.watch(SERVICES.path(), {}, opened.set):
                    pass

            task = asyncio.create_task(watch())
            await opened.wait()
            try:
                yield server, task
            finally:
                task.cancel()
                await asyncio.wait([task])


async def test_a_quiet_server_is_asked_for_its_version_and_keeps_its_watches(tmp_path, monkeypatch):
    async with watching(tmp_path, monkeypatch, DEADLINE) as (server, task):
        asked = [await server.asked.get() for _ in range(4)]
        assert asked[1:] == ["/version"] * 3
        assert not task.done()


async def test_the_watch_of_a_server_that_has_stopped_is_ended(tmp_path, monkeypatch):
    async with watching(tmp_path, monkeypatch, 0.5) as (server, task):
        server.is_stopped = True
        with pytest.raises(Unreachable, match="the API server does not answer"):
            await task
