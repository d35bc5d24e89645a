"""Nodes of a lab announce load balancers to real routers by BGP: BIRD, as an ordinary user, and FRR, as root.

The router puts what it learns into the kernel of the world outside, so requests from there take the routes.
"""

import os
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.full import IS_FULL
from tests.support.labs import Lab, eventually
from tests.support.net.routers import ASN, HOLD, NODES_ASN, PASSWORD, Router
from tests.support.net.spreading import NODES, OUTSIDE, addresses, hops, nodes_with_pods, settled, traffic
from tests.support.users import users

MANIFESTS = Path(__file__).with_name("spreading.yaml")
CONFIG = """
nodes: [{{}}, {{}}, {{}}]
ipFamilies: [IPv4, IPv6]
bgp:
  asn: {nodes}
  holdTime: 30
  restartTime: 30
  peers: [{{address: 203.0.113.10, asn: {asn}, passwordFile: {password}}}]
"""
SHORT_HOLD = 3  # seconds: a busy machine may be silent for longer, so a session with it may end at any time
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


ROUTERS = ["bird", "frr"]
# A session that ends and begins again; what is said in it is shown with each router.
of_a_router = pytest.mark.parametrize("make", ROUTERS if IS_FULL else ROUTERS[:1], indirect=True, scope="module")


@pytest.fixture(scope="module", params=ROUTERS)
def make(request) -> str:
    if request.param == "frr" and os.geteuid() != 0:
        pytest.skip("FRR's daemons become a user of their own, which takes root")
    return request.param


@pytest.fixture(scope="module")
def lab(make):
    lab = Lab(users()[0 if make == "frr" else -1], "-f", str(MANIFESTS))
    try:
        password = lab.folder / "password"
        password.write_text(f"{PASSWORD}\n")
        password.chmod(0o644)
        lab.configure(CONFIG.format(nodes=NODES_ASN, asn=ASN, password=password))
        lab.up()
        yield lab
    finally:
        lab.close()


@pytest.fixture(scope="module")
def router(lab, make):
    """One that all nodes have a session with; each test leaves it so."""
    router = Router(lab, make)
    try:
        start(lab, router)
        yield router
    finally:
        router.close()


def start(lab: Lab, router: Router, hold: int = HOLD) -> list[str]:
    """Run the router until all nodes have told it everything; the addresses that all serve."""
    router.start(hold=hold)
    eventually(lambda: router.sessions() == len(NODES), 60)
    return settled(lab, "cluster", set(NODES))


def test_all_nodes_are_equal_ways(lab, router):
    cluster, local = settled(lab, "cluster", set(NODES)), settled(lab, "local", nodes_with_pods(lab))
    with traffic(lab, *cluster, *local) as asked:
        time.sleep(0.5)
    assert asked.failures() == []
    for address in cluster:
        assert {node for node, own in NODES.items() if own & set(asked.clients(address))} == set(NODES)
    for address in local:
        assert set(asked.clients(address)) <= OUTSIDE
        assert len(asked.pods(address)) == 2


def test_routes_come_and_go(lab, router):
    lab.kubectl("label", "node", "node-2", f"{EXCLUDED}=")
    settled(lab, "cluster", {"node-1", "node-3"})
    lab.kubectl("label", "node", "node-2", f"{EXCLUDED}-")
    settled(lab, "cluster", set(NODES))
    before = addresses(lab, "local")
    lab.kubectl("patch", "service", "local", "-p", '{"spec": {"type": "ClusterIP"}}')
    for address in before:
        eventually(partial(_is_gone, lab, address))
    lab.kubectl(
        "patch", "service", "local", "-p", '{"spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}}'
    )
    settled(lab, "local", nodes_with_pods(lab))


def _is_gone(lab: Lab, address: str) -> bool:
    return not hops(lab, address)


@of_a_router
def test_a_killed_announcer_interrupts_nothing(lab, router):
    """Graceful restart: the routes stay, and connections with them."""
    found = settled(lab, "cluster", set(NODES))
    with traffic(lab, *found, held=0.2) as asked:
        before = lab.component_pids()["node-2-proxy"]
        lab.kill(before)
        eventually(lambda: lab.component_pids().get("node-2-proxy") not in (None, before))
        eventually(lambda: router.sessions() == len(NODES))
    assert asked.failures() == []


@of_a_router
def test_a_router_that_is_killed_learns_everything_again(lab, router):
    router.kill()
    start(lab, router)


@of_a_router
def test_passwords_and_numbers_that_differ(lab, router):
    """No session; the Node says why, and it comes up once the router is right."""
    router.kill()
    router.start(password="wrong")
    eventually(lambda: "no answer within 5 s; the password may differ" in told(lab, "BGPSessionDown"), 60)
    assert router.sessions() == 0
    router.kill()
    router.start(nodes=NODES_ASN + 7)
    eventually(lambda: "OPEN Message Error, Bad Peer AS" in told(lab, "BGPSessionDown"), 60)
    router.kill()
    start(lab, router, hold=SHORT_HOLD)
    for hold in (30, SHORT_HOLD):  # what the nodes offer, and then the router
        up = f"BGP session with 203.0.113.10 is up: IPv4 and IPv6, hold time {hold} s"
        eventually(lambda: up in told(lab, "BGPSessionUp"))  # noqa: B023 - called at once


def told(lab: Lab, reason: str) -> str:
    """What Events of Nodes say."""
    items = lab.get("events", "-A", "--field-selector", f"involvedObject.kind=Node,reason={reason}")["items"]
    return "\n".join(item["message"] for item in items)


@of_a_router
def test_a_node_that_dies_is_forgotten_after_the_hold_time(lab, router):
    if router.hold != SHORT_HOLD:
        router.kill()
        start(lab, router, hold=SHORT_HOLD)
    victim = min(set(NODES) - nodes_with_pods(lab))
    lab.fairlead("node", "stop", "--name", lab.name, victim)
    settled(lab, "cluster", set(NODES) - {victim})
