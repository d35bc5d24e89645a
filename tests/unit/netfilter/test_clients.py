"""Clients that are remembered keep their endpoints when a map is declared again, for as long as they would have had."""

import pytest

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.clients import (
    Notebook,
    RememberedClient,
    declared_again,
    forget,
    milliseconds,
    note_again,
    notebooks_of,
    read_clients,
)
from fairlead.netfilter.ruleset import (
    Chain,
    Field,
    NamedSet,
    RememberTarget,
    Rule,
    SetKind,
    Table,
    TableName,
    Target,
)
from fairlead.netfilter.transaction import diff

V4, V6 = TableName(IPFamily.IPV4, "fairlead"), TableName(IPFamily.IPV6, "fairlead")
WEB = Target("10.0.0.1", 80)
LISTED = """table ip fairlead {
\tmap m {
\t\ttype ipv4_addr : ipv4_addr . inet_service
\t\tsize 65535
\t\tflags dynamic,timeout
\t\ttimeout 3h
\t\telements = { 1.1.1.1 expires 2h59m30s : 10.0.0.1 . 80,
\t\t\t     1.1.1.2 timeout 1m expires 59s500ms : 10.0.0.1 . 80 }
\t}
}
"""


@pytest.mark.parametrize(
    ("text", "expected"), [("5s", 5000), ("1d2h3m4s5ms", 93_784_005), ("980ms", 980), ("3h", 10_800_000), ("", 0)]
)
def test_times_are_read_as_nft_spells_them(text, expected):
    assert milliseconds(text) == expected


def test_a_client_is_known_by_how_long_it_has_been_idle():
    assert read_clients("m", [LISTED]) == [
        RememberedClient("m", "1.1.1.1", 30_000, WEB),
        RememberedClient("m", "1.1.1.2", 500, WEB),
    ]


def test_in_ipv6_an_address_and_a_port_are_noted_apart():
    head, ends = "map m {\n\ttimeout 1m\n\telements = { ", " }\n}\n"
    addresses = f"{head}fd00::9 expires 50s : fd00::1, fd00::8 expires 50s : fd00::1{ends}"
    ports = f"{head}fd00::9 expires 50s : 80{ends}"
    assert read_clients("m", [addresses, ports]) == [RememberedClient("m", "fd00::9", 10_000, Target("fd00::1", 80))]
    assert forget(V6, RememberedClient("m", "fd00::9", 0, Target("fd00::1", 80))) == (
        "delete element ip6 fairlead m { fd00::9 : fd00::1 }\ndelete element ip6 fairlead ports-of-m { fd00::9 : 80 }\n"
    )


def noting(timeout, *targets):
    rules = tuple(Rule((), (RememberTarget("m", target),)) for target in targets)
    return Table({"c": Chain("c", rules)}, {"m": NamedSet("m", (Field.SOURCE,), SetKind.TARGET_MAP, timeout)})


def test_only_a_map_that_is_declared_again_needs_its_clients_noted_again():
    assert declared_again(diff(noting(5, WEB), noting(6, WEB))) == {"m": Notebook(6, frozenset({WEB}))}
    assert declared_again(diff(noting(5, WEB), noting(5))) == {}
    assert declared_again(diff(Table(), noting(5, WEB))) == {}
    assert notebooks_of(noting(7)) == {"m": Notebook(7, frozenset())}


@pytest.mark.parametrize(
    ("timeout", "targets", "noted"),
    [
        (10800, {WEB}, ["1.1.1.1 expires 10770000ms", "1.1.1.2 expires 10799500ms"]),
        (86400, {WEB}, ["1.1.1.1 expires 86370000ms", "1.1.1.2 expires 86399500ms"]),
        (30, {WEB}, ["1.1.1.2 expires 29500ms"]),  # the time of the first is just up
        (10800, {Target("10.0.0.2", 80)}, []),
    ],
)
def test_clients_of_missing_targets_are_not_noted(timeout, targets, noted):
    commands = note_again(V4, read_clients("m", [LISTED]), {"m": Notebook(timeout, frozenset(targets))})
    assert list(commands) == [f"add element ip fairlead m {{ {key} : 10.0.0.1 . 80 }}\n" for key in noted]
