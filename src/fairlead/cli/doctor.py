"""``fairlead doctor``: what is wrong with Services, the evidence for it, and how to fix it."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.flags.chinese_help import Localized
from fairlead.cli.flags.language import language_flag
from fairlead.cli.flags.sources import FINDING, ClusterSource, fail, read_source, source_flags, source_of
from fairlead.cli.output import anonymize_flag

if TYPE_CHECKING:
    from fairlead.explain.cluster import Cluster
    from fairlead.explain.doctor.findings import Finding, Fix
    from fairlead.explain.statements import Statement

FORMATS = ("text", "json", "sarif", "junit", "github")


@click.command(cls=Localized)
@click.argument("subjects", nargs=-1, metavar="[KIND/NAME]...")
@source_flags
@click.option("-o", "--output", type=click.Choice(FORMATS), default="text", show_default=True)
@anonymize_flag
@language_flag
@click.option("--fix", "repair", is_flag=True, help="Apply the fixes that are patches, and ask before each one.")
@click.option("--explain-codes", is_flag=True, help="List every kind of finding, and exit.")
def doctor(
    subjects: tuple[str, ...],
    output: str,
    anonymize: bool,
    repair: bool,
    explain_codes: bool,
    language: str,
    **flags: Any,
) -> None:
    """Find what is wrong with Services, the root cause first, each with its evidence and a fix.

    Without KIND/NAME, the whole cluster is examined; svc/web, pod/web-0 or sts/db limit the report to what concerns
    them. Exit code 1 if something is found, 3 if nothing can be read.
    """
    from fairlead.explain.doctor.coverage import not_checked
    from fairlead.explain.doctor.examine import examine

    if explain_codes:
        _list_codes(language)
        return
    source = source_of(flags)
    if repair and source.files:
        raise click.UsageError("--fix changes a cluster, not files")
    cluster = read_source(source)
    if not cluster.kinds:
        fail("nothing that can be examined was read")
    findings = _select(cluster, subjects, source.namespace, examine(cluster), language)
    shown = _anonymized(cluster, findings, list(not_checked(cluster)), anonymize)
    click.echo(_rendered(output, *shown, language), nl=False)
    if repair:
        _repair(source, findings)
    sys.exit(FINDING if findings else 0)


def _select(
    cluster: "Cluster", texts: tuple[str, ...], namespace: str, findings: "list[Finding]", language: str
) -> "list[Finding]":
    from fairlead.explain.doctor.concern import services_that_concern
    from fairlead.explain.doctor.examine import about
    from fairlead.explain.languages import message_in
    from fairlead.explain.subjects import NoSuchObject, SubjectError, parse_subject

    if not texts:
        return findings
    try:
        keys = {k for t in texts for k in services_that_concern(cluster, parse_subject(t, namespace))}
    except NoSuchObject as error:
        click.echo(f"error: {message_in(language, error)}", err=True)
        sys.exit(FINDING)
    except SubjectError as error:
        raise click.UsageError(message_in(language, error)) from error
    return about(findings, keys)


def _anonymized(
    cluster: "Cluster", findings: "list[Finding]", missing: "list[Statement]", anonymize: bool
) -> "tuple[list[Finding], list[Statement]]":
    from fairlead.explain.anonymous import Anonymizer

    if not anonymize:
        return findings, missing
    words = Anonymizer(cluster)
    return [words.finding(each) for each in findings], [words.statement(each) for each in missing]


def _rendered(output: str, findings: "list[Finding]", missing: "list[Statement]", language: str) -> str:
    from fairlead import __version__
    from fairlead.explain.render import reports
    from fairlead.explain.render.findings import diagnosis_document, render_findings

    renderers = {
        "text": lambda: render_findings(findings, missing, language),
        "json": lambda: _json(diagnosis_document(findings, missing)),
        "sarif": lambda: _json(reports.sarif(findings, __version__)),
        "junit": lambda: reports.junit(findings),
        "github": lambda: reports.github(findings),
    }
    return renderers[output]()


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _repair(source: ClusterSource, findings: "list[Finding]") -> None:
    from fairlead.drivers.sources.patches import PatchError, apply_patch, can_apply

    for finding in findings:
        for fix in can_apply(finding.fixes):
            if not _agrees(finding, fix):
                continue
            try:
                apply_patch(fix, _kubeconfig(source), source.context)
            except PatchError as error:
                fail(str(error))
            click.echo(f"done: {fix.text}")


def _agrees(finding: "Finding", fix: "Fix") -> bool:
    click.echo(f"\n{finding.text}\n  {fix.text}")
    return click.confirm("Apply it?", default=False)


def _kubeconfig(source: ClusterSource) -> str | None:
    if source.lab is None:
        return source.kubeconfig
    from fairlead.app.lab.commands import enter
    from fairlead.cli.lab import or_fail

    name = source.lab
    return str(or_fail(lambda: enter.find_home(name)).kubeconfig)


def _list_codes(language: str) -> None:
    from fairlead.explain.doctor.findings import CODES
    from fairlead.explain.languages import translated

    for code, (severity, meaning) in CODES.items():
        click.echo(f"{code:<30} {severity:<8} {translated(meaning, language)}")
