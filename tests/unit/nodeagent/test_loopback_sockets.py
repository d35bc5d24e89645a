"""What stands for the addresses that a Pod's programs bind and connect to, in a lab without namespaces."""

import pytest

from fairlead.labnet.loopback import PortRule
from fairlead.nodeagent.loopback_sockets import PodSockets

OWN, PEER, SERVER = "127.40.1.2", "127.40.2.3", ("127.40.224.10", 10053)
ORDINARY = PodSockets(OWN, "127.40.0.0/16", PortRule(1024), SERVER, frozenset({"192.0.2.53", "127.0.0.53"}))
ROOT = ORDINARY._replace(ports=PortRule(), nameserver=("127.40.224.10", 53))


@pytest.mark.parametrize("ip", ["0.0.0.0", "::"])
def test_every_address_is_the_pods_own(ip):
    assert ORDINARY.to_bind(ip, 8080) == (OWN, 8080)
    assert ORDINARY.to_bind(ip, 80) == (OWN, 10080)
    assert ROOT.to_bind(ip, 80) == (OWN, 80)


def test_a_port_of_the_kernels_choice_stays_that():
    assert ORDINARY.to_bind("0.0.0.0", 0) == (OWN, 0)
    assert ORDINARY.to_bind(OWN, 0) is None


@pytest.mark.parametrize("ip", ["127.0.0.1", "192.0.2.7", "::1"])
def test_sockets_outside_of_the_lab_are_not_changed(ip):
    assert ORDINARY.to_bind(ip, 80) is None
    assert ORDINARY.to_connect(ip, 80) is None
    assert not ORDINARY.is_of_lab(ip)


def test_low_ports_of_the_lab_are_reached_where_they_are():
    assert ORDINARY.to_connect(PEER, 80) == (PEER, 10080)
    assert ORDINARY.to_connect(PEER, 8080) is None
    assert ORDINARY.to_bind(OWN, 443) == (OWN, 10443)
    assert ROOT.to_connect(PEER, 80) is None
    assert ORDINARY.is_of_lab(PEER)


def test_the_name_servers_of_the_machine_stand_for_the_clusters():
    assert ORDINARY.to_connect("192.0.2.53", 53) == SERVER
    assert ORDINARY.to_connect("127.0.0.53", 53) == SERVER
    assert ORDINARY.to_connect("198.51.100.1", 53) is None  # asked on purpose, so it is that one that is meant
    assert ORDINARY.to_connect("192.0.2.53", 853) is None
    assert ROOT.to_connect("192.0.2.53", 53) == ("127.40.224.10", 53)
