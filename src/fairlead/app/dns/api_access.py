"""How the DNS server reaches the API: by a kubeconfig, by what a Corefile says in its place, or as kubectl would."""

import tempfile
from pathlib import Path
from typing import Any

import yaml

from fairlead.app.dns.options import DnsOptions
from fairlead.clusterdns.plugins.scope import ApiAccess
from fairlead.drivers.kube.client import KubeClient


def api_client(options: DnsOptions) -> KubeClient:
    """A client for the API of the cluster that is served.

    Raises:
        Unreachable: there is no such file or context, or it is of no use.
    """
    access = options.access or ApiAccess()
    context = options.context or access.context or None
    if options.kubeconfig is None and access.endpoint:
        return _client_of_endpoint(access)
    return KubeClient.from_kubeconfig(options.kubeconfig or access.kubeconfig or None, context, "dns")


def _client_of_endpoint(access: ApiAccess) -> KubeClient:
    with tempfile.TemporaryDirectory() as folder:  # which only this user may enter
        path = Path(folder) / "kubeconfig"
        path.write_text(yaml.safe_dump(kubeconfig_of(access)))
        return KubeClient.from_kubeconfig(path, part="dns")


def kubeconfig_of(access: ApiAccess) -> dict[str, Any]:
    """The options ``endpoint`` and ``tls`` of a Corefile as a kubeconfig."""
    cluster = {"server": access.endpoint, "certificate-authority": _absolute(access.authorities)}
    user = {"client-certificate": _absolute(access.certificate), "client-key": _absolute(access.key)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "corefile",
        "clusters": [{"name": "corefile", "cluster": {k: v for k, v in cluster.items() if v}}],
        "users": [{"name": "corefile", "user": {k: v for k, v in user.items() if v}}],
        "contexts": [{"name": "corefile", "context": {"cluster": "corefile", "user": "corefile"}}],
    }


def _absolute(path: str) -> str:
    return str(Path(path).absolute()) if path else ""
