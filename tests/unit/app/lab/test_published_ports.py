"""Ports of Services that the world outside can reach, and the table of where they answer on this machine."""

import os
import socket

import pytest
from msgspec import structs

from fairlead.app.lab.listeners import give
from fairlead.app.lab.published_ports import Door, doors_of, published_doors, read_published, write_published
from fairlead.drivers.lab.control_socket import RequestRefused
from fairlead.model.objects import IngressPoint, LoadBalancerStatus, ServiceStatus
from tests.support.cluster_objects import make_service

pytestmark = pytest.mark.io  # files, sockets or processes

KEY = make_service().key
HTTP = {"name": "http", "port": 80, "nodePort": 30080}
DNS = {"name": "dns", "port": 53, "protocol": "UDP", "nodePort": 30053}
SCTP = {"name": "sctp", "port": 5000, "protocol": "SCTP", "nodePort": 30050}


def balanced(*addresses, **spec):
    status = ServiceStatus(LoadBalancerStatus(tuple(IngressPoint(ip=address) for address in addresses)))
    return structs.replace(make_service(type="LoadBalancer", **spec), status=status)


@pytest.mark.parametrize(
    ("service", "doors"),
    [
        pytest.param(make_service(), [], id="no node port, no door"),
        pytest.param(
            make_service(type="NodePort", ports=[HTTP, DNS]),
            [Door(KEY, "TCP", 30080), Door(KEY, "UDP", 30053)],
            id="node ports",
        ),
        pytest.param(make_service(type="NodePort", ports=[HTTP], ipFamilies=["IPv6"]), [], id="a family not passed on"),
        pytest.param(make_service(type="NodePort", ports=[SCTP]), [], id="protocols that are not passed on"),
        pytest.param(
            balanced("192.0.2.1", "2001:db8::1", ports=[HTTP]),
            [Door(KEY, "TCP", 30080), Door(KEY, "TCP", 80, "192.0.2.1")],
            id="a load balancer's address, and the node port below it",
        ),
        pytest.param(
            balanced("192.0.2.1", ports=[{"name": "http", "port": 80}]),
            [Door(KEY, "TCP", 80, "192.0.2.1")],
            id="without node ports",
        ),
    ],
)
def test_published_doors(service, doors):
    assert published_doors(service) == doors


def test_every_published_port_is_reported():
    service = balanced("192.0.2.1", "2001:db8::1", ports=[SCTP])
    outside = ["nodes:30050/SCTP", "192.0.2.1:5000/SCTP", "[2001:db8::1]:5000/SCTP"]
    assert [door.outside for door in doors_of(service)] == outside
    assert published_doors(service) == []


def test_the_table_tells_where_each_door_answers(tmp_path):
    table = tmp_path / "published.json"
    assert read_published(table) == {}
    node_port, address = Door(KEY, "TCP", 30080), Door(KEY, "TCP", 80, "192.0.2.1")
    write_published(table, {node_port: 0, address: 8080})
    assert read_published(table) == {node_port: "taken by another", address: "127.0.0.1:8080"}


def test_a_flexible_door_gets_another_port_if_its_own_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        request = {"op": "listen", "protocol": "TCP", "port": port, "flexible": False}
        with pytest.raises(
            RequestRefused, match=f"port {port}/TCP of 127.0.0.1 could not be bound: Address already in use"
        ):
            give(request)
        reply = give({**request, "flexible": True})
        assert reply.document["port"] not in (port, 0)
        os.close(reply.descriptors[0])
