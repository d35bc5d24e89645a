"""A thin asynchronous client of the Kubernetes API: documents in, documents out.

Where the server is and as whom it is asked is the business of ``access``, connections are that of ``http_transport``;
this module only knows URLs, verbs, Status documents and watch frames, and hands out bytes or dictionaries so that
readers can decode into slim objects.
"""

import platform
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from fairlead import __version__
from fairlead.drivers.kube.access.finding import Access, find_access
from fairlead.drivers.kube.errors import KubeError as KubeError  # noqa: PLC0414 - the client's users catch what it raises
from fairlead.drivers.kube.errors import Unreachable as Unreachable  # noqa: PLC0414
from fairlead.drivers.kube.http_transport import Transport
from fairlead.drivers.kube.pulse import Pulse
from fairlead.drivers.kube.troubles import Troubles
from fairlead.model.document import Doc

Query = Mapping[str, str]

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

REQUEST_TIMEOUT = 10.0  # seconds
_LONGEST_TEXT = 1000  # octets of an answer that is no Status, as a proxy's page
# A client that only listens, as a watch does, would not learn that the server's host has gone or was restarted; so the
# kernel asks after 10 seconds of silence, and then every 5 seconds up to three times.
_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


class WatchEvent(msgspec.Struct, frozen=True):
    """One frame of a watch; ``object`` is left undecoded until its reader knows which type it wants."""

    type: str
    object: msgspec.Raw


@dataclass(frozen=True)
class ResourcePath:
    """The resource of one kind.

    Attributes:
        group_version: ``v1`` or ``group/version``.
        plural: the resource's name in URLs.
        namespaced: whether a namespace is part of an object's URL.
        namespace: the one that is meant where none is given; empty for all of them.
    """

    group_version: str
    plural: str
    namespaced: bool = True
    namespace: str = ""

    def within(self, namespace: str) -> "ResourcePath":
        """The same resource, in one namespace only."""
        return replace(self, namespace=namespace)

    @property
    def qualified(self) -> str:
        """The resource's name with its group, as messages name it."""
        group = self.group_version.rpartition("/")[0]
        return f"{self.plural}.{group}" if group else self.plural

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of an object, or of the collection when ``name`` is empty."""
        prefix = "/apis/" if "/" in self.group_version else "/api/"
        parts = [prefix + self.group_version]
        if self.namespaced and (namespace or self.namespace):
            parts += ["namespaces", namespace or self.namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


NAMESPACES = ResourcePath("v1", "namespaces", namespaced=False)
NODES = ResourcePath("v1", "nodes", namespaced=False)
PERSISTENT_VOLUMES = ResourcePath("v1", "persistentvolumes", namespaced=False)
PERSISTENT_VOLUME_CLAIMS = ResourcePath("v1", "persistentvolumeclaims")
PODS = ResourcePath("v1", "pods")
SERVICES = ResourcePath("v1", "services")
SERVICE_ACCOUNTS = ResourcePath("v1", "serviceaccounts")
CONFIG_MAPS = ResourcePath("v1", "configmaps")
ENDPOINTS = ResourcePath("v1", "endpoints")
EVENTS = ResourcePath("v1", "events")
ENDPOINT_SLICES = ResourcePath("discovery.k8s.io/v1", "endpointslices")
REPLICATION_CONTROLLERS = ResourcePath("v1", "replicationcontrollers")
REPLICA_SETS = ResourcePath("apps/v1", "replicasets")
DEPLOYMENTS = ResourcePath("apps/v1", "deployments")
STATEFUL_SETS = ResourcePath("apps/v1", "statefulsets")
DAEMON_SETS = ResourcePath("apps/v1", "daemonsets")
DISRUPTION_BUDGETS = ResourcePath("policy/v1", "poddisruptionbudgets")
JOBS = ResourcePath("batch/v1", "jobs")
CRON_JOBS = ResourcePath("batch/v1", "cronjobs")
CONTROLLER_REVISIONS = ResourcePath("apps/v1", "controllerrevisions")
LEASES = ResourcePath("coordination.k8s.io/v1", "leases")
IP_ADDRESSES = ResourcePath("networking.k8s.io/v1", "ipaddresses", namespaced=False)
STORAGE_CLASSES = ResourcePath("storage.k8s.io/v1", "storageclasses", namespaced=False)
SERVICE_CIDRS = ResourcePath("networking.k8s.io/v1", "servicecidrs", namespaced=False)
CERTIFICATE_REQUESTS = ResourcePath("certificates.k8s.io/v1", "certificatesigningrequests", namespaced=False)
NETWORK_POLICIES = ResourcePath("networking.k8s.io/v1", "networkpolicies")


class KubeClient:
    """Requests to one API server. Close it, or use it as an asynchronous context manager.

    Attributes:
        cluster_ca: the certificates that the server's own is checked against, PEM; empty when the system's are.
    """

    def __init__(self, http: httpx2.AsyncClient, cluster_ca: str = "", transport: Transport | None = None) -> None:
        self._http = http
        self.cluster_ca = cluster_ca
        self.troubles = Troubles(str(http.base_url), "nobody")
        self._pulse = Pulse(transport, lambda: self.get("/version")) if transport else None

    @classmethod
    def from_kubeconfig(
        cls, path: str | Path | None = None, context: str | None = None, part: str = ""
    ) -> "KubeClient":
        """A client for the current (or named) context of a kubeconfig file; None looks where kubectl looks.

        Args:
            part: of this project that asks, as the server's logs name it.

        Raises:
            Unreachable: there is no such file or context, or it is of no use.
        """
        access = find_access(path, context)
        transport = Transport(access.tls.context, access.server_name, access.proxy, _ALIVE)
        client = cls(_http(access, transport, part), access.tls.authority, transport)
        client.troubles = Troubles(access.server, access.identity)
        return client

    async def __aenter__(self) -> "KubeClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, query: Query | None = None) -> bytes:
        """The response body of a GET.

        Raises:
            KubeError: the server refused. Unreachable: there was no answer.
        """
        return await self._send("GET", path, query)

    async def create(self, path: str, document: Doc, query: Query | None = None) -> Doc:
        return _document(await self._send("POST", path, query, document))

    async def replace(self, path: str, document: Doc, query: Query | None = None) -> Doc:
        return _document(await self._send("PUT", path, query, document))

    async def patch(self, path: str, patch: Any, content_type: str = MERGE_PATCH, query: Query | None = None) -> Doc:
        return _document(await self._send("PATCH", path, query, patch, content_type))

    async def delete(self, path: str, options: Doc | None = None) -> Doc:
        return _document(await self._send("DELETE", path, None, options))

    async def watch(
        self, path: str, query: Query, opened: Callable[[], None] = lambda: None
    ) -> AsyncGenerator[WatchEvent, None]:
        """The frames of a watch until the server ends it; ``opened`` is called when the server has agreed to it.

        Raises:
            KubeError: the server refused the watch. Unreachable: it broke off or fell silent.
        """
        decoder = msgspec.json.Decoder(WatchEvent)
        timeout = httpx2.Timeout(REQUEST_TIMEOUT, read=None)  # a quiet collection sends nothing for hours
        stream = self._http.stream("GET", path, params={**query, "watch": "true"}, timeout=timeout)
        try:
            with self._pulse.felt() if self._pulse else nullcontext():
                async with stream as response:
                    if response.status_code >= 400:
                        await response.aread()
                        raise _error(response)
                    opened()
                    async for line in _lines(response.aiter_bytes()):
                        yield decoder.decode(line)
        except httpx2.HTTPError as error:
            raise Unreachable(_text(error)) from error

    async def _send(
        self,
        method: str,
        path: str,
        query: Query | None,
        document: Any = None,
        content_type: str = "application/json",
    ) -> bytes:
        content = None if document is None else msgspec.json.encode(document)
        headers = {"Content-Type": content_type} if content else None
        try:
            response = await self._http.request(method, path, params=query, content=content, headers=headers)
        except httpx2.HTTPError as error:
            raise Unreachable(_text(error)) from error
        if response.status_code >= 400:
            raise _error(response)
        return response.content


def _http(access: Access, transport: Transport, part: str) -> httpx2.AsyncClient:
    program = f"fairlead-{part}" if part else "fairlead"
    return httpx2.AsyncClient(
        base_url=access.server,
        auth=access.credentials,
        headers={"User-Agent": f"{program}/{__version__} ({sys.platform}/{platform.machine()})"},
        timeout=REQUEST_TIMEOUT,
        transport=transport,
        trust_env=False,
    )


def _text(error: httpx2.HTTPError) -> str:
    return f"{type(error).__name__}: {error}"


def _document(body: bytes) -> Doc:
    return msgspec.json.decode(body, type=dict[str, Any])


def _error(response: httpx2.Response) -> KubeError:
    code, retry_after = response.status_code, _seconds(response.headers.get("Retry-After", ""))
    try:
        status = _document(response.content)
    except msgspec.DecodeError:
        text = response.content[:_LONGEST_TEXT].decode(errors="replace").strip()
        return KubeError(code, response.reason_phrase, text or f"HTTP {code}", retry_after)
    return KubeError(code, str(status.get("reason", "")), str(status.get("message", f"HTTP {code}")), retry_after)


def _seconds(text: str) -> float:
    """A Retry-After in seconds, which is what API servers send; 0 for anything else."""
    return float(text) if text.isdecimal() and len(text) < 10 else 0.0


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
