"""The flags of ``fairlead proxy`` that say what is asked of connection tracking, named as kube-proxy's."""

import re
from collections.abc import Callable
from typing import Any

import click

from fairlead.dataplane.sysctls import ConntrackSettings

_UNITS = {"h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:\d+[hms])+|0")


def seconds(text: str) -> int:
    """A duration in Go's spelling, whole seconds only."""
    if not _DURATION.fullmatch(text):
        raise click.BadParameter(f"{text!r} is not a duration such as 24h, 30m or 90s")
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([hms])", text))


_FLAGS = (
    click.option(
        "--conntrack-max-per-core", type=int, default=32768, show_default=True, help="Connections; 0: leave as is."
    ),
    click.option("--conntrack-min", type=int, default=131072, show_default=True, help="Connections, at least in all."),
    click.option("--conntrack-tcp-timeout-established", type=seconds, default="24h", show_default=True),
    click.option("--conntrack-tcp-timeout-close-wait", type=seconds, default="1h", show_default=True),
    click.option("--conntrack-udp-timeout", type=seconds, default="0", show_default="as is"),
    click.option("--conntrack-udp-timeout-stream", type=seconds, default="0", show_default="as is"),
    click.option("--conntrack-tcp-be-liberal", is_flag=True, help="Take TCP packets out of the window for valid."),
)


def conntrack_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags to a command, which gets them as keyword arguments for ``conntrack_of``."""
    for flag in reversed(_FLAGS):
        command = flag(command)
    return command


def conntrack_of(flags: dict[str, Any]) -> ConntrackSettings:
    """The settings that the flags spell."""
    return ConntrackSettings(
        per_core=flags["conntrack_max_per_core"],
        least=flags["conntrack_min"],
        tcp_established=flags["conntrack_tcp_timeout_established"],
        tcp_close_wait=flags["conntrack_tcp_timeout_close_wait"],
        udp=flags["conntrack_udp_timeout"],
        udp_stream=flags["conntrack_udp_timeout_stream"],
        be_liberal=flags["conntrack_tcp_be_liberal"],
    )
