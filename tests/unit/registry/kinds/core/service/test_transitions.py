"""Changes of a Service: types, addresses, families, node ports; and immutable fields."""

import pytest

from fairlead.registry.bootstrap.cluster import ensure_service_cidr
from fairlead.registry.status import ApiError
from fairlead.registry.store import Step
from tests.support.service_requests import (
    FIRST_IP,
    FIRST_IP6,
    FIRST_PORT,
    HTTP,
    IPV4,
    IPV6,
    SECOND_IP,
    Cluster,
    document,
)

LB = {"type": "LoadBalancer"}
LB_LOCAL = LB | {"externalTrafficPolicy": "Local"}
NODE_PORT = {"type": "NodePort"}
CLUSTER_IP = {"type": "ClusterIP"}
ALIAS = {"type": "ExternalName", "externalName": "example.com"}
HEADLESS = {"clusterIP": "None"}
HEALTH_PORT = FIRST_PORT + 1
PORT_WITH = {"port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": FIRST_PORT}
PORT_WITHOUT = {"port": 80, "protocol": "TCP", "targetPort": 80}


def refused(cluster, name="web", code=422, **spec):
    before = cluster.state
    with pytest.raises(ApiError) as refusal:
        cluster.edit(name, **spec)
    assert refusal.value.code == code
    assert cluster.state is before
    return refusal.value.message


@pytest.mark.parametrize(
    ("first", "then", "expected", "held"),
    [
        (
            NODE_PORT,
            ALIAS,
            {
                "clusterIP": None,
                "clusterIPs": None,
                "ipFamilies": None,
                "ipFamilyPolicy": None,
                "externalTrafficPolicy": None,
                "ports": [PORT_WITHOUT],
            },
            set(),
        ),
        (
            LB_LOCAL | {"loadBalancerClass": "example.com/lb"},
            ALIAS,
            {
                "clusterIP": None,
                "allocateLoadBalancerNodePorts": None,
                "loadBalancerClass": None,
                "healthCheckNodePort": None,
                "externalTrafficPolicy": None,
                "internalTrafficPolicy": None,
                "ports": [PORT_WITHOUT],
            },
            set(),
        ),
        (
            CLUSTER_IP | {"publishNotReadyAddresses": True, "selector": {"a": "b"}},
            ALIAS,
            {"clusterIP": None, "publishNotReadyAddresses": True, "selector": {"a": "b"}},
            set(),
        ),
        (
            LB | {"loadBalancerClass": "example.com/lb"},
            NODE_PORT,
            {"loadBalancerClass": None, "allocateLoadBalancerNodePorts": None, "ports": [PORT_WITH]},
            {FIRST_IP, FIRST_PORT},
        ),
        (HEADLESS, ALIAS, {"clusterIP": None, "clusterIPs": None, "ipFamilyPolicy": None}, set()),
        (ALIAS, CLUSTER_IP, {"clusterIP": FIRST_IP, "externalName": "example.com"}, {FIRST_IP}),
        (ALIAS, CLUSTER_IP | HEADLESS, {"clusterIPs": ["None"], "ipFamilyPolicy": "RequireDualStack"}, set()),
        (ALIAS, NODE_PORT, {"clusterIP": FIRST_IP, "ports": [PORT_WITH]}, {FIRST_IP, FIRST_PORT}),
        (ALIAS, LB_LOCAL, {"healthCheckNodePort": HEALTH_PORT}, {FIRST_IP, FIRST_PORT, HEALTH_PORT}),
        (CLUSTER_IP, NODE_PORT, {"clusterIP": FIRST_IP, "ports": [PORT_WITH]}, {FIRST_IP, FIRST_PORT}),
        (
            NODE_PORT,
            LB,
            {"clusterIP": FIRST_IP, "ports": [PORT_WITH], "allocateLoadBalancerNodePorts": True},
            {FIRST_IP, FIRST_PORT},
        ),
        (NODE_PORT, CLUSTER_IP, {"ports": [PORT_WITHOUT], "externalTrafficPolicy": None}, {FIRST_IP}),
        (
            NODE_PORT | {"externalIPs": ["192.0.2.1"]},
            CLUSTER_IP,
            {"ports": [PORT_WITHOUT], "externalTrafficPolicy": "Cluster"},
            {FIRST_IP},
        ),
        (
            LB_LOCAL | {"loadBalancerClass": "example.com/lb"},
            CLUSTER_IP,
            {
                "allocateLoadBalancerNodePorts": None,
                "loadBalancerClass": None,
                "healthCheckNodePort": None,
                "externalTrafficPolicy": None,
                "ports": [PORT_WITHOUT],
            },
            {FIRST_IP},
        ),
        (
            LB_LOCAL,
            NODE_PORT,
            {"externalTrafficPolicy": "Local", "healthCheckNodePort": None, "ports": [PORT_WITH]},
            {FIRST_IP, FIRST_PORT},
        ),
        (LB_LOCAL, {"externalTrafficPolicy": "Cluster"}, {"healthCheckNodePort": None}, {FIRST_IP, FIRST_PORT}),
        (
            LB,
            {"externalTrafficPolicy": "Local"},
            {"healthCheckNodePort": HEALTH_PORT},
            {FIRST_IP, FIRST_PORT, HEALTH_PORT},
        ),
        (LB, {"allocateLoadBalancerNodePorts": False}, {"ports": [PORT_WITH]}, {FIRST_IP, FIRST_PORT}),
        (
            LB | {"allocateLoadBalancerNodePorts": False},
            {"ports": [{**HTTP, "nodePort": 30005}]},
            {"ports": [PORT_WITH | {"nodePort": 30005}]},
            {FIRST_IP, 30005},
        ),
        (
            NODE_PORT,
            {"ports": [{**HTTP, "nodePort": 30005}]},
            {"ports": [PORT_WITH | {"nodePort": 30005}]},
            {FIRST_IP, 30005},
        ),
        (LB | {"selector": {"a": "b"}}, CLUSTER_IP, {"selector": {"a": "b"}}, {FIRST_IP}),
    ],
)
def test_transitions(first, then, expected, held):
    cluster = Cluster()
    cluster.service(**first)
    stored = cluster.edit(**then)
    assert {field: stored.get(field) for field in expected} == expected
    assert cluster.held == held
    cluster.delete("Service", "web")
    assert cluster.held == set()


def test_releasing_the_node_ports_of_a_load_balancer_takes_them_off_each_port():
    cluster = Cluster()
    cluster.service(**LB)
    cluster.edit(allocateLoadBalancerNodePorts=False)
    ports = [{"name": "new-name", **HTTP}]
    assert "nodePort" not in cluster.edit(ports=ports)["ports"][0]
    assert cluster.held == {FIRST_IP}


def test_a_load_balancers_addresses_go_with_its_type():
    cluster = Cluster()
    cluster.service(**LB)
    body = cluster.stored("Service", "web") | {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    assert cluster.put(body, subresource="status")["status"]["loadBalancer"]["ingress"]
    cluster.edit(**NODE_PORT)
    assert cluster.stored("Service", "web")["status"] == {"loadBalancer": {}}


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        (NODE_PORT, ALIAS | {"clusterIP": "10.96.0.9"}, "spec.clusterIPs: Forbidden: may not be set for ExternalName"),
        (CLUSTER_IP, ALIAS | {"ipFamilies": ["IPv6"]}, "spec.ipFamilies: Forbidden: may not be set for ExternalName"),
        (CLUSTER_IP, ALIAS | {"ipFamilyPolicy": "PreferDualStack"}, "spec.ipFamilyPolicy: Forbidden: may not be set"),
        (NODE_PORT, CLUSTER_IP | {"ports": [{**HTTP, "nodePort": 30005}]}, "spec.ports[0].nodePort: Forbidden"),
        (
            LB,
            CLUSTER_IP | {"loadBalancerClass": "example.com/lb"},
            "spec.loadBalancerClass: Forbidden: may only be used",
        ),
        (LB, CLUSTER_IP | {"externalTrafficPolicy": "Local"}, "may only be set for externally-accessible services"),
        (LB_LOCAL, CLUSTER_IP | {"healthCheckNodePort": 30099}, "spec.healthCheckNodePort: Invalid value: 30099"),
        (
            LB,
            CLUSTER_IP | {"loadBalancerSourceRanges": ["10.0.0.0/8"]},
            "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
        ),
        (ALIAS | {"ports": []}, CLUSTER_IP, "spec.ports: Required value"),
    ],
)
def test_a_field_that_the_user_changes_is_not_wiped_but_refused(first, then, message):
    cluster = Cluster()
    cluster.service(**first)
    assert message in refused(cluster, **then)


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        ({}, {"clusterIP": "10.96.0.9"}, 'spec.clusterIPs[0]: Invalid value: ["10.96.0.9"]: may not change once set'),
        ({}, HEADLESS, 'spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set'),
        (
            HEADLESS | {"selector": {"a": "b"}},
            {"clusterIP": "10.96.0.9"},
            'spec.clusterIPs[0]: Invalid value: ["10.96.0.9"]: may not change once set',
        ),
        ({}, {"clusterIPs": ["10.96.0.9"]}, "first value must match `clusterIP`"),
        (LB, {"loadBalancerClass": "a/b"}, 'spec.loadBalancerClass: Invalid value: "a/b": may not change once set'),
        (
            LB | {"loadBalancerClass": "a/b"},
            {"loadBalancerClass": None},
            "spec.loadBalancerClass: Invalid value: null: may not change once set",
        ),
        (LB_LOCAL, {"healthCheckNodePort": 30099}, "spec.healthCheckNodePort: Forbidden: field is immutable"),
    ],
)
def test_immutable_fields_of_a_service(first, then, message):
    cluster = Cluster()
    cluster.service(**first)
    assert message in refused(cluster, **then)


def dual(**spec):
    cluster = Cluster(IPV4, IPV6)
    cluster.service(**{"ipFamilyPolicy": "RequireDualStack", **spec})
    return cluster


def test_the_primary_family_may_not_change():
    cluster = Cluster(IPV4, IPV6)
    cluster.service()
    # The address would have to change with it, and is what is complained of first.
    message = refused(cluster, ipFamilies=["IPv6"])
    assert 'spec.clusterIPs[0]: Invalid value: "10.96.1.1": expected an IPv6 value' in message


@pytest.mark.parametrize(
    ("then", "ips"),
    [
        ({"ipFamilyPolicy": "PreferDualStack"}, [FIRST_IP, FIRST_IP6]),
        ({"ipFamilyPolicy": "RequireDualStack"}, [FIRST_IP, FIRST_IP6]),
        (
            {"ipFamilyPolicy": "RequireDualStack", "clusterIPs": [FIRST_IP, "fd00:10:96::9"]},
            [FIRST_IP, "fd00:10:96::9"],
        ),
        ({"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv4", "IPv6"]}, [FIRST_IP, FIRST_IP6]),
    ],
)
def test_gaining_the_second_family_keeps_the_first_address(then, ips):
    cluster = Cluster(IPV4, IPV6)
    cluster.service()
    stored = cluster.edit(**then)
    assert (stored["clusterIPs"], stored["ipFamilies"]) == (ips, ["IPv4", "IPv6"])
    assert cluster.held == set(ips)


@pytest.mark.parametrize(
    "then",
    [
        {"ipFamilyPolicy": "SingleStack"},
        {"ipFamilyPolicy": "SingleStack", "clusterIPs": [FIRST_IP]},
        {"ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"]},
        {"ipFamilyPolicy": "SingleStack", "clusterIPs": [FIRST_IP], "ipFamilies": ["IPv4"]},
    ],
)
def test_losing_the_second_family_gives_its_address_back(then):
    cluster = dual()
    stored = cluster.edit(**then)
    assert (stored["clusterIPs"], stored["ipFamilies"]) == ([FIRST_IP], ["IPv4"])
    assert cluster.held == {FIRST_IP}


@pytest.mark.parametrize(
    ("then", "message"),
    [
        ({"clusterIPs": [FIRST_IP]}, "must be 'SingleStack' to release the secondary cluster IP"),
        ({"ipFamilies": ["IPv4"]}, "must be 'SingleStack' to release the secondary IP family"),
    ],
)
def test_the_second_family_goes_only_when_the_policy_says_so(then, message):
    path = 'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": '
    assert path + message in refused(dual(), **then)


def test_a_service_that_prefers_both_families_is_left_alone_when_the_cluster_changes():
    cluster = Cluster()
    cluster.service(ipFamilyPolicy="PreferDualStack")
    both = Cluster(IPV4, IPV6)
    both.state = ensure_service_cidr(Step(cluster.state), both.env).state
    assert both.edit(selector={"a": "b"})["clusterIPs"] == [FIRST_IP]
    assert both.edit(ipFamilyPolicy="RequireDualStack")["clusterIPs"] == [FIRST_IP, FIRST_IP6]


def test_an_alias_gives_both_addresses_back_and_comes_home_with_both():
    cluster = dual()
    cluster.edit(**ALIAS)
    assert cluster.held == set()
    back = cluster.edit(**CLUSTER_IP, ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv6", "IPv4"])
    assert back["clusterIPs"] == [FIRST_IP6, FIRST_IP]


def test_address_and_family_may_not_change_together_either():
    cluster = Cluster(IPV4, IPV6)
    cluster.service()
    message = refused(cluster, clusterIP="fd00:10:96::9", clusterIPs=["fd00:10:96::9"], ipFamilies=["IPv6"])
    for path in ("spec.clusterIPs[0]", "spec.ipFamilies[0]"):
        assert f'{path}: Invalid value: ["' in message
    assert message.count("may not change once set") == 2


def test_clearing_the_singular_restores_it():
    cluster = dual()
    assert cluster.edit(clusterIP=None)["clusterIP"] == FIRST_IP


def test_a_put_with_one_address_of_two():
    cluster = dual()
    body = document("Service", "web", spec={"ports": [HTTP], "clusterIP": FIRST_IP, "clusterIPs": [FIRST_IP]})
    with pytest.raises(ApiError, match="must be 'SingleStack' to release the secondary cluster IP"):
        cluster.put(body)
    body["spec"]["ipFamilyPolicy"] = "SingleStack"
    assert cluster.put(body)["spec"]["clusterIPs"] == [FIRST_IP]
    assert cluster.held == {FIRST_IP}


def test_none_and_an_address_change_places_by_way_of_external_name():
    cluster = Cluster()
    cluster.service()
    refused(cluster, **HEADLESS)
    cluster.edit(**ALIAS)
    assert cluster.held == set()
    assert cluster.edit(**CLUSTER_IP, **HEADLESS)["clusterIP"] == "None"
    refused(cluster, clusterIP="10.96.0.9")
    cluster.edit(**ALIAS)
    assert cluster.edit(**CLUSTER_IP, clusterIP="10.96.0.9")["clusterIPs"] == ["10.96.0.9"]
    assert cluster.held == {"10.96.0.9"}


MANIFESTS = [
    {"ports": [HTTP]},
    NODE_PORT | {"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]},
    NODE_PORT | {"ports": [{"name": "a", "port": 53}, {"name": "b", "port": 53, "protocol": "UDP"}]},
    LB_LOCAL | {"ports": [HTTP]},
    LB | {"ports": [{**HTTP, "nodePort": 30001}], "allocateLoadBalancerNodePorts": False},
    HEADLESS | {"ports": [HTTP]},
    HEADLESS | {"ports": [HTTP], "selector": {"a": "b"}},
    ALIAS,
    {"ports": [HTTP], "ipFamilyPolicy": "PreferDualStack"},
    {"ports": [HTTP], "ipFamilyPolicy": "RequireDualStack"},
    {"ports": [HTTP], "sessionAffinity": "ClientIP", "externalIPs": ["192.0.2.1"]},
]


@pytest.mark.parametrize("spec", MANIFESTS, ids=range(len(MANIFESTS)))
def test_the_manifest_of_the_first_day_changes_nothing(spec):
    cluster = Cluster(IPV4, IPV6)
    body = document("Service", "web", spec=spec)
    made = cluster.create(body)
    before = cluster.state
    assert cluster.put(body) == made
    assert cluster.state is before


def test_the_manifest_of_the_first_day_with_one_family_of_two_reads_as_giving_the_other_up():
    cluster = Cluster(IPV4, IPV6)
    spec = {"ports": [HTTP], "ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6"]}
    cluster.create(document("Service", "web", spec=spec))
    with pytest.raises(ApiError, match="must be 'SingleStack' to release the secondary IP family"):
        cluster.put(document("Service", "web", spec=spec))


def test_a_put_to_a_name_that_is_not_there_creates():
    cluster = Cluster()
    assert cluster.put(document("Service", "web", spec={"ports": [HTTP]}))["spec"]["clusterIP"] == FIRST_IP


def test_clearing_the_plural_restores_it():
    cluster = dual()
    assert cluster.edit(clusterIPs=None)["clusterIPs"] == [FIRST_IP, FIRST_IP6]


def test_an_update_takes_new_numbers_before_it_gives_old_ones_back():
    cluster = Cluster(node_ports=(30000, 30000))
    cluster.service(**NODE_PORT)
    # The only port is still held while the new one is looked for.
    assert "range is full" in refused(cluster, code=500, ports=[{"name": "new", "port": 81}])
    assert cluster.held == {FIRST_IP, 30000}


def test_the_ranges_of_two_services_never_meet():
    cluster = Cluster()
    cluster.service("one")
    assert cluster.service("two")["clusterIP"] == SECOND_IP
    cluster.delete("Service", "one")
    assert cluster.service("three")["clusterIP"] == FIRST_IP
