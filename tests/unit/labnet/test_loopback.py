"""Addresses of labs without namespaces."""

from ipaddress import ip_address, ip_network

import pytest

from fairlead.labnet.loopback import (
    FIRST,
    LAST,
    MAX_NODES,
    PortRule,
    is_in,
    lab_network,
    loopback_plan,
    network_of,
    numbers_for,
)


@pytest.mark.parametrize("number", [FIRST, LAST])
def test_everything_is_in_the_lab_and_apart(number):
    plan = loopback_plan(number)
    networks = [ip_network(text) for text in (plan.pods, plan.underlay, plan.services, plan.load_balancers)]
    whole = ip_network(lab_network(number))
    assert all(network.subnet_of(whole) for network in networks)
    assert not any(a.overlaps(b) for a in networks for b in networks if a is not b)
    for index in (1, MAX_NODES):
        assert ip_network(plan.node_pods.format(index)).subnet_of(ip_network(plan.pods))
        assert ip_address(plan.node.format(10 + index)) in ip_network(plan.underlay)


def test_a_lab_of_one_name_prefers_one_number_and_takes_any_other():
    found = list(numbers_for("default"))
    assert found == list(numbers_for("default"))
    assert sorted(found) == list(range(FIRST, LAST + 1))
    assert found[0] != next(numbers_for("other"))


def test_ports():
    assert [PortRule(1024).bound(port) for port in (80, 1023, 1024)] == [10080, 11023, 1024]
    assert [PortRule(1024).named(port) for port in (10080, 11023, 11024, 8080)] == [80, 1023, 11024, 8080]
    assert PortRule().bound(80) == PortRule().named(80) == 80
    assert PortRule().named(10080) == 10080


def test_which_lab_an_address_can_belong_to():
    assert network_of("127.40.240.11") == "127.40.0.0/16"
    assert network_of("192.0.2.1") == network_of("::1") == ""


def test_ipv6_is_in_no_network_of_a_lab():
    assert not is_in("::1", lab_network(FIRST))
