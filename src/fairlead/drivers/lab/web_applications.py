"""Serves applications of Python's two web interfaces on a socket that listens, in a thread of their own."""

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import uvicorn

Stop = Callable[[], None]


def serve_asgi(application: Callable[..., Any], listener: socket.socket) -> Stop:
    """Serve an ASGI application; the result stops it."""
    config = uvicorn.Config(
        application, log_config=None, access_log=False, lifespan="auto", http="httptools", ws="none"
    )
    server = _Quiet(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), name="fairlead serve", daemon=True)
    thread.start()

    def stop() -> None:
        server.should_exit = server.force_exit = True
        thread.join()
        listener.close()

    return stop


class _Quiet(uvicorn.Server):
    """A server that leaves the signals of its program alone."""

    def install_signal_handlers(self) -> None:
        return


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as its base has it
        return


def serve_wsgi(application: Callable[..., Any], listener: socket.socket) -> Stop:
    """Serve a WSGI application, one request at a time; the result stops it."""
    server = WSGIServer(listener.getsockname()[:2], _Silent, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    host, port = listener.getsockname()[:2]
    server.server_name, server.server_port = str(host), int(port)
    server.setup_environ()
    server.set_app(application)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="fairlead serve", daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        thread.join()
        server.server_close()

    return stop
