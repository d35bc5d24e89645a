"""A thin asynchronous client of the Kubernetes API: documents in, documents out.

Kubeconfig and credentials are lightkube's business, connections ``http_transport``'s; this module only knows URLs,
verbs, Status documents and watch frames, and hands out bytes or dictionaries so that readers can decode into slim
objects.
"""

import base64
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from lightkube.config.client_adapter import user_auth, verify_cluster
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

from fairlead.drivers.kube.http_transport import Transport
from fairlead.model.document import Doc

Query = Mapping[str, str]

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

REQUEST_TIMEOUT = 10.0  # seconds
# The API server sends a bookmark about once a minute; a watch silent for longer than this is dead, whatever TCP says.
WATCH_SILENCE = 90.0  # seconds
# Whoever only listens, as a watch does, would not learn that the server's host has gone or has begun anew; so the
# kernel asks after 10 seconds of silence, and then every 5 seconds up to three times.
_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


class KubeError(Exception):
    """The API server refused a request: HTTP ``code``, Status ``reason`` and its message."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class Unreachable(Exception):
    """The API server could not be reached, or broke off."""


class WatchEvent(msgspec.Struct, frozen=True):
    """One frame of a watch; ``object`` is left undecoded until its reader knows which type it wants."""

    type: str
    object: msgspec.Raw


@dataclass(frozen=True)
class Resource:
    """Where the objects of one kind live.

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

    def within(self, namespace: str) -> "Resource":
        """The same resource, in one namespace alone."""
        return replace(self, namespace=namespace)

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of an object, or of the collection when ``name`` is empty."""
        prefix = "/apis/" if "/" in self.group_version else "/api/"
        parts = [prefix + self.group_version]
        if self.namespaced and (namespace or self.namespace):
            parts += ["namespaces", namespace or self.namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


NAMESPACES = Resource("v1", "namespaces", namespaced=False)
NODES = Resource("v1", "nodes", namespaced=False)
PERSISTENT_VOLUMES = Resource("v1", "persistentvolumes", namespaced=False)
PERSISTENT_VOLUME_CLAIMS = Resource("v1", "persistentvolumeclaims")
PODS = Resource("v1", "pods")
SERVICES = Resource("v1", "services")
SERVICE_ACCOUNTS = Resource("v1", "serviceaccounts")
ENDPOINTS = Resource("v1", "endpoints")
EVENTS = Resource("v1", "events")
ENDPOINT_SLICES = Resource("discovery.k8s.io/v1", "endpointslices")
REPLICATION_CONTROLLERS = Resource("v1", "replicationcontrollers")
REPLICA_SETS = Resource("apps/v1", "replicasets")
DEPLOYMENTS = Resource("apps/v1", "deployments")
STATEFUL_SETS = Resource("apps/v1", "statefulsets")
DAEMON_SETS = Resource("apps/v1", "daemonsets")
DISRUPTION_BUDGETS = Resource("policy/v1", "poddisruptionbudgets")
JOBS = Resource("batch/v1", "jobs")
CONTROLLER_REVISIONS = Resource("apps/v1", "controllerrevisions")
LEASES = Resource("coordination.k8s.io/v1", "leases")
IP_ADDRESSES = Resource("networking.k8s.io/v1", "ipaddresses", namespaced=False)
STORAGE_CLASSES = Resource("storage.k8s.io/v1", "storageclasses", namespaced=False)
SERVICE_CIDRS = Resource("networking.k8s.io/v1", "servicecidrs", namespaced=False)


class KubeClient:
    """Requests to one API server. Close it, or use it as an asynchronous context manager.

    Attributes:
        cluster_ca: the certificates that the server's own is checked against, PEM; empty when the system's are.
    """

    def __init__(self, http: httpx2.AsyncClient, cluster_ca: str = "") -> None:
        self._http = http
        self.cluster_ca = cluster_ca

    @classmethod
    def from_kubeconfig(cls, path: str | Path | None = None, context: str | None = None) -> "KubeClient":
        """A client for the current (or named) context of a kubeconfig file; None looks where kubectl looks.

        Raises:
            Unreachable: there is no such file or context.
        """
        try:
            config = KubeConfig.from_file(path) if path else KubeConfig.from_env()
        except ConfigError as error:
            raise Unreachable(str(error)) from error
        single = config.get(context_name=context)
        if single is None:
            raise Unreachable("the kubeconfig has no current context; name one with --context")
        return cls(_http(single), _cluster_ca(single))

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
    ) -> AsyncIterator[WatchEvent]:
        """The frames of a watch until the server ends it; ``opened`` is called when the server has agreed to it.

        Raises:
            KubeError: the server refused the watch. Unreachable: it broke off or fell silent.
        """
        decoder = msgspec.json.Decoder(WatchEvent)
        timeout = httpx2.Timeout(REQUEST_TIMEOUT, read=WATCH_SILENCE)
        try:
            async with self._http.stream("GET", path, params={**query, "watch": "true"}, timeout=timeout) as response:
                if response.status_code >= 400:
                    raise _error(response.status_code, await response.aread())
                opened()
                async for line in _lines(response.aiter_bytes()):
                    yield decoder.decode(line)
        except httpx2.HTTPError as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error

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
            raise Unreachable(f"{type(error).__name__}: {error}") from error
        if response.status_code >= 400:
            raise _error(response.status_code, response.content)
        return response.content


def _http(config: SingleConfig) -> httpx2.AsyncClient:
    user = config.user or User()
    tls = verify_cluster(config.cluster, user, config.abs_file, trust_env=False)
    return httpx2.AsyncClient(
        base_url=config.cluster.server,
        auth=user_auth(user),
        timeout=REQUEST_TIMEOUT,
        transport=Transport(tls, _ALIVE),
        trust_env=False,
    )


def _cluster_ca(config: SingleConfig) -> str:
    cluster = config.cluster
    if cluster.certificate_auth_data:
        return base64.b64decode(cluster.certificate_auth_data).decode()
    return Path(config.abs_file(cluster.certificate_auth)).read_text() if cluster.certificate_auth else ""


def _document(body: bytes) -> Doc:
    return msgspec.json.decode(body, type=dict[str, Any])


def _error(code: int, body: bytes) -> KubeError:
    try:
        status = _document(body)
    except msgspec.DecodeError:
        return KubeError(code, "", body.decode(errors="replace") or f"HTTP {code}")
    return KubeError(code, str(status.get("reason", "")), str(status.get("message", f"HTTP {code}")))


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
