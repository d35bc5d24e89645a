"""Which nodes get new connections, by their health checks."""

import pytest

from fairlead.dataplane.eligibility import (
    REFUSED,
    CheckResult,
    Health,
    NodeCheck,
    check_of_node,
    check_of_service,
    eligible,
)
from fairlead.model.addresses import IPFamily
from fairlead.model.decode import decode
from fairlead.model.objects import Node
from tests.support.cluster_objects import make_service

OK, BAD, NEW, DEAD = Health.HEALTHY, Health.FAILING, Health.UNKNOWN, Health.SILENT


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([("a", OK, OK), ("b", OK, OK)], ["a", "b"], id="all healthy"),
        pytest.param([("a", OK, OK), ("b", BAD, OK), ("c", OK, BAD)], ["a"], id="some failing"),
        pytest.param([("a", BAD, OK), ("b", OK, BAD)], ["a", "b"], id="all failing: those that answer"),
        pytest.param([("a", NEW, OK), ("b", OK, OK)], ["b"], id="not asked yet"),
        pytest.param([("a", NEW, NEW), ("b", NEW, NEW)], ["a", "b"], id="none asked yet"),
        pytest.param([("a", DEAD, OK), ("b", BAD, OK)], ["b"], id="better failing than silent"),
        pytest.param([("a", DEAD, OK)], [], id="all silent"),
        pytest.param([("a", OK, DEAD), ("b", OK, OK)], ["b"], id="a health check port that nobody listens at"),
    ],
)
def test_eligible(rows, expected):
    assert eligible(rows) == expected


def test_one_check_that_is_missed_is_no_silence():
    answer = CheckResult().after(200)
    assert answer.health == OK
    assert answer.after(None).health == OK
    assert answer.after(None).after(None).health == DEAD
    assert answer.after(None).after(None).after(503).health == BAD
    assert answer.after(None).after(200).after(None).health == OK
    assert CheckResult().after(None).health == NEW


def test_a_node_without_a_proxy_is_there():
    """New connections go elsewhere, those that it has go on; without another node, it is used."""
    refused = CheckResult().after(200).after(REFUSED)
    assert refused.health == OK
    assert refused.after(REFUSED).health == BAD
    assert refused.after(REFUSED).after(REFUSED).health == BAD
    assert refused.after(REFUSED).after(None).health == DEAD


def node(*addresses):
    status = {"addresses": [{"type": "InternalIP", "address": address} for address in addresses]}
    return decode(Node, {"metadata": {"name": "n"}, "status": status})


def test_where_checks_go():
    both = (IPFamily.IPV6, IPFamily.IPV4)
    assert check_of_node(node("192.0.2.1", "fd00::1"), both) == NodeCheck("fd00::1", 10256)
    assert check_of_node(node("192.0.2.1"), both) == NodeCheck("192.0.2.1", 10256)
    assert check_of_node(node(), both) is None
    local = make_service(type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=30123)
    assert check_of_service(local, NodeCheck("fd00::1", 10256)) == NodeCheck("fd00::1", 30123)
    assert check_of_service(make_service(type="LoadBalancer"), NodeCheck("fd00::1", 10256)) is None
