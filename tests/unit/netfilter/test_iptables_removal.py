"""Chains go with all that leads to them, however the rules are spelled; what belongs to others stays."""

import pytest

from fairlead.dataplane.kube_proxy import proxy_chains
from fairlead.netfilter.iptables_removal import count_links, removal
from fairlead.netfilter.iptables_text import parse_save, target_of

SAVED = """\
*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-ABC - [0:0]
:KUBE-ROUTER-HAIRPIN - [0:0]
:MINE - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -m comment --comment "not -j KUBE-SERVICES" -j MINE
-A PREROUTING -m state --state NEW -g KUBE-SERVICES
-A MINE -d 1.2.3.4/32 -j KUBE-SVC-ABC
-A MINE -j KUBE-ROUTER-HAIRPIN
-A KUBE-SERVICES -d 10.96.0.1/32 -j KUBE-SVC-ABC
COMMIT
*mangle
:KUBE-PROXY-CANARY - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
COMMIT
*filter
:KUBE-FIREWALL - [0:0]
-A INPUT -j KUBE-FIREWALL
COMMIT
"""
NAT = """\
*nat
:KUBE-SERVICES - [0:0]
:KUBE-SVC-ABC - [0:0]
-D PREROUTING {}
-D PREROUTING {}
-D MINE {}
-X KUBE-SERVICES
-X KUBE-SVC-ABC
COMMIT
"""
BY_TEXT = (
    "-m state --state NEW -g KUBE-SERVICES",
    '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    "-d 1.2.3.4/32 -j KUBE-SVC-ABC",
)
MANGLE = "*mangle\n:KUBE-PROXY-CANARY - [0:0]\n-X KUBE-PROXY-CANARY\nCOMMIT\n"
FILTER = "*filter\n:KUBE-FIREWALL - [0:0]\n-D INPUT -j KUBE-FIREWALL\n-X KUBE-FIREWALL\nCOMMIT\n"


def test_jumps_to_a_chain_are_deleted_before_it():
    saved = parse_save(SAVED)
    assert removal(saved, proxy_chains(saved)) == MANGLE + NAT.format(*BY_TEXT)
    assert count_links(saved, proxy_chains(saved)) == 3


def test_rules_that_cannot_be_read_back_are_named_by_number():
    saved = parse_save(SAVED)
    assert removal(saved, proxy_chains(saved), by_number=True) == MANGLE + NAT.format(3, 1, 1)


def test_the_firewall_stays_while_a_kubelet_relies_on_it():
    alone = parse_save(SAVED.replace(":KUBE-KUBELET-CANARY - [0:0]\n", ""))
    assert removal(alone, proxy_chains(alone)).startswith(FILTER)


@pytest.mark.parametrize(
    ("rule", "target"),
    [
        ("-j KUBE-SERVICES", "KUBE-SERVICES"),
        ("-p tcp -m tcp --dport 80 -g CHAIN", "CHAIN"),
        ('-m comment --comment "say \\" -j THIS" -j THAT', "THAT"),
        ("-d 1.1.1.1/32", ""),
        ("-j DNAT --to-destination 10.0.0.1:80", "DNAT"),
    ],
)
def test_the_target_of_a_rule(rule, target):
    assert target_of(rule) == target
