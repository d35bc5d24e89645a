"""Endpoints as EndpointSlices say them, and when DNS is asked again."""

import pytest

from fairlead.client.core.endpoint import Endpoint
from fairlead.client.core.schedule import pause_after_answer, pause_after_miss
from fairlead.client.core.slices import ready_endpoints
from fairlead.model.decode import decode
from fairlead.model.objects import EndpointSlice

BOTH = ("IPv4", "IPv6")
HTTP = [{"name": "http", "port": 8080}, {"name": "admin", "port": 9000}]


def slice_of(*endpoints, family="IPv4", ports=HTTP):
    document = {"metadata": {"name": "s"}, "addressType": family, "endpoints": list(endpoints), "ports": ports}
    return decode(EndpointSlice, document)


def at(address, ready=True, **fields):
    return {"addresses": [address], "conditions": {"ready": ready}, **fields}


@pytest.mark.parametrize(
    ("slices", "port", "expected"),
    [
        ([slice_of(at("10.0.0.1"))], "http", [Endpoint("10.0.0.1", 8080)]),
        ([slice_of(at("10.0.0.1"))], 7, [Endpoint("10.0.0.1", 7)]),
        ([slice_of(at("10.0.0.1"))], "nonsense", []),
        ([slice_of(at("10.0.0.1", ready=False), at("10.0.0.2", ready=None))], "http", [Endpoint("10.0.0.2", 8080)]),
        (
            [slice_of(at("10.0.0.1", hostname="db-0", zone="a"))],
            "http",
            [Endpoint("10.0.0.1", 8080, name="db-0", zone="a")],
        ),
        # Pods that resolve a named port differently are in different slices.
        (
            [slice_of(at("10.0.0.1")), slice_of(at("10.0.0.2"), ports=[{"name": "http", "port": 81}])],
            "http",
            [Endpoint("10.0.0.1", 8080), Endpoint("10.0.0.2", 81)],
        ),
        # One endpoint may be in two slices while it moves from one to the other.
        ([slice_of(at("10.0.0.1")), slice_of(at("10.0.0.1"))], "http", [Endpoint("10.0.0.1", 8080)]),
        ([slice_of(at("fd00::1"), family="IPv6")], "http", [Endpoint("fd00::1", 8080)]),
        (
            [slice_of(at("fd00::1"), family="IPv6"), slice_of(at("10.0.0.1"))],
            "http",
            [Endpoint("10.0.0.1", 8080)],
        ),
        ([slice_of(at("10.0.0.1"), ports=[{"port": 5}])], "", [Endpoint("10.0.0.1", 5)]),
        ([slice_of(at("10.0.0.1"), ports=None)], 5, [Endpoint("10.0.0.1", 5)]),
        ([slice_of(at("host.example", family="FQDN"))], "nonsense", []),
        ([], "http", []),
    ],
)
def test_ready_endpoints(slices, port, expected):
    assert list(ready_endpoints(slices, port, BOTH)) == expected


def test_an_endpoint_is_written_as_in_a_url():
    assert str(Endpoint("10.0.0.1", 80)) == "10.0.0.1:80"
    assert str(Endpoint("fd00::1", 80)) == "[fd00::1]:80"


@pytest.mark.parametrize(("ttl", "pause"), [(0, 1), (0.5, 1), (5, 5), (30, 30), (86400, 300)])
def test_an_answer_is_kept_for_its_ttl_within_bounds(ttl, pause):
    assert pause_after_answer(ttl) == pause


def test_without_an_answer_the_pause_doubles():
    assert [pause_after_miss(n, is_empty=False) for n in (1, 2, 3, 5, 6, 1000)] == [1, 2, 4, 16, 30, 30]
    assert [pause_after_miss(n, is_empty=True) for n in (1, 2, 3, 4, 1000)] == [1, 2, 4, 5, 5]
