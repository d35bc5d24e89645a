"""Parsed policies; invalid parts allow nothing and are reported."""

import pytest

from fairlead.netpolicy.reading import Direction, PortName, PortRange, read_policy
from tests.support.policy_objects import policy

INGRESS, EGRESS = Direction.INGRESS, Direction.EGRESS


@pytest.mark.parametrize(
    ("spec", "directions"),
    [
        ({}, {INGRESS}),
        ({"egress": []}, {INGRESS}),
        ({"egress": [{}]}, {INGRESS, EGRESS}),
        ({"policyTypes": ["Egress"]}, {EGRESS}),
        ({"policyTypes": ["Ingress"], "egress": [{}]}, {INGRESS}),
        ({"policyTypes": ["Ingress", "Egress"]}, {INGRESS, EGRESS}),
    ],
)
def test_directions(spec, directions):
    assert read_policy(policy("p", **spec)).directions == directions


def test_an_empty_list_of_peers_or_ports_is_everything():
    (rule,) = read_policy(policy("p", ingress=[{"from": [], "ports": []}])).ingress
    assert (rule.peers, rule.ports) == (None, None)


@pytest.mark.parametrize(
    ("port", "read"),
    [
        ({}, PortRange("tcp")),
        ({"protocol": "UDP"}, PortRange("udp")),
        ({"port": 80}, PortRange("tcp", 80, 80)),
        ({"port": 80, "endPort": 90, "protocol": "SCTP"}, PortRange("sctp", 80, 90)),
        ({"port": "http"}, PortName("tcp", "http")),
    ],
)
def test_ports(port, read):
    (rule,) = read_policy(policy("p", ingress=[{"ports": [port]}])).ingress
    assert rule.ports == (read,)


AT = "spec.ingress[0]"


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"ports": [{"port": 0}]}, f"{AT}.ports[0]: Invalid value: 0-0"),
        ({"ports": [{"port": 90, "endPort": 80}]}, f"{AT}.ports[0]: Invalid value: 90-80"),
        ({"ports": [{"endPort": 80}]}, f"{AT}.ports[0].endPort: Invalid value: 80"),
        ({"ports": [{"port": "http", "endPort": 80}]}, f"{AT}.ports[0].endPort: Invalid value: 80"),
        ({"ports": [{"protocol": "ICMP"}]}, f"{AT}.ports[0].protocol: Unsupported value: 'ICMP'"),
        ({"from": [{}]}, f"{AT}.from[0]: Required value"),
        ({"from": [{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]}, f"{AT}.from[0]: Forbidden"),
        ({"from": [{"ipBlock": {"cidr": "x"}}]}, f"{AT}.from[0].ipBlock.cidr: Invalid value: 'x'"),
        ({"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["x"]}}]}, f"{AT}.from[0].ipBlock.except[0]"),
        (
            {"from": [{"podSelector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}]},
            f"{AT}.from[0].podSelector.matchExpressions[0].operator: Invalid value: 'Is'",
        ),
    ],
)
def test_invalid_policies_open_nothing(rule, fault):
    read = read_policy(policy("p", ingress=[rule, {"ports": [{"port": 443}]}]))
    assert [each.startswith(fault) for each in read.faults] == [True], read.faults
    wrong, right = read.ingress
    assert () in (wrong.peers, wrong.ports)
    assert right.ports == (PortRange("tcp", 443, 443),)
