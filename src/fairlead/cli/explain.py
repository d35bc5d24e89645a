"""``fairlead explain``: shows what a Service, Pod, name, address or port is, where it answers, and why."""

import sys
from typing import Any

import click

from fairlead.cli.flags.chinese_help import Localized
from fairlead.cli.flags.sources import FINDING, fail, read_source, source_flags, source_of, tell_faults
from fairlead.cli.output import output_flags, show


@click.command(cls=Localized)
@click.argument("subjects", nargs=-1, metavar="KIND/NAME...")
@source_flags
@click.option("--from", "from_namespace", metavar="NAMESPACE", help="For a DNS name: the Namespace of the client Pod.")
@output_flags
@click.option("--cluster-cidr", default="", help="The Pods' networks; by default those of the Nodes.")
@click.option("--nodeport-addresses", default="primary", show_default=True, help="CIDRs, or primary.")
@click.option("--no-evidence", is_flag=True, help="Text without the evidence for each statement.")
@click.option("--print-rbac", is_flag=True, help="Print the least rights that reading a cluster needs, and exit.")
def explain(
    subjects: tuple[str, ...],
    from_namespace: str | None,
    output: str,
    anonymize: bool,
    no_evidence: bool,
    print_rbac: bool,
    language: str,
    **flags: Any,
) -> None:
    """Show what something is, where it answers, by which names and rules, and why.

    KIND/NAME is svc/web, pod/db-0, endpointslice/web-x, node/node-1, sts/db, netpol/deny, dns/web.default,
    an address, ADDRESS:PORT, or port/80. Exit code 1 if it does not exist, or if part of the answer has failed.
    """
    if print_rbac:
        _print_rbac()
        return
    if not subjects:
        raise click.UsageError("nothing to explain: give KIND/NAME, or --print-rbac")
    from fairlead.cli.proxying import proxying_of
    from fairlead.explain.languages import message_in
    from fairlead.explain.statements import Verdict
    from fairlead.explain.subjects import NoSuchObject, SubjectError, parse_subject
    from fairlead.explain.subjects import explain as explain_subject

    source = source_of(flags)
    try:
        wanted = [parse_subject(text, source.namespace) for text in subjects]
    except SubjectError as error:
        raise click.UsageError(message_in(language, error)) from error
    cluster = read_source(source, into_pods=False)
    tell_faults(cluster)
    code = 0
    for subject in wanted:
        try:
            statement = explain_subject(cluster, subject, proxying_of(cluster, flags), from_namespace)
        except NoSuchObject as error:
            click.echo(f"error: {message_in(language, error)}", err=True)
            code = FINDING
            continue
        except SubjectError as error:
            fail(message_in(language, error))
        show(output, str(subject), statement, cluster, anonymize=anonymize, language=language, evidence=not no_evidence)
        code = FINDING if statement.outcome is Verdict.FAILED else code
    sys.exit(code)


def _print_rbac() -> None:
    import yaml

    from fairlead.explain.permissions import cluster_role

    click.echo(yaml.safe_dump(cluster_role(), sort_keys=False), nl=False)
