"""``fairlead diff``: the effect of changed manifests before they are applied."""

import sys
from typing import Any

import click

from fairlead.cli.flags.chinese_help import Localized
from fairlead.cli.flags.sources import FINDING, ClusterSource, fail, read_source, tell_faults
from fairlead.cli.output import output_flags, show


@click.command(cls=Localized)
@click.option("-f", "--filename", "files", multiple=True, required=True, help="The changed manifests; - is stdin.")
@click.option("--base", multiple=True, help="Files, folders or archives of the current cluster, instead of the API.")
@click.option("--name", "lab", help="The lab of this name, in its current state.")
@click.option("--kubeconfig", type=click.Path(), help="Kubeconfig file; by default the one that kubectl uses.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--zone", default="cluster.local", show_default=True, help="Cluster domain.")
@click.option("--backend", type=click.Choice(["nft", "iptables"]), default="nft", show_default=True)
@click.option("-v", "--verbose", is_flag=True, help="List the rules that are added and removed.")
@output_flags
def diff(
    files: tuple[str, ...], base: tuple[str, ...], lab: str | None, kubeconfig: str | None, context: str | None,
    zone: str, verbose: bool, output: str, anonymize: bool, language: str, **flags: Any,
) -> None:  # fmt: skip
    """Show the effect of changed manifests on endpoints, DNS answers, reachability and rules.

    Nothing is applied. Exit code 1 if something that answers now would stop answering, or if a new fault would appear.
    """
    from fairlead.cli.proxying import proxying_of
    from fairlead.drivers.sources.files import ClusterFileError, read_cluster_files
    from fairlead.explain.changing.applied import apply
    from fairlead.explain.changing.compare import compare

    try:
        changes = read_cluster_files(files, zone)
    except ClusterFileError as error:
        fail(str(error))
    before = read_source(ClusterSource(base, lab, kubeconfig, context, "default", zone))
    tell_faults(changes)
    after = apply(before, changes)
    found = compare(before, after, proxying_of(before, flags), with_rules=verbose)
    show(output, "diff", found.statement, after, anonymize=anonymize, language=language)
    sys.exit(FINDING if found.stops else 0)
