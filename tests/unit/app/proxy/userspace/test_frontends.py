"""Listening addresses of a lab without namespaces."""

from fairlead.app.proxy.userspace.frontends import Frontend
from tests.support.loopback_flows import NETWORK, NUMBER, EveryWay, cluster_of, on_loopback
from tests.support.proxy_flows import BOTH, CLUSTER_IP, EXTERNAL_IP, LB, NODE, NODE_PORT, exposed, world
from tests.support.proxy_objects import service


def frontends_of(made):
    return cluster_of(on_loopback(made), EveryWay()).frontends


def twin(address):
    return on_loopback([address])[0]


def test_every_frontend_of_a_service_is_served():
    found = frontends_of(exposed(BOTH))
    http = {Frontend(twin(address), 80, "tcp") for address in (CLUSTER_IP, EXTERNAL_IP, LB)}
    assert found == {*http, Frontend(twin(NODE), NODE_PORT, "tcp")}


def test_a_service_without_endpoints_is_not():
    assert frontends_of(exposed()) == set()


def test_sctp_is_not():
    protocols = (("tcp", 53, "TCP"), ("udp", 53, "UDP"), ("sctp", 53, "SCTP"))
    found = frontends_of(world(BOTH, ports=protocols, targets=protocols))
    assert {each.protocol for each in found} == {"tcp", "udp"}


def test_an_address_that_is_none_of_the_lab_is_not():
    made = exposed(BOTH)
    elsewhere = service(ip=CLUSTER_IP, externalIPs=["192.0.2.7", f"127.{NUMBER + 1}.0.1"])
    made = type(made)((elsewhere,), made.slices)
    assert {each.address for each in frontends_of(made)} == {twin(CLUSTER_IP)}
    assert f"127.{NUMBER}.0.0/16" == NETWORK
