"""Finds the way to the API server: a named file, else ``KUBECONFIG`` or ``~/.kube/config``, else the Pod's own.

Upstream: client-go ``tools/clientcmd/client_config.go``, ``rest/config.go``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fairlead.drivers.kube.access.credentials import Credentials
from fairlead.drivers.kube.access.kubeconfig import (
    BadConfig,
    ChosenContext,
    ClusterEntry,
    UserEntry,
    choose,
    named_files,
    read_files,
)
from fairlead.drivers.kube.access.proxy import Proxy, proxy_of
from fairlead.drivers.kube.access.tls import TlsSource

POD_FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class Access:
    """One API server, and its client.

    Attributes:
        server: its URL.
        server_name: the name that its certificate must be for, and that it is asked for by; empty: the URL's.
        identity: as whom it is asked, for messages.
    """

    server: str
    credentials: Credentials
    tls: TlsSource
    proxy: Proxy | None
    server_name: str
    identity: str


def find_access(
    path: str | Path | None = None,
    context: str | None = None,
    environment: Mapping[str, str] = os.environ,
    pod_folder: Path = POD_FOLDER,
) -> Access:
    """The way that a file's (or kubectl's) current or named context describes; in a Pod without any, the Pod's own.

    Raises:
        BadConfig: there is none, or it is of no use.
    """
    if path:
        return _access(choose(read_files([Path(path)], must_exist=True), context), environment)
    merged = read_files(named_files(environment, Path(environment.get("HOME") or "/")))
    if not merged.is_empty or context:
        return _access(choose(merged, context), environment)
    if chosen := _of_pod(environment, pod_folder):
        return _access(chosen, environment)
    raise BadConfig("no configuration has been provided: there is no kubeconfig, and this is no Pod")


def _of_pod(environment: Mapping[str, str], folder: Path) -> ChosenContext | None:
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    token = folder / "token"
    if not host or not port or not token.exists():
        return None
    url = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    authority = folder / "ca.crt"
    cluster = ClusterEntry(server=url, certificate_authority=str(authority) if authority.exists() else "")
    return ChosenContext(cluster, UserEntry(token_file=str(token)), "the Pod's ServiceAccount")


def _access(chosen: ChosenContext, environment: Mapping[str, str]) -> Access:
    cluster, user, name = chosen
    server = cluster.server if "://" in cluster.server else f"http://{cluster.server}"
    tls = TlsSource(cluster, user)
    if server.startswith("https:"):
        tls.context()  # what is wrong with the files is told at once
    proxy = proxy_of(server, cluster.proxy_url, environment)
    return Access(server, Credentials(user, cluster, tls), tls, proxy, cluster.tls_server_name, _identity(user, name))


def _identity(user: UserEntry, name: str) -> str:
    who = f'user "{name}"' if name else "nobody"
    return f'"{user.as_user}" (impersonated by {who})' if user.as_user else who
