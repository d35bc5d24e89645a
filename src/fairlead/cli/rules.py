"""``fairlead rules``: the rules that a node would have, from a live API or from files; changes nothing."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import click
import msgspec
from click.core import ParameterSource

from fairlead.cli.flags.kube_proxy import switch, verbosity
from fairlead.cli.flags.kube_proxy_config import KubeProxyConfigError, flag_defaults
from fairlead.cli.flags.proxy import node_flags, settings_of
from fairlead.dataplane import iptables_rules, iptables_skeleton, nft_rules, nft_skeleton
from fairlead.dataplane.complaints import complaints
from fairlead.dataplane.forwarding import NodeView, plan_service
from fairlead.dataplane.incremental import build
from fairlead.dataplane.node_view import view_node
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.model.yaml_loader import NotYaml, yaml_document
from fairlead.netfilter.iptables_text import render_restore
from fairlead.netfilter.nft_text import render_table
from fairlead.netfilter.ruleset import Chain, Table


@click.command()
@click.option("--node", "--hostname-override", "node", required=True, help="Print the rules of this Node.")
@click.option(
    "-f", "--filename", "files", multiple=True, help="Manifests to read instead of the API, or folders; - for stdin."
)
@click.option("--kubeconfig", type=click.Path(), help="Kubeconfig file; by default the one that kubectl uses.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--service", help="Only the rules for one Service: NAMESPACE/NAME.")
@click.option("-6", "--ipv6", is_flag=True, help="Print the rules for IPv6 instead of IPv4.")
@switch(
    "--conntrack-tcp-be-liberal", help="Print the rules for a kernel that treats out-of-window TCP packets as valid."
)
@verbosity
@node_flags
@click.pass_context
def rules(
    ctx: click.Context,
    /,
    node: str,
    files: tuple[str, ...],
    kubeconfig: str | None,
    context: str | None,
    service: str | None,
    verbose: bool,
    **flags: Any,
) -> None:
    """Print the forwarding rules of a node, each with its reason.

    With the API, these are the rules that the node has: its proxy's settings come from the ConfigMap kube-proxy in
    kube-system, where kubeadm and labs keep them. Flags override them.
    """
    family = IPFamily.IPV6 if flags.pop("ipv6") else IPFamily.IPV4
    snapshot, others = _from_files(files) if files else (_from_api(kubeconfig, context), {})
    if not files:
        flags |= _settings_of_cluster(ctx, kubeconfig, context, node)
    key = _key(service) if service else None
    if key and key not in snapshot.services:
        click.echo(f"error: there is no Service {service}", err=True)
        sys.exit(1)
    settings = msgspec.structs.replace(settings_of(flags), is_conntrack_liberal=flags["conntrack_tcp_be_liberal"])
    if not files and not settings.service_cidrs:
        settings = msgspec.structs.replace(settings, service_cidrs=_service_cidrs(kubeconfig, context))
    node_object = snapshot.nodes.get(node)
    view = view_node(settings, node, node_object, node_object.internal_ips if node_object else (), family)
    _warn(snapshot, view, key, others)
    click.echo(_text(snapshot, view, key, flags["backend"]), nl=False)


def _from_files(files: tuple[str, ...]) -> tuple[ClusterSnapshot, Mapping[str, int]]:
    from fairlead.drivers.kube.cluster_reader import read_files
    from fairlead.drivers.kube.manifests import ManifestError

    try:
        return read_files(files)
    except ManifestError as error:
        _fail(error)


def _from_api(kubeconfig: str | None, context: str | None) -> ClusterSnapshot:
    from fairlead.drivers.kube.client import KubeError, Unreachable
    from fairlead.drivers.kube.cluster_reader import read_live
    from fairlead.model.decode import DecodeError

    try:
        return asyncio.run(read_live(kubeconfig, context))
    except (KubeError, Unreachable, DecodeError) as error:
        _fail(error)


def _fail(error: Exception) -> NoReturn:
    click.echo(f"error: {error}", err=True)
    sys.exit(3)


def _service_cidrs(kubeconfig: str | None, context: str | None) -> tuple[str, ...]:
    from fairlead.drivers.kube.cluster_reader import read_service_cidrs

    return asyncio.run(read_service_cidrs(kubeconfig, context))


def _settings_of_cluster(ctx: click.Context, kubeconfig: str | None, context: str | None, node: str) -> dict[str, Any]:
    """The cluster's proxy configuration, for the flags that are not given."""
    from fairlead.drivers.kube.cluster_reader import read_proxy_config

    text = asyncio.run(read_proxy_config(kubeconfig, context, node))
    try:
        found = flag_defaults(yaml_document(text)) if text else {}
    except (NotYaml, KubeProxyConfigError) as error:
        click.echo(f"warning: ConfigMap kube-system/kube-proxy is not used: {error}", err=True)
        return {}
    parameters = {parameter.name: parameter for parameter in ctx.command.params}
    return {
        name: parameters[name].type_cast_value(ctx, value)
        for name, value in found.items()
        if name in _OF_CLUSTER and ctx.get_parameter_source(name) is ParameterSource.DEFAULT
    }


_OF_CLUSTER = frozenset(
    {
        "backend", "cluster_cidr", "nodeport_addresses", "detect_local_mode", "pod_bridge_interface",
        "pod_interface_name_prefix", "masquerade_all", "masquerade_bit", "iptables_localhost_nodeports",
        "conntrack_tcp_be_liberal",
    }
)  # fmt: skip


def _warn(snapshot: ClusterSnapshot, view: NodeView, key: ObjectKey | None, others: Mapping[str, int]) -> None:
    """Report which objects add no rules, and why; for one Service, only what concerns it."""
    for text in complaints(snapshot, view):
        if key is None or text.startswith(f"Service {key}: "):
            click.echo(f"warning: {text}", err=True)
    for kind, count in sorted(others.items()):
        click.echo(f"warning: {kind}: rules do not depend on objects of this kind ({count})", err=True)


def _key(text: str) -> ObjectKey:
    namespace, slash, name = text.rpartition("/")
    return ObjectKey(namespace if slash else "default", name)


def _text(snapshot: ClusterSnapshot, view: NodeView, key: ObjectKey | None, backend: str) -> str:
    if backend == "iptables":
        return _iptables_text(snapshot, view, key)
    name = nft_skeleton.table_name(view.family)
    if key is None:
        table, _ = build(snapshot, view, nft_skeleton.skeleton(view), nft_rules.service_part)
        return render_table(name, table)
    part = nft_rules.service_part(plan_service(snapshot, key, view), view)
    used = {set_name for set_name, _ in part.elements}
    shared = {set_.name: set_ for set_ in nft_skeleton.SETS if set_.name in used}
    return render_table(name, Table(part.chains, {**shared, **part.sets}, part.elements))


def _iptables_text(snapshot: ClusterSnapshot, view: NodeView, key: ObjectKey | None) -> str:
    if key is None:
        parts = (iptables_rules.contribute(plan_service(snapshot, k, view), view) for k in sorted(snapshot.services))
        return render_restore(iptables_rules.assemble(parts, view))
    part = iptables_rules.contribute(plan_service(snapshot, key, view), view)
    tables: dict[str, dict[str, Chain]] = {iptables_skeleton.FILTER: {}, iptables_skeleton.NAT: {}}
    for (table, name), rules in part.shared.items():
        tables[table][name] = Chain(name, tuple(rules))
    tables[iptables_skeleton.NAT] |= part.own
    return render_restore((name, Table(chains)) for name, chains in tables.items() if chains)
