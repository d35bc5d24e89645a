"""``fairlead trace``: where a packet goes, and why."""

import sys
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.flags.chinese_help import Localized
from fairlead.cli.flags.sources import FINDING, fail, read_source, source_flags, source_of, tell_faults
from fairlead.cli.output import output_flags, show

if TYPE_CHECKING:
    from fairlead.explain.cluster import Cluster
    from fairlead.explain.journey.ends import Goal, Sender
    from fairlead.explain.journey.rulebook import Rulebook
    from fairlead.explain.observations import Observation
    from fairlead.explain.statements import Statement


@click.command(cls=Localized)
@click.option("--from", "start", required=True, metavar="WHO", help="pod/NAME, node/NAME, host, or outside[/ADDRESS].")
@click.option("--to", "goal", required=True, metavar="WHERE", help="NAME, NAME:PORT or IP:PORT.")
@click.option("--protocol", type=click.Choice(["tcp", "udp", "sctp"]), default="tcp", show_default=True)
@click.option("--backend", type=click.Choice(["nft", "iptables"]), default="nft", show_default=True)
@click.option("--via", metavar="NODE", help="The node that a client outside reaches; by default, as routed.")
@click.option(
    "--rules", "rule_files", multiple=True, help="iptables-save, ipset save, nft list ruleset or nft -j of the node."
)
@click.option("--live", is_flag=True, help="With --name: also send the packet, and compare with the kernel.")
@click.option("--computed", is_flag=True, help="Use the rules that the proxy would write, not the observed ones.")
@source_flags
@click.option("-6", "--ipv6", is_flag=True, help="Resolve names to IPv6 addresses.")
@click.option("--cluster-cidr", default="", help="The Pods' networks; by default those of the Nodes.")
@click.option("--nodeport-addresses", default="primary", show_default=True, help="CIDRs, or primary.")
@click.option("-v", "--verbose", is_flag=True, help="Show the rules that did not match as well, and why.")
@output_flags
def trace(
    start: str, goal: str, protocol: str, via: str | None, rule_files: tuple[str, ...], live: bool, computed: bool,
    ipv6: bool, verbose: bool, output: str, anonymize: bool, language: str, **flags: Any,
) -> None:  # fmt: skip
    """Show where a packet goes: name, rules hook by hook, endpoints with their probability, policies, and the reply.

    Exit code 1 if the packet arrives nowhere, or if that cannot be checked.
    """
    from fairlead.cli.proxying import proxying_of
    from fairlead.explain.journey.ends import arriving, parse_goal, parse_start
    from fairlead.explain.journey.rulebook import Rulebook
    from fairlead.explain.journey.story import tell
    from fairlead.explain.languages import message_in
    from fairlead.explain.statements import Verdict
    from fairlead.explain.subjects import SubjectError
    from fairlead.model.addresses import IPFamily
    from fairlead.netfilter.dump.nft_json import NotRules

    source = source_of(flags)
    if live and not source.lab:
        raise click.UsageError("--live sends packets in a lab: name it with --name")
    given = tuple(_rules(path) for path in rule_files)
    cluster = read_source(source, into_pods=False)
    tell_faults(cluster)
    rulebook = Rulebook(cluster, proxying_of(cluster, flags), given, computed)
    family = IPFamily.IPV6 if ipv6 else IPFamily.IPV4
    try:
        first, last = parse_start(cluster, start, source.namespace, via), parse_goal(goal, protocol)
        first = arriving(cluster, first, last)
        statement = tell(cluster, rulebook, first, last, verbose=verbose, family=family)
        if live and source.lab:
            statement = _with_kernel(source.lab, cluster, rulebook, first, last, statement)
    except SubjectError as error:
        raise click.UsageError(message_in(language, error)) from error
    except NotRules as error:
        fail(f"rules: {error}")
    show(output, statement.text, statement, cluster, anonymize=anonymize, language=language)
    sys.exit(0 if statement.outcome is Verdict.CHECKED else FINDING)


def _with_kernel(
    lab: str, cluster: "Cluster", rulebook: "Rulebook", start: "Sender", goal: "Goal", statement: "Statement"
) -> "Statement":
    """The statement, with the kernel's treatment of packets that were sent to each address."""
    import msgspec

    from fairlead.drivers.sources.lab_journeys import try_out
    from fairlead.explain.journey.story import goals_of

    tried = [try_out(lab, cluster, rulebook, start, each) for each in goals_of(cluster, start, goal)]
    parts = (*statement.parts, *(part for each in tried for part in each.statements))
    return msgspec.structs.replace(statement, parts=parts)


def _rules(path: str) -> "Observation":
    from fairlead.drivers.sources.files import ClusterFileError, read_rules_file

    try:
        return read_rules_file(path)
    except ClusterFileError as error:
        fail(str(error))
