"""Flags of leader election, as Kubernetes' own components spell them."""

from collections.abc import Callable
from typing import Any

import click

from fairlead.cli.flags.kube_proxy import Decorator, Duration
from fairlead.drivers.kube.leader import Candidacy
from fairlead.drivers.linux.replica_name import replica_name
from fairlead.workloads.leader_election import Timing, timing_fault

_SECONDS = Duration()
_NAMES = ("leader_elect", "lease_name", "lease_namespace", "lease_duration", "renew_deadline", "retry_period")


def leader_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds them; ``candidacy`` reads their values."""
    for flag in reversed(_FLAGS):
        command = flag(command)
    return command


def _flag(name: str, parameter: str, text: str, default: Any, type_: Any = str) -> Decorator:
    return click.option(f"--leader-elect-{name}", parameter, default=default, type=type_, show_default=True, help=text)


_FLAGS: tuple[Decorator, ...] = (
    click.option(
        "--leader-elect", is_flag=False, flag_value="true", type=bool, default=True, show_default=True,
        help="Work only while holding a Lease, so that only one of several works.",
    ),
    _flag("resource-name", "lease_name", "The Lease's name; by default one for these controllers.", None),
    _flag("resource-namespace", "lease_namespace", "The Lease's namespace.", "kube-system"),
    _flag("lease-duration", "lease_duration", "How long others wait if the holder does not renew.", "15s", _SECONDS),
    _flag("renew-deadline", "renew_deadline", "How long a holder that cannot renew keeps working.", "10s", _SECONDS),
    _flag("retry-period", "retry_period", "How often the Lease is renewed or requested.", "2s", _SECONDS),
    click.option(
        "--leader-elect-resource-lock", type=click.Choice(["leases"]), expose_value=False, hidden=True,
    ),
)  # fmt: skip


def candidacy(flags: dict[str, Any], default_name: str) -> Candidacy | None:
    """The candidacy that the flags describe.

    Raises:
        click.UsageError: the times do not fit each other.
    """
    is_wanted, name, namespace, *times = (flags[each] for each in _NAMES)
    timing = Timing(*times)
    if fault := timing_fault(timing):
        raise click.UsageError(f"leader election: {fault}")
    return Candidacy(namespace, name or default_name, replica_name(), timing) if is_wanted else None
