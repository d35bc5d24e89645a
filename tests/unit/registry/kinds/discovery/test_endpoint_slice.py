"""EndpointSlices, Endpoints and the address objects: what is filled in, refused, and shown."""
# ruff: noqa: E501 - a row of a table of refusals stays on one line, message and all

import pytest

from fairlead.model.names import ObjectKey
from fairlead.registry.kinds import STRATEGIES
from fairlead.registry.kinds.networking import ip_address, service_cidr
from fairlead.registry.status import ApiError
from tests.support.service_requests import NOW, Cluster, document

DISCOVERY = "discovery.k8s.io/v1"


def endpoint_slice(address_type="IPv4", **fields):
    endpoints = fields.pop("endpoints", [{"addresses": ["10.244.1.2"]}])
    return document("EndpointSlice", "s", DISCOVERY, addressType=address_type, endpoints=endpoints, **fields)


def endpoint(*addresses, **fields):
    return {"endpoints": [{"addresses": list(addresses) or ["10.244.1.2"], **fields}]}


def test_a_slice_gets_its_defaults():
    stored = Cluster().create(endpoint_slice(ports=[{"port": 80}]))
    assert stored["ports"] == [{"name": "", "port": 80, "protocol": "TCP"}]
    assert stored["endpoints"] == [{"addresses": ["10.244.1.2"], "conditions": {}}]
    assert stored["metadata"]["generation"] == 1


def test_the_lists_of_a_slice_are_always_there():
    stored = Cluster().create(document("EndpointSlice", "s", DISCOVERY, addressType="IPv4", endpoints=None))
    assert (stored["endpoints"], stored["ports"]) == ([], [])


HINT = {"name": "zone-a"}
NO_IPV4 = "must be a valid IPv4 address"
LOOPBACK = "may not be in the loopback range (127.0.0.0/8, ::1/128)"
FAULTS_OF_SLICES = [
    (endpoint_slice(""), "addressType: Required value"),
    (endpoint_slice("IPX"), 'addressType: Unsupported value: "IPX": supported values: "FQDN", "IPv4", "IPv6"'),
    (endpoint_slice(endpoints=[{}]), "endpoints[0].addresses: Required value: must contain at least 1 address"),
    (endpoint_slice(**endpoint(*["10.0.0.1"] * 101)), "endpoints[0].addresses: Too many: 101: must have at most 100 items"),
    (endpoint_slice(endpoints=[{"addresses": ["10.0.0.1"]}] * 1001), "endpoints: Too many: 1001: must have at most 1000 items"),
    (endpoint_slice(**endpoint("fd00::1")), f'endpoints[0].addresses[0]: Invalid value: "fd00::1": {NO_IPV4}'),
    (endpoint_slice(**endpoint("web")), f'endpoints[0].addresses[0]: Invalid value: "web": {NO_IPV4}'),
    (endpoint_slice(**endpoint("127.0.0.1")), f'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": {LOOPBACK}'),
    (endpoint_slice("IPv6"), 'endpoints[0].addresses[0]: Invalid value: "10.244.1.2": must be a valid IPv6 address'),
    (endpoint_slice("FQDN", **endpoint("web")), "should be a domain with at least two segments separated by dots"),
    (endpoint_slice(**endpoint(hostname="a.b")), 'endpoints[0].hostname: Invalid value: "a.b": must not contain dots'),
    (endpoint_slice(**endpoint(nodeName="N")), 'endpoints[0].nodeName: Invalid value: "N": a lowercase RFC 1123 subdomain'),
    (endpoint_slice(**endpoint(hints={"forZones": [HINT, HINT]})), 'endpoints[0].hints.forZones[1].name: Duplicate value: "zone-a"'),
    (endpoint_slice(**endpoint(hints={"forNodes": [HINT] * 9})), "endpoints[0].hints.forNodes: Too many: 9: must have at most 8 items"),
    (endpoint_slice(ports=[{"port": 1}, {"port": 2}]), 'ports[1].name: Duplicate value: ""'),
    (endpoint_slice(ports=[{"name": "A"}]), 'ports[0].name: Invalid value: "A": a lowercase RFC 1123 label'),
    (endpoint_slice(ports=[{"port": 0}]), "ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"),
    (endpoint_slice(ports=[{"protocol": "ICMP"}]), 'ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'),
    (endpoint_slice(ports=[{"appProtocol": "a b"}]), 'ports[0].appProtocol: Invalid value: "a b": name part'),
    (endpoint_slice(ports=[{"name": str(i)} for i in range(20001)]), "ports: Too many: 20001: must have at most 20000 items"),
]  # fmt: skip


def subset(*ports, **address):
    return {"addresses": [{"ip": "10.0.0.1", **address}], "ports": list(ports)}


def endpoints(*subsets):
    return document("Endpoints", "e", subsets=list(subsets))


FAULTS_OF_ENDPOINTS = [
    (endpoints({"ports": []}), "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"),
    (endpoints(subset(ip="x")), 'subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address'),
    (endpoints(subset(ip="127.0.0.1")), f'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": {LOOPBACK}'),
    (endpoints(subset(hostname="a.b")), 'subsets[0].addresses[0].hostname: Invalid value: "a.b"'),
    (endpoints(subset(nodeName="N")), 'subsets[0].addresses[0].nodeName: Invalid value: "N"'),
    (endpoints(subset({"port": 1}, {"port": 2})), "subsets[0].ports[0].name: Required value"),
    (endpoints(subset({"port": 0})), "subsets[0].ports[0].port: Invalid value: 0"),
    (endpoints(subset({"port": 1, "protocol": "X"})), 'subsets[0].ports[0].protocol: Unsupported value: "X"'),
    (endpoints(subset({"port": 1, "name": "A"})), 'subsets[0].ports[0].name: Invalid value: "A"'),
    (endpoints(subset({"port": 1, "appProtocol": "a b"})), 'subsets[0].ports[0].appProtocol: Invalid value: "a b"'),
]


@pytest.mark.parametrize(("body", "message"), [*FAULTS_OF_SLICES, *FAULTS_OF_ENDPOINTS])
def test_refusals(body, message):
    with pytest.raises(ApiError) as refusal:
        Cluster().create(body)
    assert refusal.value.code == 422
    assert message in refusal.value.message


def test_endpoints_get_their_defaults():
    stored = Cluster().create(endpoints(subset({"port": 80})))
    assert stored["subsets"][0]["ports"] == [{"port": 80, "protocol": "TCP"}]


def test_a_slice_keeps_its_family():
    cluster = Cluster()
    cluster.create(endpoint_slice())
    with pytest.raises(ApiError, match='addressType: Invalid value: "IPv6": field is immutable'):
        cluster.put(endpoint_slice("IPv6", endpoints=[]))


@pytest.mark.parametrize(
    ("change", "generation"),
    [
        ({"endpoints": []}, 2),
        ({"ports": [{"port": 80}]}, 2),
        ({"metadata": {"name": "s", "labels": {"a": "b"}}}, 2),
        ({"metadata": {"name": "s", "annotations": {"a": "b"}}}, 1),
        ({}, 1),
    ],
)
def test_a_slice_counts_the_changes_that_consumers_must_see(change, generation):
    cluster = Cluster()
    cluster.create(endpoint_slice())
    assert cluster.put(endpoint_slice() | change)["metadata"]["generation"] == generation


def address_faults(name, **spec):
    strategy = STRATEGIES["IPAddress"]
    faults = strategy.validate_create({"spec": spec}, None)
    return [*strategy.name_errors(name), *map(str, faults)]


def test_an_address_object_names_the_service_that_has_it():
    body = ip_address.for_service("fd00::a", ObjectKey("default", "web"))
    assert body["metadata"]["labels"] == {
        "ipaddress.kubernetes.io/ip-family": "IPv6",
        "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
    }
    assert address_faults("fd00::a", **body["spec"]) == []
    assert ip_address.row(body, NOW) == ["fd00::a", "services/default/web"]


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("10.0.0.1", []),
        ("fd00:0::a", ["not a valid ip in canonical format"]),
        ("web", ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]),
    ],
)
def test_an_address_object_is_named_for_its_address(name, faults):
    assert address_faults(name, parentRef={"resource": "services", "name": "web"}) == faults


def test_the_owner_of_an_address_object_is_immutable():
    assert address_faults("10.0.0.1") == ["spec.parentRef: Required value"]
    assert address_faults("10.0.0.1", parentRef={"resource": "services"}) == ["spec.parentRef.name: Required value"]
    one, two = (ip_address.for_service("10.0.0.1", ObjectKey("default", name)) for name in ("one", "two"))
    (fault,) = ip_address.validate_update(two, one, None)
    assert (fault.path, fault.detail) == ("spec.parentRef", "field is immutable")
    assert ip_address.row({"metadata": {"name": "x"}, "spec": {}}, NOW) == ["x", "<none>"]


BOTH = ["10.96.0.0/16", "fd00::/112"]
ONE_EACH = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"


@pytest.mark.parametrize(
    ("cidrs", "path", "detail"),
    [
        ([], "spec.cidrs", "at least one CIDR required"),
        (["10.0.0.0/8"] * 3, "spec.cidrs", "may only hold up to 2 values"),
        (["10.0.0.0/8", "11.0.0.0/8"], "spec.cidrs", ONE_EACH),
        (["10.0.0.0/8", "fd00::"], "spec.cidrs[1]", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
        (["10.0.0.1/8"], "spec.cidrs[0]", "must not have bits set beyond the prefix length"),
    ],
)
def test_ranges_that_make_no_sense(cidrs, path, detail):
    (fault,) = service_cidr.validate_create({"spec": {"cidrs": cidrs}}, None)
    assert (fault.path, fault.detail) == (path, detail)


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        (BOTH[:1], BOTH, None),
        (BOTH, BOTH, None),
        (BOTH, BOTH[:1], "spec.cidrs"),
        (BOTH[:1], ["10.97.0.0/16"], "spec.cidrs[0]"),
        (BOTH, ["10.96.0.0/16", "fd01::/112"], "spec.cidrs[1]"),
    ],
)
def test_ranges_only_gain_a_family(before, after, path):
    old, new = service_cidr.for_cluster(tuple(before)), {"spec": {"cidrs": after}}
    assert [fault.path for fault in service_cidr.validate_update(new, old, None)] == ([path] if path else [])


def test_the_ranges_of_the_cluster():
    body = service_cidr.for_cluster(tuple(BOTH))
    assert service_cidr.validate_create(body, None) == []
    body["metadata"]["creationTimestamp"] = NOW
    assert service_cidr.row(body, NOW) == ["kubernetes", "10.96.0.0/16,fd00::/112", "0s"]
