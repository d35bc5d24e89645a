"""What can be done in a namespace of a lab: the calls that ``Lab`` (in ``default``) and ``Namespace`` share."""

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
        """The administrator's kubeconfig; programs of this machine reach the API with it."""
        return self._connection.lab.kubeconfig

    @property
    def fault(self) -> Faults:
        """Faults on demand."""
        return Faults(self._connection, self._namespace)

    # --- objects ---

    def apply(self, *what: Applicable) -> Docs:
        """Merge manifests into what is there, or create it: text, files, folders, mappings, objects of clients.

        What names no namespace goes into this one.

        Raises:
            LabError: the server refused one; the message has its words. ManifestError: one cannot be read.
        """
        wanted = list(objects.documents(what))
        return self._connection.ask(lambda c, known: objects.apply_all(c, known, wanted, self._namespace))

    def delete(self, *what: Applicable) -> None:
        """Delete what these manifests name; what is not there is none the worse for it."""
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
        """Return when every workload and Pod of the namespace runs, and the whole lab knows of it (``settled``).

        Raises:
            NotReady: not within so many seconds; the message says what is lacking.
        """
        began = time.monotonic()

        async def wait(client: KubeClient, _: "ServedResources") -> None:
            await objects.wait_for(client, await objects.workloads(client, self._namespace), timeout)

        self._connection.ask(wait)
        self.settled(max(1.0, began + timeout - time.monotonic()))

    def settled(self, timeout: float = PATIENCE) -> int:
        """Return when what was written so far is everywhere: in slices, in what names answer, in all nodes' rules.

        Returns:
            The resourceVersion that all of them are at, or past.

        Raises:
            NotReady: not within so many seconds; the message names a part that is behind.
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
            from_: a Pod, whose network and files it then sees; ``node/NAME``; ``outside`` the cluster. By default a
                Pod that is made for it once, ``fairlead-client``, with this program's directory, home and environment.

        Raises:
            CommandFailed: it failed and ``check`` is set; it took longer than ``timeout`` seconds.
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
        """What a Pod's container has written; raises LabError when it has no log."""
        query = {"container": container} if container else {}
        if previous:
            query["previous"] = "true"
        return self._connection.ask(lambda c, _: objects.log(c, ObjectKey(self._namespace, pod), query))

    # --- the network ---

    def resolve(self, name: str, rdtype: str = "A", *, from_: str = "", timeout: float = 5.0) -> Resolution:
        """What a name resolves to for a Pod: by its resolv.conf, with questions that leave from it.

        Raises:
            LabError: no server answers within so many seconds.
        """
        pod = from_ or commands.client_pod(self._connection, self._namespace, PATIENCE)
        conf = self._resolv_conf(pod)
        with self._connection.enter_network(self._namespace, pod) as entry:

            def connect(protocol: str, host: str, port: int) -> "socket.socket":
                request = {"op": "connect", "protocol": protocol, "address": [host, port], "seconds": timeout}
                return self._connection.forker.make_socket(entry.place, request)

            return resolve(name, rdtype, conf, connect, timeout)

    def _resolv_conf(self, pod: str) -> ResolvConf:
        """A Pod's own; without namespaces, what its processes are told in its place."""
        if self._connection.lab.loopback is None:
            return read_resolv_conf(self.exec(pod, ("cat", "/etc/resolv.conf")).stdout)
        with self._connection.enter(self._namespace, pod) as entry:
            return told_resolv_conf(entry.environment or {})

    def connect(
        self, host: str, port: int, *, protocol: str = "TCP", from_: str = "", timeout: float = 10.0
    ) -> "socket.socket":
        """A socket of this program that is connected as if a Pod had done it; names are resolved as the Pod does.

        Raises:
            OSError: the connection is refused, or not made within so many seconds. LabError: the name does not resolve.
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
            what: a port of this machine's loopback on which something listens; an ASGI or WSGI application; or
                ``async def handle(reader, writer)`` for streams.
            name: of the Service, and of the Pod that stands for the server.
        """
        from fairlead.lab.serving import serve

        return serve(self._connection, self._namespace, what, name, options)

    def forward(self, host: str, port: int, *, from_: str = "") -> "Forwarded":
        """A port of this machine's loopback that leads to where a Pod would get by this name and port.

        Each connection resolves the name and connects again, so it is the Service that is reached, and not one Pod.
        """
        from fairlead.lab.forwarding import forward

        return forward(self._connection.background, lambda: self.connect(host, port, from_=from_))

    # --- why ---

    def explain(self, subject: str) -> Explanation:
        """Why something is as it is: ``svc/web``, ``pod/db-0``, ``dns/web``, an address, a port.

        Raises:
            LabError: there is no such thing.
        """
        from fairlead.lab import explaining

        return explaining.explain(explaining.read(self._connection), subject, self._namespace)

    def diagnose(self) -> str:
        """What is wrong with Services of the namespace, as ``fairlead doctor`` says it; empty when nothing is."""
        from fairlead.lab import explaining

        return explaining.diagnose(explaining.read(self._connection), [self._namespace])

    def report(self) -> str:
        """For the reader of a failed test: what is wrong in the namespace, and the trees of its Services."""
        from fairlead.lab import explaining

        return explaining.report(explaining.read(self._connection), [self._namespace])
