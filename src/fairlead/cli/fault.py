"""``fairlead fault``: makes a part of a running lab fail until the command ends."""

import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.lab import name_option, or_fail

if TYPE_CHECKING:
    from fairlead.lab.faults import Faults

Begin = Callable[["Faults"], AbstractContextManager[None]]

_COMMON = (
    name_option,
    click.option("-n", "--namespace", default="default", show_default=True, help="Namespace of Pods and names."),
    click.option("--for", "seconds_held", type=click.FloatRange(min=0), help="End after this many seconds."),
)
_COMMAND = click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
_pod = click.argument("pod")
_between = (click.argument("source", metavar="FROM"), click.argument("target", metavar="TO"))
_seconds = click.argument("seconds", type=click.FloatRange(min=0, min_open=True))


@click.group()
def fault() -> None:
    """Make a part of a running lab fail until Ctrl-C, for a time, or while a command runs.

    The fault ends with this command, however it ends. Only a stopped or cut-off node and a frozen Pod stay so if this
    command is killed (SIGKILL). The exit code is that of the command that it runs.
    """


def _kind(name: str, help_text: str, *parameters: Callable[[Any], Any]) -> Callable[[Callable[..., Begin]], None]:
    """Add the command of a kind of fault; the decorated function turns its values into the fault."""

    def add(begin: Callable[..., Begin]) -> None:
        def run(name: str, namespace: str, seconds_held: float | None, command: tuple[str, ...], **values: Any) -> None:
            or_fail(lambda: _hold(name, namespace, begin(**values), seconds_held, command))

        for decorate in reversed((*_COMMON, *parameters, _COMMAND)):
            run = decorate(run)
        fault.command(name, help=help_text)(run)

    return add


def _hold(name: str, namespace: str, begin: Begin, seconds: float | None, command: tuple[str, ...]) -> None:
    from fairlead.lab import Lab

    lab = Lab.attach(name)
    try:
        with begin(lab.namespace(namespace).fault):
            click.echo("the fault has begun", err=True)
            code = _meanwhile(seconds, command, str(lab.kubeconfig))
        click.echo("the fault has ended", err=True)
    finally:
        lab.detach()
    sys.exit(code)


def _meanwhile(seconds: float | None, command: tuple[str, ...], kubeconfig: str) -> int:
    """Wait for the end, and return the exit code."""
    from fairlead.drivers.linux.programs import run_command

    if command:
        return run_command(command, {"KUBECONFIG": kubeconfig}, seconds)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        if seconds is None:
            signal.pause()
        else:
            time.sleep(seconds)
    except KeyboardInterrupt:
        click.echo("", err=True)
    return 0


@_kind("unready", "A Pod counts as not ready, whatever its probes say.", _pod)
def _unready(pod: str) -> Begin:
    return lambda faults: faults.unready(pod)


@_kind("killed", "A Pod's processes are killed, once.", _pod)
def _killed(pod: str) -> Begin:
    return lambda faults: faults.killed(pod)


@_kind("frozen", "A Pod's processes are frozen.", _pod)
def _frozen(pod: str) -> Begin:
    return lambda faults: faults.frozen(pod)


@_kind("node-stopped", "A node is off, as if its power were cut.", click.argument("node"))
def _node_stopped(node: str) -> Begin:
    return lambda faults: faults.node_stopped(node)


@_kind("node-cut-off", "A node's cable is pulled.", click.argument("node"))
def _node_cut_off(node: str) -> Begin:
    return lambda faults: faults.node_cut_off(node)


@_kind(
    "loss",
    "Packets between two Pods are lost.",
    *_between,
    click.option(
        "--percent",
        default=100.0,
        show_default=True,
        type=click.FloatRange(0, 100, min_open=True),
        help="Percentage of packets that are lost.",
    ),
    click.option("--every", default=0, type=click.IntRange(min=1), help="Drop every Nth packet, not random ones."),
)
def _loss(source: str, target: str, percent: float, every: int) -> Begin:
    return lambda faults: faults.loss(source, target, percent, every=every)


@_kind("reset", "TCP from one Pod to another is reset.", *_between)
def _reset(source: str, target: str) -> Begin:
    return lambda faults: faults.reset(source, target)


@_kind("delay", "Packets from one Pod to another arrive SECONDS late.", *_between, _seconds)
def _delay(source: str, target: str, seconds: float) -> Begin:
    return lambda faults: faults.delay(source, target, seconds)


@_kind(
    "dns",
    "The cluster's DNS gives wrong answers for a name; `*` is every name.",
    click.argument("hostname", metavar="NAME"),
    click.argument(
        "mode", type=click.Choice(["servfail", "nxdomain", "refused", "drop", "truncate", "delay", "stale"])
    ),
    click.option("--seconds", default=1.0, show_default=True, help="Length of a delay."),
)
def _dns(hostname: str, mode: Any, seconds: float) -> Begin:
    return lambda faults: faults.dns(hostname, mode, seconds=seconds)


@_kind("late-endpoints", "EndpointSlices are written SECONDS late.", _seconds)
def _late_endpoints(seconds: float) -> Begin:
    return lambda faults: faults.late_endpoints(seconds)


@_kind(
    "late-rules",
    "The nodes' rules are updated SECONDS late.",
    _seconds,
    click.option("--node", default="", help="Only the rules of this node."),
)
def _late_rules(seconds: float, node: str) -> Begin:
    return lambda faults: faults.late_rules(seconds, node)


@_kind(
    "api",
    "The API server misbehaves, also for the lab's own parts.",
    click.argument("mode", type=click.Choice(["gone", "slow", "429", "410"])),
    click.option("--seconds", default=1.0, show_default=True, help="Delay of slow answers."),
    click.option("--match", default="", help="Only for requests whose path contains this."),
)
def _api(mode: Any, seconds: float, match: str) -> Begin:
    return lambda faults: faults.api(mode, seconds=seconds, match=match)
