"""The test's own server as a Pod: a server in this program becomes an endpoint of a Service, which all Pods can reach.

An idle Pod is created, and this program gets a socket that listens in the Pod's network namespace. The server therefore
sees its clients' own addresses, and faults and rules treat it as any Pod. A readiness gate, which this program sets,
decides whether it is ready.
"""

import asyncio
import inspect
import socket
from collections.abc import Callable, Coroutine, Mapping
from contextlib import ExitStack, suppress
from typing import Any, TypedDict

from fairlead.app.lab.processes.bootstrap import ServedResources
from fairlead.drivers.kube.client import PODS, STRATEGIC_MERGE_PATCH, KubeClient, KubeError, Unreachable
from fairlead.drivers.lab.relay import relay_tcp
from fairlead.drivers.lab.web_applications import serve_asgi, serve_wsgi
from fairlead.lab import objects, steering
from fairlead.lab.connection import LabConnection
from fairlead.lab.errors import LabError
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey

GATE = "fairlead.dev/served"  # the condition that says whether it is ready
LABEL = "fairlead.dev/serves"
_PATIENCE = 30.0
_ANYWHERE = {False: "0.0.0.0", True: "::"}  # noqa: S104 - in a Pod's network namespace

Servable = int | Callable[..., Any]
Stop = Callable[[], None]


class ServeOptions(TypedDict, total=False):
    """How a server is published.

    Attributes:
        port: port of the Service and the Pod; by default 80.
        labels: labels of the Pod, in addition to the one that the Service selects.
        ready: whether it is ready from the beginning; by default it is.
        service: whether to create a Service, or only the Pod for an existing one; by default it does.
    """

    port: int
    labels: Mapping[str, str]
    ready: bool
    service: bool


class Served:
    """A server of this program in the lab. Close it, or use it as a context manager; it ends with its namespace too."""

    def __init__(self, connection: LabConnection, key: ObjectKey, port: int, stops: ExitStack) -> None:
        self._connection, self._key, self._stops = connection, key, stops
        self.name, self.port = key.name, port

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def host(self) -> str:
        """The name by which Pods of any namespace reach it."""
        return f"{self._key.name}.{self._key.namespace}.svc.cluster.local"

    def set_ready(self, ready: bool) -> None:
        """Make the server ready or not ready; returns when the lab is up to date."""
        status = "True" if ready else "False"
        patch = {"status": {"conditions": [{"type": GATE, "status": status}]}}
        path = PODS.path(self._key.namespace, self._key.name, "status")

        async def say(client: KubeClient, _: ServedResources) -> None:
            await client.patch(path, patch, STRATEGIC_MERGE_PATCH)
            await objects.wait_until(client, PODS, self._key, lambda pod: objects.says_ready(pod) == ready, _PATIENCE)

        self._connection.ask(say)
        steering.settle(self._connection, _PATIENCE)

    def close(self) -> None:
        """End it, and remove its Pod and Service."""
        self._stops.close()


def serve(connection: LabConnection, namespace: str, what: Servable, name: str, options: ServeOptions) -> Served:
    """Publish a server of this program in a namespace.

    Raises:
        LabError: it cannot be served, or an object that cannot be changed has the name.
    """
    server = _server_of(what)
    port, key = options.get("port", 80), ObjectKey(namespace, name)
    wanted = [_pod(name, port, options.get("labels") or {})]
    if options.get("service", True):
        wanted.append(_service(name, port))
    with ExitStack() as stack:

        async def start(client: KubeClient, known: ServedResources) -> None:
            await objects.apply_all(client, known, wanted, namespace)
            await objects.wait_until(client, PODS, key, lambda pod: pod["status"].get("phase") == "Running", _PATIENCE)

        async def remove(client: KubeClient, known: ServedResources) -> None:
            with suppress(KubeError, Unreachable, LabError):
                await objects.delete_all(client, known, wanted, namespace)

        stack.callback(lambda: connection.ask(remove))
        connection.ask(start)
        for listener in _listeners(connection, key, port):
            stack.callback(server(connection, listener))
        served = Served(connection, key, port, stack.pop_all())
    if options.get("ready", True):
        served.set_ready(True)
    return served


def _listeners(connection: LabConnection, key: ObjectKey, port: int) -> list[socket.socket]:
    """Listening sockets in the Pod, one for each family of its addresses."""
    found = connection.ask(lambda client, _: objects.get(client, PODS, key.namespace, key.name))
    hosts = sorted({_ANYWHERE[":" in each["ip"]] for each in found["status"]["podIPs"]})
    with connection.enter_network(key.namespace, key.name) as entry:
        ask = connection.forker.make_socket
        return [ask(entry.place, {"op": "listen", "protocol": "TCP", "address": [host, port]}) for host in hosts]


def _server_of(what: Servable) -> Callable[[LabConnection, socket.socket], Stop]:
    """A function that starts the server on a listening socket, and returns a function that stops it."""
    if isinstance(what, int):
        return lambda connection, listener: _relay(connection, listener, what)
    call = what if inspect.isroutine(what) or inspect.isclass(what) else getattr(what, "__call__", what)  # noqa: B004
    count = len(inspect.signature(what).parameters)
    match inspect.iscoroutinefunction(call), count:
        case True, 3:
            return lambda _, listener: serve_asgi(what, listener)
        case True, 2:
            return lambda connection, listener: _streams(connection, listener, what)
        case False, 2:
            return lambda _, listener: serve_wsgi(what, listener)
    raise LabError(
        "serve: give a port, an ASGI or WSGI application, or `async def handle(reader, writer)`; "
        f"this takes {count} arguments"
    )


def _relay(connection: LabConnection, listener: socket.socket, port: int) -> Stop:
    return _on_loop(connection, relay_tcp(listener, lambda: [("127.0.0.1", port)]))


def _streams(connection: LabConnection, listener: socket.socket, handle: Callable[..., Any]) -> Stop:
    async def start() -> Stop:
        server = await asyncio.start_server(handle, sock=listener)
        return server.close

    return _on_loop(connection, start())


def _on_loop(connection: LabConnection, starting: Coroutine[Any, Any, Stop]) -> Stop:
    close = connection.background.call(starting)

    async def stop() -> None:
        close()

    return lambda: connection.background.call(stop())


def _pod(name: str, port: int, labels: Mapping[str, str]) -> Doc:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {**labels, LABEL: name}},
        "spec": {
            "readinessGates": [{"conditionType": GATE}],
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {"name": "served-by-test", "image": "fairlead/pause", "ports": [{"containerPort": port}]},
            ],
        },
    }


def _service(name: str, port: int) -> Doc:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {LABEL: name}, "ports": [{"port": port, "targetPort": port}]},
    }
