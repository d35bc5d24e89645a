"""Addresses and ports that Services ask for or are given: refusals, sharing, dry runs, and that nothing leaks."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fairlead.registry.kinds import STRATEGIES
from fairlead.registry.status import ApiError
from fairlead.registry.strategy import Context
from tests.support.service_requests import FIRST_IP, FIRST_PORT, HTTP, IPV4, IPV6, Cluster, document

NODE_PORT = {"type": "NodePort"}
LB_LOCAL = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
TAKEN = "provided port is already allocated"
RANGE = "provided port is not in the valid range. The range of valid ports is 30000-32767"


def refusal_of(request, *args, **kwargs):
    with pytest.raises(ApiError) as refusal:
        request(*args, **kwargs)
    return refusal.value


def test_a_cluster_ip_that_is_taken():
    cluster = Cluster()
    cluster.service("dns", clusterIP="10.96.0.10")
    refusal = refusal_of(cluster.service, clusterIP="10.96.0.10")
    assert refusal.code == 422
    assert refusal.message == (
        'Service "web" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: '
        "failed to allocate IP 10.96.0.10: provided IP is already allocated"
    )


@pytest.mark.parametrize(
    ("ip", "reason"),
    [
        ("10.96.0.0", "the provided IP (10.96.0.0) is not in the valid range. The range of valid IPs is 10.96.0.0/16"),
        (
            "10.96.255.255",
            "the provided IP (10.96.255.255) is not in the valid range. The range of valid IPs is 10.96.0.0/16",
        ),
        ("10.97.0.1", "the provided network does not match the current range"),
    ],
)
def test_a_cluster_ip_outside_the_range(ip, reason):
    refusal = refusal_of(Cluster().service, clusterIP=ip)
    assert refusal.code == 422
    assert refusal.message == (
        f'Service "web" is invalid: spec.clusterIPs: Invalid value: ["{ip}"]: failed to allocate IP {ip}: {reason}'
    )


def test_a_full_range_of_cluster_ips():
    cluster = Cluster("10.96.0.0/30")
    cluster.service("one")
    cluster.service("two")
    refusal = refusal_of(cluster.service)
    assert (refusal.code, refusal.reason) == (500, "InternalError")
    assert refusal.message == (
        'Internal error occurred: failed to allocate a serviceIP for Service "web": range is full'
    )


def test_an_address_may_be_asked_for_in_either_band():
    cluster = Cluster()
    assert cluster.service("low", clusterIP="10.96.0.1")["clusterIP"] == "10.96.0.1"
    assert cluster.service("high", clusterIP="10.96.200.1")["clusterIP"] == "10.96.200.1"


def test_an_ipv6_address_is_one_address_however_it_is_spelled():
    cluster = Cluster(IPV6)
    assert cluster.service("one", clusterIP="FD00:10:96:0::A")["clusterIP"] == "FD00:10:96:0::A"
    assert cluster.held == {"fd00:10:96::a"}
    assert "already allocated" in refusal_of(cluster.service, clusterIP="fd00:10:96::a").message
    cluster.delete("Service", "one")
    assert cluster.held == set()


@pytest.mark.parametrize(("port", "reason"), [(30000, TAKEN), (80, RANGE), (29999, RANGE), (32768, RANGE)])
def test_an_unavailable_node_port(port, reason):
    cluster = Cluster()
    cluster.service("other", **NODE_PORT, ports=[{**HTTP, "nodePort": 30000}])
    refusal = refusal_of(cluster.service, **NODE_PORT, ports=[{**HTTP, "nodePort": port}])
    assert refusal.code == 422
    assert refusal.message == (f'Service "web" is invalid: spec.ports[0].nodePort: Invalid value: {port}: {reason}')


def test_two_services_never_share_a_node_port_even_for_different_protocols():
    cluster = Cluster()
    cluster.service("tcp", **NODE_PORT, ports=[{**HTTP, "nodePort": 30000}])
    udp = [{"port": 80, "protocol": "UDP", "nodePort": 30000}]
    assert TAKEN in refusal_of(cluster.service, "udp", **NODE_PORT, ports=udp).message


def test_a_full_range_of_node_ports():
    cluster = Cluster(node_ports=(30000, 30000))
    cluster.service("one", **NODE_PORT)
    refusal = refusal_of(cluster.service, **NODE_PORT)
    assert refusal.code == 500
    assert refusal.message == "Internal error occurred: failed to allocate a nodePort: range is full"
    assert cluster.held == {FIRST_IP, 30000}


def dns(**tcp):
    return [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, **tcp}]


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        (dns(), [FIRST_PORT, FIRST_PORT]),
        (dns(nodePort=30053), [30053, 30053]),
        ([{**dns()[0], "nodePort": 30053}, dns(nodePort=30054)[1]], [30053, 30054]),
        ([{**dns()[0], "nodePort": 30053}, dns(nodePort=30053)[1]], [30053, 30053]),
        ([{"name": "a", "port": 80}, {"name": "b", "port": 81}], [FIRST_PORT, FIRST_PORT + 1]),
    ],
)
def test_a_create_shares_one_node_port_between_the_protocols_of_one_port(ports, expected):
    cluster = Cluster()
    stored = cluster.service(**NODE_PORT, ports=ports)
    assert [port["nodePort"] for port in stored["ports"]] == expected
    assert cluster.held == {FIRST_IP, *expected}


def test_one_node_port_cannot_serve_two_ports_of_one_service():
    ports = [{"name": "a", "port": 80, "nodePort": 30000}, {"name": "b", "port": 81, "nodePort": 30000}]
    assert (
        f"spec.ports[1].nodePort: Invalid value: 30000: {TAKEN}"
        in refusal_of(Cluster().service, **NODE_PORT, ports=ports).message
    )


@pytest.mark.parametrize(
    ("udp", "tcp", "expected"),
    [
        ({}, {}, [FIRST_PORT, FIRST_PORT + 1]),
        ({}, {"nodePort": 30054}, [FIRST_PORT, 30054]),
        ({"nodePort": FIRST_PORT}, {"nodePort": FIRST_PORT}, [FIRST_PORT, FIRST_PORT]),
        # Who names the number has it; the other port, which only did not mention its own, gets a new one.
        ({}, {"nodePort": FIRST_PORT}, [FIRST_PORT + 1, FIRST_PORT]),
    ],
)
def test_an_update_shares_no_node_port_unasked(udp, tcp, expected):
    cluster = Cluster()
    cluster.service(**NODE_PORT, ports=dns()[:1])
    udp_port, tcp_port = dns(**tcp)
    stored = cluster.edit(ports=[udp_port | udp, tcp_port])
    assert [port["nodePort"] for port in stored["ports"]] == expected
    assert cluster.held == {FIRST_IP, *expected}


def test_an_alias_has_no_node_ports_whatever_its_user_writes():
    cluster = Cluster()
    cluster.service("other", **NODE_PORT, ports=[{**HTTP, "nodePort": 30000}])
    stored = cluster.service(type="ExternalName", externalName="x.y", ports=[{**HTTP, "nodePort": 30000}])
    assert "nodePort" not in stored["ports"][0]
    cluster.delete("Service", "web")
    assert 30000 in cluster.held


def test_a_node_port_twice_for_one_protocol_in_an_update():
    cluster = Cluster()
    cluster.service(**NODE_PORT)
    ports = [{"name": name, "port": port, "nodePort": FIRST_PORT} for name, port in (("a", 80), ("b", 81))]
    assert f"spec.ports[1].nodePort: Duplicate value: {FIRST_PORT}" in refusal_of(cluster.edit, ports=ports).message


def test_ports_that_change_names_keep_the_numbers_that_they_say():
    cluster = Cluster()
    cluster.service(**NODE_PORT, ports=[{"name": "a", "port": 80}, {"name": "b", "port": 81}])
    # The number of "a" goes to "c"; "a" therefore cannot have it back and gets another.
    stored = cluster.edit(ports=[{"name": "a", "port": 80}, {"name": "c", "port": 82, "nodePort": FIRST_PORT}])
    assert [port["nodePort"] for port in stored["ports"]] == [FIRST_PORT + 2, FIRST_PORT]
    assert cluster.held == {FIRST_IP, FIRST_PORT, FIRST_PORT + 2}


@pytest.mark.parametrize(("port", "reason"), [(30000, TAKEN), (80, RANGE)])
def test_an_unavailable_health_check_port_is_an_internal_error(port, reason):
    cluster = Cluster()
    cluster.service("other", **NODE_PORT, ports=[{**HTTP, "nodePort": 30000}])
    held = cluster.held
    refusal = refusal_of(cluster.service, **LB_LOCAL, healthCheckNodePort=port)
    assert (refusal.code, refusal.reason) == (500, "InternalError")
    assert refusal.message == (
        f"Internal error occurred: failed to allocate requested HealthCheck NodePort {port}: {reason}"
    )
    assert cluster.held == held


def test_a_health_check_port_of_ones_own_choice():
    cluster = Cluster()
    assert cluster.service(**LB_LOCAL, healthCheckNodePort=30001)["healthCheckNodePort"] == 30001
    assert 30001 in cluster.held


def test_a_dry_run_shows_plausible_values_and_takes_none():
    cluster = Cluster(IPV4, IPV6)
    before = cluster.state
    shown = cluster.service(dry_run=True, **LB_LOCAL, ipFamilyPolicy="PreferDualStack")
    assert shown["clusterIPs"] == ["10.96.0.0", "fd00:10:96::"]
    assert (shown["ports"][0]["nodePort"], shown["healthCheckNodePort"]) == (32769, 32770)
    assert cluster.state is before


def test_a_dry_run_checks_the_range_of_an_address_but_not_its_owner():
    cluster = Cluster()
    cluster.service("other", clusterIP="10.96.0.9", **NODE_PORT, ports=[{**HTTP, "nodePort": 30000}])
    assert cluster.service(dry_run=True, clusterIP="10.96.0.9")["clusterIP"] == "10.96.0.9"
    assert "not match the current range" in refusal_of(cluster.service, dry_run=True, clusterIP="10.0.0.9").message
    taken = [{**HTTP, "nodePort": 30000}]
    assert TAKEN in refusal_of(cluster.service, dry_run=True, **NODE_PORT, ports=taken).message


def test_a_dry_run_of_an_update_changes_nothing():
    cluster = Cluster(IPV4, IPV6)
    cluster.service()
    before = cluster.state
    shown = cluster.edit(dry_run=True, ipFamilyPolicy="RequireDualStack", **NODE_PORT)
    assert shown["clusterIPs"] == [FIRST_IP, "fd00:10:96::"]
    assert cluster.state is before


def test_a_dry_run_is_validated_in_full():
    assert "spec.sessionAffinity" in refusal_of(Cluster().service, dry_run=True, sessionAffinity="Cookie").message


NAMES = st.sampled_from(["a", "b", "c"])
TYPES = st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "Headless"])
POLICIES = st.sampled_from([None, "SingleStack", "PreferDualStack", "RequireDualStack"])
IPS = st.sampled_from([None, "10.96.0.1", "10.96.0.6", "10.96.0.9"])
NODE_PORTS = st.sampled_from([0, 30000, 30001, 30004])


class Allocation(RuleBasedStateMachine):
    """Any sequence of creates, puts and deletes over ranges so small that they run full."""

    @initialize(data=st.data())
    def start(self, data):
        def choose(size):
            return data.draw(st.integers(0, size - 1))

        self.cluster = Cluster("10.96.0.0/29", "fd00::/125", node_ports=(30000, 30004), choose=choose)

    def attempt(self, request, body):
        before = self.cluster.state
        try:
            request(body)
        except ApiError:
            assert self.cluster.state is before

    @rule(name=NAMES, kind=TYPES, policy=POLICIES, ip=IPS, node_port=NODE_PORTS, local=st.booleans())
    def write(self, name, kind, policy, ip, node_port, local):
        spec = {"type": kind, "externalName": "x.y", "ports": [{"name": "p", "port": 80, "nodePort": node_port}]}
        if kind == "Headless":
            spec |= {"type": "ClusterIP", "clusterIP": "None"}
        elif ip and kind != "ExternalName":
            spec["clusterIP"] = ip
        if policy:
            spec["ipFamilyPolicy"] = policy
        if kind == "LoadBalancer" and local:
            spec["externalTrafficPolicy"] = "Local"
        if kind in {"ClusterIP", "Headless"}:
            del spec["ports"][0]["nodePort"]
        self.attempt(self.cluster.put, document("Service", name, spec=spec))

    @rule()
    def more_addresses(self):
        ranges = document("ServiceCIDR", "more", "networking.k8s.io/v1", spec={"cidrs": ["10.97.0.0/30"]})
        self.attempt(self.cluster.create, ranges)

    @rule(name=NAMES)
    def delete(self, name):
        if name in self.services():
            self.cluster.delete("Service", name)

    @invariant()
    def the_store_holds_exactly_what_the_services_show(self):
        if not hasattr(self, "cluster"):
            return
        ips, ports = {}, {}
        for name, spec in self.services().items():
            for ip in spec.get("clusterIPs", ()):
                if ip != "None":
                    assert ips.setdefault(ip, name) == name
            numbers = {port["nodePort"] for port in spec.get("ports", ()) if "nodePort" in port}
            numbers |= {spec["healthCheckNodePort"]} if "healthCheckNodePort" in spec else set()
            for port in numbers:
                assert ports.setdefault(port, name) == name
        assert {ip: key.name for ip, key in self.cluster.state.ips.items()} == ips
        assert {key.name for key in self.cluster.state.of("ipaddresses.networking.k8s.io")} == set(ips)
        assert {port: key.name for port, key in self.cluster.state.ports.items()} == ports

    def services(self):
        keys = self.cluster.state.of("services")
        return {key.name: self.cluster.stored("Service", key.name)["spec"] for key in keys}


TestAllocation = Allocation.TestCase
TestAllocation.settings = settings(max_examples=40, stateful_step_count=15)


class CountingAllocations:
    """The allocations of a state, and what was asked of them."""

    def __init__(self, state):
        self.state, self.asked = state, []

    def ip_owner(self, ip):
        self.asked.append(ip)
        return self.state.ip_owner(ip)

    def port_owner(self, port):
        self.asked.append(port)
        return self.state.port_owner(port)

    def of(self, resource):
        return self.state.of(resource)


def test_choosing_asks_for_one_owner_while_the_range_is_nearly_empty():
    cluster = Cluster(choose=lambda size: size // 2)
    for index in range(50):
        cluster.service(f"s{index}")
    allocations = CountingAllocations(cluster.state)
    body = document("Service", "web", spec={"type": "NodePort", "ports": [dict(HTTP)]})
    strategy = STRATEGIES["Service"]
    strategy.default(body)
    effects = strategy.allocate(body, None, Context("", allocations, lambda size: size // 3))
    assert tuple(allocations.asked) == (*effects.take_ips, *effects.take_ports)
    assert len(allocations.asked) == 2
