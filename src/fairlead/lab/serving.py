"""The test's own server as a Pod: what this program serves is an endpoint behind a Service, by name, for every Pod.

A Pod is made that does nothing, and a socket that listens in its network namespace is handed to this program: so
clients are seen by their own addresses, and faults and rules treat the server as any Pod. Whether it is ready is
decided by a readiness gate, which this program sets.
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
    """How something is served.

    Attributes:
        port: of the Service and the Pod; 80 if not given.
        labels: of the Pod, beside the one by which the Service finds it.
        ready: whether it is ready from the beginning; it is if not given.
        service: whether a Service is made, or only the Pod, for one that is there; it is if not given.
    """

    port: int
    labels: Mapping[str, str]
    ready: bool
    service: bool


class Served:
    """A server of this program in the lab. Close it, or use it as a context manager; it goes with its namespace too."""

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
        """Have the server be ready or not; returns when the lab has settled on that."""
        status = "True" if ready else "False"
        patch = {"status": {"conditions": [{"type": GATE, "status": status}]}}
        path = PODS.path(self._key.namespace, self._key.name, "status")

        async def say(client: KubeClient, _: ServedResources) -> None:
            await client.patch(path, patch, STRATEGIC_MERGE_PATCH)
            await objects.wait_until(client, PODS, self._key, lambda pod: objects.says_ready(pod) == ready, _PATIENCE)

        self._connection.ask(say)
        steering.settle(self._connection, _PATIENCE)

    def close(self) -> None:
        """End it, and take its Pod and Service away."""
        self._stops.close()


def serve(connection: LabConnection, namespace: str, what: Servable, name: str, options: ServeOptions) -> Served:
    """Serve something of this program in a namespace.

    Raises:
        LabError: it is nothing that can be served, or the name is taken by what cannot be changed.
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
    """Sockets that listen in the Pod, one for each family of its addresses."""
    found = connection.ask(lambda client, _: objects.get(client, PODS, key.namespace, key.name))
    hosts = sorted({_ANYWHERE[":" in each["ip"]] for each in found["status"]["podIPs"]})
    with connection.enter_network(key.namespace, key.name) as entry:
        ask = connection.forker.make_socket
        return [ask(entry.place, {"op": "listen", "protocol": "TCP", "address": [host, port]}) for host in hosts]


def _server_of(what: Servable) -> Callable[[LabConnection, socket.socket], Stop]:
    """How it is served: starts on a listening socket, and gives what stops it."""
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
