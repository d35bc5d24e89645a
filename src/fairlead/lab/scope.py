"""The operations in a namespace of a lab, which ``Lab`` (in ``default``) and ``Namespace`` share."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from fairlead.drivers.kube.client import KubeClient, ResourcePath
from fairlead.lab import commands, objects, steering
from fairlead.lab.clients import Clients
from fairlead.lab.commands import PATIENCE, Arguments, RunOptions, words_of
from fairlead.lab.connection import OUTSIDE, EnteredCommand, LabConnection
from fairlead.lab.errors import LabError
from fairlead.lab.faults import Faults
from fairlead.lab.kinds import find_resource
from fairlead.lab.objects import Applicable, Docs
from fairlead.lab.resolving import ResolvConf, read_resolv_conf, resolve, told_resolv_conf
from fairlead.lab.results import Explanation, Resolution, Result
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey

if TYPE_CHECKING:
    import socket

    from fairlead.app.lab.processes.bootstrap import ServedResources
    from fairlead.lab.forwarding import Forwarded
    from fairlead.lab.serving import Servable, Served, ServeOptions


class Scope:
    """A namespace of a running lab.

    Attributes:
        clients: ready clients of well-known libraries.
    """

    def __init__(self, connection: LabConnection, namespace: str) -> None:
        self._connection, self._namespace = connection, namespace
        self.clients = Clients(connection.lab.kubeconfig, namespace)

    @property
    def name_of_namespace(self) -> str:
        return self._namespace

    @property
    def name_of_lab(self) -> str:
        return self._connection.lab.name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, for programs on this machine."""
        return self._connection.lab.kubeconfig

    @property
    def fault(self) -> Faults:
        """Faults on demand."""
        return Faults(self._connection, self._namespace)

    # --- objects ---

    def apply(self, *what: Applicable) -> Docs:
        """Create the objects of manifests, or merge them into existing ones.

        Manifests are text, files, folders, mappings or client objects. Objects without a namespace go into this one.

        Raises:
            LabError: the server refused one; the message is the server's. ManifestError: one cannot be read.
        """
        wanted = list(objects.documents(what))
        return self._connection.ask(lambda c, known: objects.apply_all(c, known, wanted, self._namespace))

    def delete(self, *what: Applicable) -> None:
        """Delete the objects that these manifests name; it is no error if one does not exist."""
        wanted = list(objects.documents(what))
        self._connection.ask(lambda c, known: objects.delete_all(c, known, wanted, self._namespace))

    def get(self, kind: str, name: str) -> Doc:
        """One object; ``kind`` as kubectl takes it: ``svc``, ``pods``, ``Deployment``.

        Raises:
            LabError: there is no such kind or object.
        """
        resource = self._resource(kind)
        return self._connection.ask(lambda c, _: objects.get(c, resource, self._namespace, name))

    def list(self, kind: str, labels: str = "") -> Docs:
        """The objects of a kind that a label selector matches."""
        resource = self._resource(kind)
        return self._connection.ask(lambda c, _: objects.items(c, resource, self._namespace, labels))

    def _resource(self, kind: str) -> ResourcePath:
        return self._connection.ask(lambda client, _: find_resource(client, kind))

    def events(self) -> Docs:
        """The Events of the namespace, the oldest first."""
        return self._connection.ask(lambda c, _: objects.events(c, self._namespace))

    def wait_ready(self, timeout: float = PATIENCE) -> None:
        """Return when every workload and Pod of the namespace runs, and the whole lab is up to date (``settled``).

        Raises:
            NotReady: not within the timeout; the message says what is missing.
        """
        began = time.monotonic()

        async def wait(client: KubeClient, _: "ServedResources") -> None:
            await objects.wait_for(client, await objects.workloads(client, self._namespace), timeout)

        self._connection.ask(wait)
        self.settled(max(1.0, began + timeout - time.monotonic()))

    def settled(self, timeout: float = PATIENCE) -> int:
        """Return when all writes so far have reached the slices, the DNS answers and the rules of all nodes.

        Returns:
            The resourceVersion that all of them have reached.

        Raises:
            NotReady: not within the timeout; the message names a part that is behind.
        """
        return steering.settle(self._connection, timeout)

    # --- commands ---

    def run(
        self,
        command: Arguments,
        *,
        from_: str = "",
        **options: Unpack[RunOptions],
    ) -> Result:
        """Run a command of this machine as if it were a Pod of the namespace.

        Args:
            from_: a Pod, whose network and files the command then sees; ``node/NAME``; ``outside`` the cluster. By
                default ``fairlead-client``, a Pod created on first use, with this program's directory, home and
                environment.

        Raises:
            CommandFailed: it failed and ``check`` is set, or it exceeded ``timeout`` seconds.
        """
        arguments = words_of(command)
        if from_ and from_ != OUTSIDE and not from_.startswith("node/"):
            return self.exec(from_, arguments, **options)
        where = from_ or commands.client_pod(self._connection, self._namespace, PATIENCE)
        with self._connection.enter(self._namespace, where) as entry:
            return commands.execute(self._connection, entry, commands.as_of_this_machine(arguments), options)

    def exec(
        self,
        pod: str,
        command: Arguments,
        **options: Unpack[RunOptions],
    ) -> Result:
        """Run a command in a Pod (``NAME``, or ``NAME/CONTAINER``) as its own processes run.

        Raises:
            CommandFailed: as ``run``. LabError: the Pod does not run.
        """
        with self._connection.enter(self._namespace, pod) as entry:
            inside = EnteredCommand(words_of(command), entry.environment or {}, "/")
            return commands.execute(self._connection, entry, inside, options)

    def logs(self, pod: str, container: str = "", *, previous: bool = False) -> str:
        """The log of a Pod's container; raises LabError when it has none."""
        query = {"container": container} if container else {}
        if previous:
            query["previous"] = "true"
        return self._connection.ask(lambda c, _: objects.log(c, ObjectKey(self._namespace, pod), query))

    # --- the network ---

    def resolve(self, name: str, rdtype: str = "A", *, from_: str = "", timeout: float = 5.0) -> Resolution:
        """Resolve a name as a Pod does: with its resolv.conf, and with queries from the Pod.

        Raises:
            LabError: no server answers within the timeout.
        """
        pod = from_ or commands.client_pod(self._connection, self._namespace, PATIENCE)
        conf = self._resolv_conf(pod)
        with self._connection.enter_network(self._namespace, pod) as entry:

            def connect(protocol: str, host: str, port: int) -> "socket.socket":
                request = {"op": "connect", "protocol": protocol, "address": [host, port], "seconds": timeout}
                return self._connection.forker.make_socket(entry.place, request)

            return resolve(name, rdtype, conf, connect, timeout)

    def _resolv_conf(self, pod: str) -> ResolvConf:
        """A Pod's resolv.conf; without namespaces, the settings in its processes' environment."""
        if self._connection.lab.loopback is None:
            return read_resolv_conf(self.exec(pod, ("cat", "/etc/resolv.conf")).stdout)
        with self._connection.enter(self._namespace, pod) as entry:
            return told_resolv_conf(entry.environment or {})

    def connect(
        self, host: str, port: int, *, protocol: str = "TCP", from_: str = "", timeout: float = 10.0
    ) -> "socket.socket":
        """A socket of this program, connected as if from a Pod; names are resolved as in the Pod.

        Raises:
            OSError: the connection is refused, or not made within the timeout. LabError: the name does not resolve.
        """
        from fairlead.model.addresses import parse_ip

        pod = from_ or commands.client_pod(self._connection, self._namespace, PATIENCE)
        address = host
        if parse_ip(host) is None:
            found = self.resolve(host, from_=pod) or self.resolve(host, "AAAA", from_=pod)
            if not found:
                raise LabError(f"{host} does not resolve: {found.rcode}")
            address = found.records[0]
        request = {"op": "connect", "protocol": protocol, "address": [address, port], "seconds": timeout}
        with self._connection.enter_network(self._namespace, pod) as entry:
            return self._connection.forker.make_socket(entry.place, request)

    def serve(self, what: "Servable", name: str, **options: "Unpack[ServeOptions]") -> "Served":
        """Make a server of this program an endpoint of a Service, reachable by name from Pods. See ``lab.serving``.

        Args:
            what: a port on this machine's loopback with a server; an ASGI or WSGI application; or
                ``async def handle(reader, writer)`` for streams.
            name: of the Service, and of the Pod that stands for the server.
        """
        from fairlead.lab.serving import serve

        return serve(self._connection, self._namespace, what, name, options)

    def forward(self, host: str, port: int, *, from_: str = "") -> "Forwarded":
        """A port on this machine's loopback that leads to the same target as this name and port from a Pod.

        Each connection resolves the name and connects again, so it reaches the Service, not one fixed Pod.
        """
        from fairlead.lab.forwarding import forward

        return forward(self._connection.background, lambda: self.connect(host, port, from_=from_))

    # --- why ---

    def explain(self, subject: str) -> Explanation:
        """Explain ``svc/web``, ``pod/db-0``, ``dns/web``, an address or a port.

        Raises:
            LabError: there is no such thing.
        """
        from fairlead.lab import explaining

        return explaining.explain(explaining.read(self._connection), subject, self._namespace)

    def diagnose(self) -> str:
        """Findings about Services of the namespace, as ``fairlead doctor`` prints them; empty if there are none."""
        from fairlead.lab import explaining

        return explaining.diagnose(explaining.read(self._connection), [self._namespace])

    def report(self) -> str:
        """The report for a failed test: findings in the namespace, and the trees of its Services."""
        from fairlead.lab import explaining

        return explaining.report(explaining.read(self._connection), [self._namespace])
