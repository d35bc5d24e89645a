"""``fairlead dns``: runs the DNS server, or shows its answer for a name."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from fairlead.cli.logs import authorize_metrics_flag, verbose_flag

_PATH = click.Path(path_type=Path)
_PODS = click.Choice(["disabled", "insecure", "verified"])
_OUTSIDE = click.Choice(["forward", "refuse", "nxdomain"])


@click.group(invoke_without_command=True)
@click.option("--config", type=_PATH, help="Settings file: YAML (.yaml, .yml), or a Corefile.")
@click.option("--kubeconfig", type=_PATH, help="Kubeconfig file; by default the one that kubectl uses.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--address", "addresses", multiple=True, help="Address to listen on; can be repeated.  [0.0.0.0]")
@click.option("--port", type=int, help="Port to listen on.  [53]")
@click.option("--zone", help="Cluster domain.  [cluster.local]")
@click.option("--ttl", type=int, help="TTL of answers in seconds.  [30]")
@click.option("--pods", type=_PODS, help="How Pod names are answered.  [insecure]")
@click.option("--outside", type=_OUTSIDE, help="Names outside the zones.  [refuse; forward when --forward is given]")
@click.option("--forward", "upstreams", multiple=True, help="Upstream server, or a resolv.conf; may be repeated.")
@click.option("--udp-size", type=int, help="Largest reply over UDP in octets.  [1232]")
@click.option("--health-port", type=int, help="Port of /health; 0 for none.  [8080]")
@click.option("--ready-port", type=int, help="Port of /ready; 0 for none.  [8181]")
@click.option("--metrics-port", type=int, help="Port of /metrics; 0 for none. Each worker adds one.  [9153]")
@click.option("--lameduck", type=float, help="Seconds to keep answering after a stop signal.  [5]")
@click.option("--log", is_flag=True, default=None, help="Print every reply.")
@click.option(
    "--node-interface",
    metavar="NAME",
    help="Run as a node's cache: keep the addresses that the file binds on this interface, untracked.",
)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes on the same port.")
@authorize_metrics_flag
@verbose_flag
@click.pass_context
def dns(ctx: click.Context, /, config: Path | None, node_interface: str | None, workers: int, **given: Any) -> None:
    """Run the DNS server alone, against any cluster, or show its answer for a name."""
    if ctx.invoked_subcommand is not None:
        return
    from fairlead.app.dns.flags import Flags
    from fairlead.app.dns.settings import SettingsError, options_from
    from fairlead.app.dns.workers import serve_all

    where = {name: given.pop(name) for name in ("kubeconfig", "context", "authorize_metrics")}
    given = {name: value for name, value in given.items() if value not in (None, ())}
    try:
        options, source = options_from(config, Flags(**given))
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    if node_interface and (workers > 1 or not options.bound):
        raise click.UsageError("--node-interface needs a file that binds addresses, and one worker")
    options = replace(options, shared=workers > 1, node_interface=node_interface, **where)
    sys.exit(serve_all(options, source, workers, lambda text: click.echo(text, err=True)))


@dns.command()
@click.argument("name")
@click.argument("rtype", metavar="[TYPE]", default="")
@click.option("--from", "pod", metavar="[NAMESPACE/]POD", help="Ask as this Pod, with its search list.")
@click.option("--config", type=_PATH, help="Answer from this settings file: YAML (.yaml, .yml), or a Corefile.")
@click.option("-f", "--filename", "files", type=_PATH, multiple=True, help="Manifest to read instead of the API.")
@click.option("--kubeconfig", type=_PATH, help="Kubeconfig file; by default the one that kubectl uses.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--zone", help="Cluster domain.  [cluster.local]")
@click.option("--pods", type=_PODS, help="How Pod names are answered.  [insecure]")
@click.option("--outside", type=_OUTSIDE, help="Names outside the zones.  [forward]")
def query(name: str, rtype: str, pod: str | None, config: Path | None, files: tuple[Path, ...], **given: Any) -> None:
    """Show what NAME answers and why, step by step. An address asks for its names (PTR). Exit code 1 when nothing is
    found."""
    import dns.exception
    import dns.rdatatype

    from fairlead.app.dns.query import (
        UnusableManifest,
        authority_over,
        blocks_for,
        read_cluster,
        read_manifests,
        walked,
    )
    from fairlead.app.dns.settings import SettingsError
    from fairlead.clusterdns.names import reverse_name, to_text
    from fairlead.drivers.kube.client import KubeError, Unreachable
    from fairlead.model.addresses import parse_ip

    address = parse_ip(name)
    name, rtype = (to_text(reverse_name(address)), rtype or "PTR") if address else (name, rtype or "A")
    where = {"kubeconfig": given.pop("kubeconfig"), "context": given.pop("context")}
    try:
        qtype = int(dns.rdatatype.from_text(rtype))
        blocks = blocks_for(config, {name: value for name, value in given.items() if value is not None})
    except (dns.exception.DNSException, SettingsError) as error:
        message = str(error) if isinstance(error, SettingsError) else f"{rtype!r} is not a record type"
        raise click.UsageError(message) from error
    try:
        objects = read_manifests(files) if files else read_cluster(where["kubeconfig"], where["context"])
    except (UnusableManifest, KubeError, Unreachable) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
    steps = walked(name, qtype, _namespace_of(pod) if pod else None, blocks, authority_over(objects, blocks))
    for step in steps:
        _show(step, rtype.upper())
    sys.exit(0 if steps[-1].answer.answer else 1)


def _namespace_of(pod: str) -> str:
    return pod.partition("/")[0] if "/" in pod else "default"


def _show(step: Any, rtype: str) -> None:
    from fairlead.clusterdns.names import to_text

    found = step.answer
    verdict = found.rcode.name if found.rcode or found.answer else "NODATA"
    if found.outside:
        verdict = f"ask upstream for {to_text(found.outside)}"
    click.echo(f"{to_text(step.question.name)} {rtype}: {verdict}: {found.origin}")
    for rrset in (*found.answer, *found.additional):
        for line in rrset.lines():
            click.echo(f"    {line}")
