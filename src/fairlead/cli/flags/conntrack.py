"""The flags of ``fairlead proxy`` for connection tracking, with kube-proxy's names."""

from collections.abc import Callable
from typing import Any

import click

from fairlead.cli.flags.kube_proxy import Duration, switch
from fairlead.dataplane.sysctls import ConntrackSettings

_FLAGS = (
    click.option(
        "--conntrack-max-per-core", type=int, default=32768, show_default=True, help="Connections; 0: unchanged."
    ),
    click.option("--conntrack-min", type=int, default=131072, show_default=True, help="Minimum of all connections."),
    click.option(
        "--conntrack-tcp-timeout-established",
        type=Duration(),
        default="24h",
        show_default=True,
        help="Idle time of an open TCP connection.",
    ),
    click.option(
        "--conntrack-tcp-timeout-close-wait",
        type=Duration(),
        default="1h",
        show_default=True,
        help="Idle time of a TCP connection in CLOSE_WAIT.",
    ),
    click.option(
        "--conntrack-udp-timeout",
        type=Duration(),
        default="0",
        show_default="as is",
        help="Idle time of a UDP flow without a reply.",
    ),
    click.option(
        "--conntrack-udp-timeout-stream",
        type=Duration(),
        default="0",
        show_default="as is",
        help="Idle time of a UDP flow with replies.",
    ),
    switch("--conntrack-tcp-be-liberal", help="Treat out-of-window TCP packets as valid."),
)


def conntrack_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the flags to a command, which gets them as keyword arguments for ``conntrack_of``."""
    for flag in reversed(_FLAGS):
        command = flag(command)
    return command


def conntrack_of(flags: dict[str, Any]) -> ConntrackSettings:
    """The settings that the flags give."""
    return ConntrackSettings(
        per_core=flags["conntrack_max_per_core"],
        least=flags["conntrack_min"],
        tcp_established=int(flags["conntrack_tcp_timeout_established"]),
        tcp_close_wait=int(flags["conntrack_tcp_timeout_close_wait"]),
        udp=int(flags["conntrack_udp_timeout"]),
        udp_stream=int(flags["conntrack_udp_timeout_stream"]),
        be_liberal=flags["conntrack_tcp_be_liberal"],
    )
