"""Requested kernel settings."""

import click
import pytest
from click.testing import CliRunner

from fairlead.cli.flags.conntrack import conntrack_flags, conntrack_of
from fairlead.dataplane.sysctls import ConntrackSettings, conntrack_sysctls

TIMEOUTS = {"tcp_timeout_established": 86400, "tcp_timeout_close_wait": 3600}
CASES = [
    ("two cores", ConntrackSettings(), 2, {"max": 131072, **TIMEOUTS}),
    ("eight cores", ConntrackSettings(), 8, {"max": 262144, **TIMEOUTS}),
    ("very many cores", ConntrackSettings(), 128, {"max": 1048576, **TIMEOUTS}),
    ("nothing asked for", ConntrackSettings(per_core=0, tcp_established=0, tcp_close_wait=0), 8, {}),
    (
        "everything asked for",
        ConntrackSettings(0, 0, 1, 2, 3, 4, be_liberal=True),
        8,
        {
            "tcp_timeout_established": 1,
            "tcp_timeout_close_wait": 2,
            "udp_timeout": 3,
            "udp_timeout_stream": 4,
            "tcp_be_liberal": 1,
        },
    ),
]


@pytest.mark.parametrize(("settings", "cores", "wanted"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_is_asked_of_connection_tracking(settings, cores, wanted):
    found = conntrack_sysctls(settings, cores)
    assert found == {f"net/netfilter/nf_conntrack_{name}": value for name, value in wanted.items()}


@click.command()
@conntrack_flags
def command(**flags):
    click.echo(repr(conntrack_of(flags)))


@pytest.mark.parametrize(("text", "seconds"), [("24h0m0s", 86400), ("90s", 90), ("1h30m", 5400), ("0", 0)])
def test_durations_are_spelled_as_in_go(text, seconds):
    result = CliRunner().invoke(command, ["--conntrack-udp-timeout", text])
    assert result.output.strip() == repr(ConntrackSettings(udp=seconds))


def test_no_duration_is_refused_with_an_example():
    result = CliRunner().invoke(command, ["--conntrack-udp-timeout", "soon"])
    assert "'soon' is not a duration such as 24h, 1h30m or 90s" in result.output
