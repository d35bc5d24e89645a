"""Which endpoints a node uses for a service port, case by case."""

import pytest

from fairlead.dataplane.endpoints import ProxyPlace, candidates, categorize
from fairlead.dataplane.service_ports import forwarded_ports
from fairlead.model.addresses import IPFamily
from tests.support.proxy_objects import endpoint, endpoint_slice, service

EXTERNAL_LOCAL = {"type": "LoadBalancer", "ports": (("http", 80, "TCP", 30080),), "externalTrafficPolicy": "Local"}
INTERNAL_LOCAL = {"internalTrafficPolicy": "Local"}


def hinted(address, zone=None, node=None, **fields):
    hints = {}
    if zone:
        hints["forZones"] = [{"name": zone}]
    if node:
        hints["forNodes"] = [{"name": node}]
    return endpoint(address, hints=hints, **fields)


# name, policy, endpoints, zone of this node -> last octets of cluster endpoints, of local ones, any usable at all
CASES = [
    ("none", {}, [], None, [], [], False),
    ("all ready", {}, [("1", "here", "ready"), ("2", "there", "ready")], None, [1, 2], [], True),
    ("an unready one is left out", {}, [("1", "here", "unready"), ("2", "there", "ready")], None, [2], [], True),
    ("a draining one is left out", {}, [("1", "here", "draining"), ("2", "there", "ready")], None, [2], [], True),
    ("only draining ones", {}, [("1", "here", "draining"), ("2", "there", "dying")], None, [1], [], True),
    ("only dying ones", {}, [("1", "here", "dying")], None, [], [], False),
    (
        "local and cluster fall back each on its own",
        EXTERNAL_LOCAL,
        [("1", "here", "draining"), ("2", "there", "ready")],
        None,
        [2],
        [1],
        True,
    ),
    ("external policy Local, none here", EXTERNAL_LOCAL, [("2", "there", "ready")], None, [2], [], True),
    ("a remote draining one counts as any", EXTERNAL_LOCAL, [("2", "there", "draining")], None, [2], [], True),
    (
        "internal policy Local needs no cluster endpoints",
        INTERNAL_LOCAL,
        [("1", "here", "ready"), ("2", "there", "ready")],
        None,
        [],
        [1],
        True,
    ),
    ("internal policy Local, none here", INTERNAL_LOCAL, [("2", "there", "ready")], None, [], [], True),
]


def categorized(policy, endpoints, zone=None):
    place = ProxyPlace("here", zone)
    (port,) = forwarded_ports(service(**policy), IPFamily.IPV4)
    return categorize(port, candidates(port, [endpoint_slice(endpoints)], IPFamily.IPV4, place), place)


def octets(targets):
    return [int(t.address.rpartition(".")[2]) for t in targets]


@pytest.mark.parametrize(
    ("policy", "listed", "zone", "cluster", "local", "any_"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_conditions_and_policies(policy, listed, zone, cluster, local, any_):
    found = categorized(policy, [endpoint(f"10.0.0.{n}", where, state=state) for n, where, state in listed], zone)
    assert (octets(found.cluster), octets(found.local), found.has_any) == (cluster, local, any_)


HINT_CASES = [
    ("own zone", [("1", "a", None), ("2", "b", None), ("3", "a", None)], "a", [1, 3]),
    ("one hint is missing", [("1", "a", None), ("2", None, None)], "a", [1, 2]),
    ("this node has no zone", [("1", "a", None), ("2", "b", None)], None, [1, 2]),
    ("nothing for this zone", [("1", "a", None), ("2", "b", None)], "c", [1, 2]),
    ("own node before own zone", [("1", "a", "here"), ("2", "a", "there")], "a", [1]),
    ("nothing for this node: its zone", [("1", "a", "there"), ("2", "b", "elsewhere")], "a", [1]),
    ("one node hint is missing: its zone", [("1", "a", "here"), ("2", "a", None), ("3", "b", None)], "a", [1, 2]),
]


@pytest.mark.parametrize(("listed", "zone", "cluster"), [c[1:] for c in HINT_CASES], ids=[c[0] for c in HINT_CASES])
def test_hints(listed, zone, cluster):
    found = categorized({}, [hinted(f"10.0.0.{n}", z, n_) for n, z, n_ in listed], zone)
    assert octets(found.cluster) == cluster


def test_hints_do_not_hold_for_endpoints_that_are_draining():
    found = categorized({}, [hinted("10.0.0.1", "a", state="draining"), hinted("10.0.0.2", "b", state="draining")], "a")
    assert octets(found.cluster) == [1, 2]


def test_hints_do_not_hold_for_a_local_policy():
    found = categorized(EXTERNAL_LOCAL, [hinted("10.0.0.1", "b"), hinted("10.0.0.2", "a", node=None)], "a")
    assert octets(found.local) == [1, 2]
    assert octets(found.cluster) == [2]


def test_of_an_address_listed_twice_the_one_that_is_not_terminating_counts():
    found = categorized({}, [endpoint("10.0.0.1", state="dying"), endpoint("10.0.0.1")])
    assert octets(found.cluster) == [1]


TWICE = [
    ("the last in a slice", [["ready", "unready"]], []),
    ("the last in a slice, again", [["unready", "ready"]], [1]),
    ("the last by the slices' names", [["unready"], ["ready"]], [1]),
    ("the last by the slices' names, again", [["ready"], ["unready"]], []),
    ("none that terminates before one that does not", [["ready"], ["dying"]], [1]),
    ("the last of those that terminate", [["dying"], ["draining"]], [1]),
]


@pytest.mark.parametrize(("states", "expected"), [c[1:] for c in TWICE], ids=[c[0] for c in TWICE])
@pytest.mark.parametrize("turn", [1, -1], ids=["as they come", "the other way round"])
def test_of_an_address_listed_twice_counts(states, expected, turn):
    """As with kube-proxy within a slice; between slices, where that takes either, always the same."""
    slices = [
        endpoint_slice([endpoint("10.0.0.1", state=state) for state in listed], name=f"web-{number}")
        for number, listed in enumerate(states)
    ]
    (port,) = forwarded_ports(service(), IPFamily.IPV4)
    place = ProxyPlace("here", None)
    found = categorize(port, candidates(port, slices[::turn], IPFamily.IPV4, place), place)
    assert octets(found.cluster) == expected


def test_the_port_is_found_by_name_and_protocol():
    (tcp, udp) = forwarded_ports(service(ports=(("dns", 53, "TCP"), ("dns", 53, "UDP"))), IPFamily.IPV4)
    slices = [endpoint_slice([endpoint("10.0.0.1")], ports=(("dns", 5353, "TCP"), ("dns", 53, "UDP")))]
    place = ProxyPlace("here", None)
    ports = [[c.target.port for c in candidates(p, slices, IPFamily.IPV4, place)] for p in (tcp, udp)]
    assert ports == [[5353], [53]]


SKIPPED = [
    ("headless", {"ip": "None"}),
    ("of another proxy", {"labels": {"service.kubernetes.io/service-proxy-name": "other"}}),
    ("marked headless", {"labels": {"service.kubernetes.io/headless": ""}}),
    ("external name", {"type": "ExternalName"}),
    ("without a virtual IP", {"ip": ""}),
    ("of the other family", {"ip": "fd00::10"}),
]


@pytest.mark.parametrize("fields", [c[1] for c in SKIPPED], ids=[c[0] for c in SKIPPED])
def test_services_that_are_not_forwarded(fields):
    assert forwarded_ports(service(**fields), IPFamily.IPV4) == ()


def test_addresses_of_load_balancers_and_their_sources():
    ingress = [{"ip": "1.2.3.4"}, {"ip": "1.2.3.5", "ipMode": "Proxy"}, {"hostname": "lb"}, {"ip": "fd00::1"}]
    (port,) = forwarded_ports(
        service(
            status={"loadBalancer": {"ingress": ingress}},
            loadBalancerSourceRanges=[" 10.0.0.0/8 ", "192.168.000.0/24", "fd00::/8"],
            externalIPs=["1.2.3.6", "fd00::2"],
        ),
        IPFamily.IPV4,
    )
    assert port.load_balancer_ips == ("1.2.3.4",)
    assert port.source_ranges == ("10.0.0.0/8", "192.168.0.0/24")
    assert port.external_ips == ("1.2.3.6",)


def test_a_range_of_all_addresses_is_no_limit():
    (port,) = forwarded_ports(service(loadBalancerSourceRanges=["10.0.0.0/8", "0.0.0.0/0"]), IPFamily.IPV4)
    assert port.source_ranges == ()
