"""Routes, rules and marks of the world outside, from one state to another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.labnet.balancing import (
    LoadBalancing,
    first_routes,
    marking_rules,
    route_changes,
    table_changes,
    table_of,
    tables_of,
)

CIDRS = ["192.168.65.0/24", "fd00:192:168:65::/112"]
A, B, C = "192.168.64.11", "192.168.64.12", "192.168.64.13"


@pytest.mark.parametrize(
    ("balancing", "expected"),
    [
        (LoadBalancing.SPREAD, ["route replace unreachable 192.168.65.0/24"]),
        (LoadBalancing.ONE_NODE, ["route replace 192.168.65.0/24 dev eth0"]),
        (LoadBalancing.BGP, []),
    ],
)
def test_before_anything_is_known(balancing, expected):
    assert first_routes(balancing, CIDRS[:1]) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"v": (A, B)}, ["route replace v proto 201 nexthop via 192.168.64.11 nexthop via 192.168.64.12"]),
        ({"v": (A, B)}, {"v": (A, B)}, []),
        ({"v": (A, B)}, {"v": (B,)}, ["route replace v proto 201 via 192.168.64.12"]),
        ({"v": (A,)}, {"v": ()}, ["route del v proto 201"]),
        ({"v": (A,)}, {}, ["route del v proto 201"]),
        ({"v": ()}, {}, []),
        ({}, {"v": ()}, []),
    ],
)
def test_routes_to_an_address(before, after, expected):
    assert route_changes(before, after) == expected


ways = st.dictionaries(st.sampled_from("uvw"), st.sampled_from([(), (A,), (A, B), (B, C)]))


@given(ways, ways)
def test_routes_from_anything_to_anything(before, after):
    """Played on a kernel that refuses to delete what it does not have."""
    kernel = {address: hops for address, hops in before.items() if hops}
    for command in route_changes(before, after):
        _, verb, address, *rest = command.split()
        if verb == "del":
            del kernel[address]
        else:
            kernel[address] = tuple(word for word in rest if word.startswith("192"))
    assert kernel == {address: hops for address, hops in after.items() if hops}


def test_tables_of_nodes():
    number, cidrs = table_of(A), CIDRS[:1]
    there, silent = tables_of({A: True}), tables_of({A: False})
    assert (there, silent) == ({number: A}, {number: ""})
    rule = f"to 192.168.65.0/24 fwmark {number} table {number}"
    way = f"192.168.65.0/24 via {A} table {number}"
    assert table_changes({}, there, cidrs) == [f"rule add {rule} protocol 201", f"route replace {way}"]
    assert table_changes(there, there, cidrs) == []
    assert table_changes(there, silent, cidrs) == [f"route del 192.168.65.0/24 table {number}"]
    assert table_changes(silent, there, cidrs) == [f"route replace {way}"]
    assert table_changes(there, {}, cidrs) == [f"route del 192.168.65.0/24 table {number}", f"rule del {rule}"]
    assert table_changes(silent, {}, cidrs) == [f"rule del {rule}"]


def test_tables_of_nodes_are_none_that_a_kernel_has():
    numbers = {table_of(f"192.168.64.{n}") for n in range(1, 255)} | {table_of(f"fd00::{n:x}") for n in range(1, 255)}
    assert len(numbers) == 508
    assert min(numbers) > 255
    assert max(numbers) < 1 << 32


def test_marks_are_of_the_families_that_there_are():
    rules = marking_rules([A, B], CIDRS[:1])
    assert f"{A} : {table_of(A)}, {B} : {table_of(B)}" in rules
    assert "ip6" not in rules
    assert "fd00:192:168:65::/112" in marking_rules(["fd00::1"], CIDRS)
