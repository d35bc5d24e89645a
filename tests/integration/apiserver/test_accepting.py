"""Accepting without free descriptors: a pause, a line in the log, and a new attempt."""

import asyncio
import errno
import logging
import socket

from fairlead.drivers.linux import accepting, rare_log
from fairlead.drivers.linux.accepting import Acceptor


class Listener:
    """A listening socket whose ``accept`` fails as long as it is told to."""

    def __init__(self, real):
        self._real = real
        self.fails = True
        self.attempts = 0

    def __getattr__(self, name):
        return getattr(self._real, name)

    def accept(self):
        self.attempts += 1
        if self.fails:
            raise OSError(errno.EMFILE, "Too many open files")
        return self._real.accept()


async def until(condition):
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.005)


def test_without_descriptors_the_server_pauses_and_logs_once(caplog, monkeypatch):
    monkeypatch.setattr(accepting, "REST_SECONDS", 0.01)
    monkeypatch.setattr(rare_log, "LOG_SECONDS", 3600)
    caplog.set_level(logging.WARNING)

    async def scenario():
        listener = Listener(socket.create_server(("127.0.0.1", 0)))
        welcomed, relieved = [], []

        async def welcome(connection):
            welcomed.append(connection)

        acceptor = Acceptor(listener, welcome, lambda: relieved.append(1))
        with socket.create_connection(listener.getsockname()):
            await until(lambda: len(relieved) > 3)
            assert listener.attempts == len(relieved), "one attempt, then a rest"
            listener.fails = False
            await until(lambda: welcomed)
        acceptor.close()
        welcomed[0].close()

    asyncio.run(scenario())
    assert [record.getMessage() for record in caplog.records] == [
        "no connection can be accepted at the moment: Too many open files"
    ]


def test_the_oldest_handshake_gives_way(monkeypatch):
    monkeypatch.setattr(accepting, "MAX_HANDSHAKES", 3)

    async def scenario():
        listener = socket.create_server(("127.0.0.1", 0))
        started, cancelled = [], []

        async def welcome(connection):
            number = len(started)
            started.append(number)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(number)
                raise

        acceptor = Acceptor(listener, welcome)
        clients = []
        for number in range(5):
            clients.append(socket.create_connection(listener.getsockname()))
            await until(lambda number=number: len(started) > number)
        await until(lambda: len(cancelled) == 2)
        assert cancelled == [0, 1]
        acceptor.close()
        await until(lambda: len(cancelled) == 5)
        for client in clients:
            client.close()

    asyncio.run(scenario())
