"""``fairlead rules``: the rules that a node would have, from a live API or from files; nothing is changed anywhere."""

import asyncio
import sys
from typing import Any

import click
import msgspec

from fairlead.cli.proxy_flags import node_flags, settings_of
from fairlead.dataplane import iptables_rules, iptables_skeleton, nft_rules, nft_skeleton
from fairlead.dataplane.forwarding import NodeView, plan_service
from fairlead.dataplane.incremental import build
from fairlead.dataplane.node_view import view_node
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.netfilter.iptables_text import render_restore
from fairlead.netfilter.nft_text import render_table
from fairlead.netfilter.ruleset import Chain, Table


@click.command()
@click.option("--node", required=True, help="The Node whose rules to print.")
@click.option("-f", "--filename", "files", multiple=True, help="Manifests to read instead of the API; - for stdin.")
@click.option("--kubeconfig", type=click.Path(), help="Kubeconfig file; by default the one that kubectl uses.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--service", help="Only what is there for one Service: NAMESPACE/NAME.")
@click.option("--backend", type=click.Choice(["nft", "iptables"]), default="nft", show_default=True)
@click.option("-6", "--ipv6", is_flag=True, help="The rules for IPv6 instead of IPv4.")
@node_flags
def rules(
    node: str,
    files: tuple[str, ...],
    kubeconfig: str | None,
    context: str | None,
    service: str | None,
    **flags: Any,
) -> None:
    """Print the forwarding rules of a node, each with its reason."""
    from fairlead.drivers.kube.client import KubeError, Unreachable
    from fairlead.drivers.kube.cluster_reader import read_files, read_live, read_service_cidrs
    from fairlead.drivers.kube.manifests import ManifestError
    from fairlead.model.decode import DecodeError

    family = IPFamily.IPV6 if flags.pop("ipv6") else IPFamily.IPV4
    try:
        snapshot = read_files(files) if files else asyncio.run(read_live(kubeconfig, context))
    except (ManifestError, KubeError, Unreachable, DecodeError) as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(3)
    key = _key(service) if service else None
    if key and key not in snapshot.services:
        click.echo(f"error: there is no Service {service}", err=True)
        sys.exit(1)
    settings = settings_of(flags)
    if not files and not settings.service_cidrs:
        settings = msgspec.structs.replace(settings, service_cidrs=asyncio.run(read_service_cidrs(kubeconfig, context)))
    view = view_node(settings, node, snapshot.nodes.get(node), (), family)
    click.echo(_text(snapshot, view, key, flags["backend"]), nl=False)


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
