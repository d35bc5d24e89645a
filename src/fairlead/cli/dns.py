"""``fairlead dns``: serve, or ask what a name answers."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

_PATH = click.Path(path_type=Path)
_PODS = click.Choice(["disabled", "insecure", "verified"])
_OUTSIDE = click.Choice(["forward", "refuse", "nxdomain"])


@click.group(invoke_without_command=True)
@click.option("--config", type=_PATH, help="Settings file: YAML (.yaml, .yml), or a Corefile.")
@click.option("--kubeconfig", type=_PATH, help="Kubeconfig file; found as by kubectl when left out.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--address", "addresses", multiple=True, help="Address to serve at; may be repeated.  [0.0.0.0]")
@click.option("--port", type=int, help="Port to serve at.  [53]")
@click.option("--zone", help="Cluster domain.  [cluster.local]")
@click.option("--ttl", type=int, help="Seconds that an answer may be kept.  [30]")
@click.option("--pods", type=_PODS, help="How Pod names answer.  [insecure]")
@click.option("--outside", type=_OUTSIDE, help="Names outside the zones.  [refuse; forward when --forward is given]")
@click.option("--forward", "upstreams", multiple=True, help="Upstream server, or a resolv.conf; may be repeated.")
@click.option("--udp-size", type=int, help="Largest reply over UDP in octets.  [1232]")
@click.option("--health-port", type=int, help="Port of /health; 0 for none.  [8080]")
@click.option("--ready-port", type=int, help="Port of /ready; 0 for none.  [8181]")
@click.option("--metrics-port", type=int, help="Port of /metrics; 0 for none. Each worker adds one.  [9153]")
@click.option("--lameduck", type=float, help="Seconds to go on answering when told to stop.  [5]")
@click.option("--log", is_flag=True, default=None, help="Print every query.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes at the same port.")
@click.pass_context
def dns(ctx: click.Context, /, config: Path | None, workers: int, **given: Any) -> None:
    """Run the DNS server alone, against any cluster, or ask it what a name answers."""
    if ctx.invoked_subcommand is not None:
        return
    from fairlead.app.dns.settings import SettingsError, options_from
    from fairlead.app.dns.workers import serve_all

    try:
        options = options_from(config, lambda settings: _override(settings, given))
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    options = replace(options, kubeconfig=given["kubeconfig"], context=given["context"], shared=workers > 1)
    sys.exit(serve_all(options, workers, lambda text: click.echo(text, err=True)))


def _override(settings: Any, given: dict[str, Any]) -> None:
    """Put what was given on the command line in place of what the file says; a port of 0 means none."""
    from fairlead.clusterdns.zone import Outside, PodsMode

    for name in ("port", "zone", "ttl", "udp_size", "lameduck", "log"):
        if given[name] is not None:
            setattr(settings, name, given[name])
    for name in ("health_port", "ready_port", "metrics_port"):
        if given[name] is not None:
            setattr(settings, name, given[name] or None)
    if given["addresses"]:
        settings.addresses = list(given["addresses"])
    if given["pods"]:
        settings.pods = PodsMode(given["pods"])
    if given["outside"]:
        settings.outside = Outside(given["outside"])
    if given["upstreams"]:
        settings.forward = {**settings.forward, ".": list(given["upstreams"])}


@dns.command()
@click.argument("name")
@click.argument("rtype", metavar="[TYPE]", default="A")
@click.option("--from", "pod", metavar="[NAMESPACE/]POD", help="Ask as this Pod would, through its search list.")
@click.option("-f", "--filename", "files", type=_PATH, multiple=True, help="Manifest to read instead of the API.")
@click.option("--kubeconfig", type=_PATH, help="Kubeconfig file; found as by kubectl when left out.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option("--zone", default="cluster.local", show_default=True, help="Cluster domain.")
@click.option("--pods", type=_PODS, default="insecure", show_default=True, help="How Pod names answer.")
@click.option("--outside", type=_OUTSIDE, default="forward", show_default=True, help="Names outside the zones.")
def query(name: str, rtype: str, pod: str | None, files: tuple[Path, ...], **given: Any) -> None:
    """Show what NAME answers and why, step by step. Exit code 1 when nothing is found."""
    import dns.exception
    import dns.rdatatype

    from fairlead.app.dns.query import UnusableManifest, read_cluster, read_manifests, snapshot_of
    from fairlead.clusterdns.found import View
    from fairlead.clusterdns.names import to_name
    from fairlead.clusterdns.search import candidates, search_list, walk
    from fairlead.clusterdns.zone import Outside, PodsMode, Zone
    from fairlead.drivers.kube.client import KubeError, Unreachable

    try:
        qtype = int(dns.rdatatype.from_text(rtype))
    except dns.exception.DNSException as error:
        raise click.UsageError(f"{rtype!r} is not a record type") from error
    zone = Zone(origin=to_name(given["zone"]), pods=PodsMode(given["pods"]), outside=Outside(given["outside"]))
    try:
        objects = read_manifests(files) if files else read_cluster(given["kubeconfig"], given["context"])
    except (UnusableManifest, KubeError, Unreachable) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
    snapshot, nodes = snapshot_of(objects)
    suffixes = search_list(_namespace_of(pod), zone.origin) if pod else ()
    steps = walk(candidates(name, suffixes), qtype, View(snapshot, replace(zone, reverse_nodes=nodes)))
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
