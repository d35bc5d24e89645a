"""Flags that ``explain``, ``trace``, ``doctor`` and ``diff`` share: their sources; and exit codes."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

if TYPE_CHECKING:
    from fairlead.explain.cluster import Cluster

FINDING, USAGE, UNREADABLE = 1, 2, 3  # exit codes

_FLAGS = (
    click.option(
        "-f", "--filename", "files", multiple=True, help="Files, folders, archives instead of the API; - is stdin."
    ),
    click.option("--name", "lab", help="The lab of this name, and what its nodes and Pods show."),
    click.option("--kubeconfig", type=click.Path(), help="Kubeconfig file; by default the one that kubectl uses."),
    click.option("--context", help="Context of the kubeconfig."),
    click.option("-n", "--namespace", default="default", show_default=True, help="Namespace for names that have none."),
    click.option("--zone", default="cluster.local", show_default=True, help="Cluster domain."),
)


class ClusterSource(NamedTuple):
    """The sources to read; ``namespace`` is the default for names without one."""

    files: tuple[str, ...]
    lab: str | None
    kubeconfig: str | None
    context: str | None
    namespace: str
    zone: str


def source_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags to a command, which gets them as keyword arguments for ``source_of``."""
    for each in reversed(_FLAGS):
        command = each(command)
    return command


def source_of(flags: dict[str, Any]) -> ClusterSource:
    """The source that flags name; they are taken out of ``flags``."""
    return ClusterSource(*(flags.pop(name) for name in ClusterSource._fields))


def read_source(source: ClusterSource, *, into_pods: bool = True) -> "Cluster":
    """The cluster; what cannot be read ends the command with exit code 3.

    Args:
        into_pods: of a lab: whether to look for listening sockets in each Pod, which takes a while.
    """
    from fairlead.drivers.kube.client import KubeError, Unreachable
    from fairlead.drivers.sources.files import ClusterFileError, read_cluster_files
    from fairlead.drivers.sources.live import read_live_cluster

    try:
        if source.files:
            return read_cluster_files(source.files, source.zone)
        if source.lab:
            return _read_lab(source.lab, source.zone, into_pods)
        return read_live_cluster(source.kubeconfig, source.context, source.zone)
    except (ClusterFileError, KubeError, Unreachable) as error:
        fail(str(error))


def _read_lab(name: str, zone: str, into_pods: bool) -> "Cluster":
    from dataclasses import replace

    from fairlead.app.lab.commands import enter
    from fairlead.cli.lab import or_fail
    from fairlead.drivers.sources.lab_nodes import node_observations, pod_sockets
    from fairlead.drivers.sources.live import read_live_cluster

    lab = or_fail(lambda: enter.find_home(name))
    cluster = read_live_cluster(str(lab.kubeconfig), None, zone)
    pods = [pod for pod in cluster.snapshot.pods.values() if pod.status.phase == "Running" and into_pods]
    seen = (*node_observations(name, sorted(cluster.snapshot.nodes)), *pod_sockets(name, pods))
    return replace(cluster, observations=seen)


def fail(message: str) -> NoReturn:
    """End the command because something could not be read."""
    click.echo(f"error: {message}", err=True)
    sys.exit(UNREADABLE)


def tell_faults(cluster: "Cluster") -> None:
    """Say what could not be read, on standard error."""
    for fault in cluster.faults:
        click.echo(f"warning: {fault.where}: {fault.message}", err=True)
