"""``--config``: a KubeProxyConfiguration (v1alpha1), such as kubeadm writes, as defaults of the flags.

Flags override the file. Fields that have no effect here are ignored.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from fairlead.model.yaml_loader import NotYaml, yaml_document

Section = Mapping[str, Any]

# path in the file -> the parameter of the command that it is the default of
_FIELDS = {
    "mode": "backend",
    "clusterCIDR": "cluster_cidr",
    "hostnameOverride": "node",
    "bindAddress": "bind_address",
    "healthzBindAddress": "healthz_bind_address",
    "metricsBindAddress": "metrics_bind_address",
    "nodePortAddresses": "nodeport_addresses",
    "detectLocalMode": "detect_local_mode",
    "detectLocal.bridgeInterface": "pod_bridge_interface",
    "detectLocal.interfaceNamePrefix": "pod_interface_name_prefix",
    "clientConnection.kubeconfig": "kubeconfig",
    "conntrack.maxPerCore": "conntrack_max_per_core",
    "conntrack.min": "conntrack_min",
    "conntrack.tcpEstablishedTimeout": "conntrack_tcp_timeout_established",
    "conntrack.tcpCloseWaitTimeout": "conntrack_tcp_timeout_close_wait",
    "conntrack.udpTimeout": "conntrack_udp_timeout",
    "conntrack.udpStreamTimeout": "conntrack_udp_timeout_stream",
    "conntrack.tcpBeLiberal": "conntrack_tcp_be_liberal",
}
_OF_MODE = {
    "masqueradeAll": "masquerade_all",
    "masqueradeBit": "masquerade_bit",
    "minSyncPeriod": "min_sync_period",
    "localhostNodePorts": "iptables_localhost_nodeports",
}
_KIND, _GROUP = "KubeProxyConfiguration", "kubeproxy.config.k8s.io/"


class KubeProxyConfigError(ValueError):
    """The document is no KubeProxyConfiguration."""


def flag_defaults(document: Any) -> dict[str, Any]:
    """Defaults of parameters from the document; fields that are null or empty are ignored.

    Raises:
        ConfigError: it is something else.
    """
    if not isinstance(document, dict):
        raise KubeProxyConfigError("an object is wanted")
    if document.get("kind") != _KIND or not str(document.get("apiVersion", "")).startswith(_GROUP):
        raise KubeProxyConfigError(f"a {_KIND} of {_GROUP}v1alpha1 is wanted")
    section = "nftables" if document.get("mode") == "nftables" else "iptables"
    paths = _FIELDS | {f"{section}.{field}": parameter for field, parameter in _OF_MODE.items()}
    found = {parameter: _at(document, path.split(".")) for path, parameter in paths.items()}
    return {parameter: _plain(value) for parameter, value in found.items() if value not in (None, "", [])}


def _at(document: Any, path: list[str]) -> Any:
    for part in path:
        document = document.get(part) if isinstance(document, dict) else None
    return document


def _plain(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list) else value


def config_flag(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``--config``."""
    text = "A KubeProxyConfiguration; flags override it."
    type_ = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option("--config", type=type_, is_eager=True, expose_value=False, callback=_read, help=text)(command)


def _read(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
    if path is None:
        return
    try:
        document = yaml_document(path.read_text())
        ctx.default_map = {**(ctx.default_map or {}), **flag_defaults(document)}
    except (OSError, UnicodeDecodeError, NotYaml, KubeProxyConfigError) as error:
        raise click.BadParameter(f"{path}: {error}", ctx, param) from error
