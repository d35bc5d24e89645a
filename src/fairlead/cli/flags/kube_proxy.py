"""Flags and values as kube-proxy spells them, for ``fairlead proxy`` and ``fairlead rules``.

Its flags are Go's (pflag): ``--flag``, ``--flag=true`` and ``--flag=false`` for one that is on or off, times such as
``1h30m`` or ``1.5s``, and ``-v=2`` beside ``--v=2``. Flags of kube-proxy that have no effect here are accepted, with a
warning.
Reference: kube-proxy's command-line reference and ``KubeProxyConfiguration`` v1alpha1.
"""

import re
from collections.abc import Callable
from typing import Any

import click

from fairlead.dataplane.node_view import DetectLocal

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

BACKENDS = {"nft": "nft", "nftables": "nft", "iptables": "iptables", "": "nft"}
MODES = {**{mode.value.lower(): mode for mode in DetectLocal}, "": DetectLocal.CLUSTER_CIDR}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|us|µs|ns|h|m|s)")


class BackendChoice(click.ParamType[str]):
    """nft or iptables, by our name or by kube-proxy's."""

    name = "nftables|iptables"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        found = BACKENDS.get(str(value).lower())
        if found is None:
            self.fail(f"{value!r} is not one of 'nftables' (or 'nft') and 'iptables'", param, ctx)
        return found


class Mode(click.ParamType[DetectLocal]):
    """How traffic of Pods is recognized, in kube-proxy's spelling; upper and lower case count alike."""

    name = "|".join(DetectLocal)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> DetectLocal:
        found = MODES.get(str(value).lower())
        if found is None:
            self.fail(f"{value!r} is not one of {', '.join(repr(mode.value) for mode in DetectLocal)}", param, ctx)
        return found


class Duration(click.ParamType[float]):
    """A time in Go's spelling, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        text = str(value)
        if text in ("0", "0.0"):
            return 0.0
        if _PART.sub("", text):
            self.fail(f"{text!r} is not a duration such as 24h, 1h30m or 90s", param, ctx)
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def switch(*names: str, **attributes: Any) -> Decorator:
    """An option that is on or off: ``--name``, ``--name=true``, ``--name=false``."""
    return click.option(*names, is_flag=False, flag_value="true", type=bool, default=False, **attributes)


def verbosity(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds ``-v``, ``--v`` and ``--verbose``, with or without a level; 0 is quiet."""
    option = click.option(
        "-v", "--v", "--verbose", "verbose", is_flag=False, flag_value="1", default="0", callback=_level,
        metavar="[LEVEL]", help="Log what happens.",
    )  # fmt: skip
    return option(command)


def _level(ctx: click.Context, param: click.Parameter, value: str) -> bool:
    text = value.removeprefix("=")
    if not text.isdigit():
        raise click.BadParameter(f"{value!r} is not a level such as 2", ctx, param)
    return int(text) > 0


# kube-proxy's flags that mean nothing here, by why.
_REASONS = {
    "there is no ipvs mode": (
        "ipvs-exclude-cidrs", "ipvs-min-sync-period", "ipvs-scheduler", "ipvs-strict-arp", "ipvs-sync-period",
        "ipvs-tcp-timeout", "ipvs-tcpfin-timeout", "ipvs-udp-timeout",
    ),
    "every change is applied at once": ("iptables-sync-period", "nftables-sync-period", "config-sync-period"),
    "this client sets its own pace": ("kube-api-burst", "kube-api-content-type", "kube-api-qps"),
    "Windows is not supported": (
        "network-name", "source-vip", "enable-dsr", "root-hnsendpoint-name", "forward-healthcheck-vip",
        "windows-run-as-service",
    ),
    "-v says what is logged": (
        "vmodule", "logging-format", "log-flush-frequency", "log-json-info-buffer-size", "log-json-split-stream",
        "log-text-info-buffer-size", "log-text-split-stream", "logtostderr", "alsologtostderr", "log_dir", "log_file",
        "log_backtrace_at", "log_file_max_size", "one_output", "add_dir_header", "skip_headers", "skip_log_headers",
        "stderrthreshold",
    ),
    "there is no such feature": ("profiling", "feature-gates", "oom-score-adj"),
    "every metric is served": (
        "show-hidden-metrics-for-version", "disabled-metrics", "allow-metric-labels", "allow-metric-labels-manifest",
    ),
    "the proxy always ends if it cannot listen on an address": ("bind-address-hard-fail",),
    "use --conntrack-max-per-core and --conntrack-min": ("conntrack-max",),
    "use --conntrack-udp-timeout": ("udp-timeout",),
    "the kubeconfig says where the API server is": ("master",),
    "no ports are held": ("proxy-port-range",),
    "nothing is written": ("write-config-to",),
}  # fmt: skip
MEANINGLESS = {f"--{name}": reason for reason, names in _REASONS.items() for name in names}


def meaningless_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds all of them, hidden; each one that is given prints a warning."""
    for name in MEANINGLESS:
        command = click.option(name, hidden=True, expose_value=False, is_flag=False, flag_value="", callback=_ignored)(
            command
        )
    return command


def _ignored(_: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None:
        name = param.opts[0]
        click.echo(f"{name} is ignored: {MEANINGLESS[name]}", err=True)
