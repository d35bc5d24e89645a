"""Endpoints in the one form that all writers agree on."""

import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec import structs

from fairlead.endpointslice.subsets import repack
from fairlead.model.endpoints import EndpointAddress, EndpointSubset
from fairlead.model.objects import EndpointPort, ObjectReference

HTTP, ADMIN = EndpointPort("http", "TCP", 8080), EndpointPort("admin", "TCP", 9090)
A, B, C = (EndpointAddress(f"10.0.0.{n}", target_ref=ObjectReference("Pod", "default", n, n)) for n in "123")


def subset(ready=(), unready=(), ports=()):
    return EndpointSubset(tuple(ready) or None, tuple(unready) or None, tuple(ports) or None)


@pytest.mark.parametrize(
    ("written", "packed"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([subset([A], [B], [HTTP])], [subset([A], [B], [HTTP])], id="one subset"),
        pytest.param(
            [subset([B, A], ports=[HTTP, ADMIN])],
            [subset([A, B], ports=[ADMIN, HTTP])],
            id="addresses and ports in order",
        ),
        pytest.param(
            [subset([A], ports=[HTTP]), subset([A], ports=[ADMIN])], [subset([A], ports=[ADMIN, HTTP])], id="joined"
        ),
        pytest.param(
            [subset([A], ports=[HTTP, ADMIN]), subset([B], ports=[HTTP])],
            [subset([A], ports=[ADMIN]), subset([A, B], ports=[HTTP])],
            id="a port that only some have",
        ),
        pytest.param(
            [subset([A], ports=[HTTP]), subset([], [A], [ADMIN])],
            [subset([], [A], [ADMIN]), subset([A], ports=[HTTP])],
            id="ready for one port alone",
        ),
        pytest.param(
            [subset([A], ports=[HTTP]), subset([], [A], [HTTP])], [subset([], [A], [HTTP])], id="unready wins"
        ),
        pytest.param([subset([A]), subset([B])], [subset([A, B])], id="no ports"),
        pytest.param(
            [subset([A], ports=[EndpointPort("", None, 80)])],
            [subset([A], ports=[EndpointPort(None, "TCP", 80)])],
            id="an empty name is none",
        ),
    ],
)
def test_packing(written, packed):
    assert repack(written) == tuple(packed)


ADDRESSES = st.lists(st.sampled_from([A, B, C]), unique=True, max_size=3)
SUBSETS = st.lists(
    st.builds(
        subset, ADDRESSES, ADDRESSES, st.lists(st.sampled_from([HTTP, ADMIN]), unique=True, min_size=1, max_size=2)
    ),
    max_size=4,
)


def said(subsets):
    """Every (address, port) that is offered, and whether it is ready."""
    found = {}
    for each in subsets:
        for ready, addresses in ((True, each.addresses), (False, each.not_ready_addresses)):
            for address in addresses or ():
                for port in each.ports or (None,):
                    found[address.ip, port] = found.get((address.ip, port), True) and ready
    return found


@given(subsets=SUBSETS, order=st.randoms())
def test_packing_says_the_same_once_and_for_all(subsets, order):
    packed = repack(subsets)
    assert said(packed) == said(subsets)
    assert repack(packed) == packed
    shuffled = [
        structs.replace(each, ports=tuple(order.sample(each.ports, len(each.ports))) if each.ports else None)
        for each in order.sample(subsets, len(subsets))
    ]
    assert repack(shuffled) == packed
