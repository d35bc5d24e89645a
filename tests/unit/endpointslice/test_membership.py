"""Which Pods are endpoints, and the fields of these."""

import pytest

from fairlead.endpointslice.membership import families_of, find_members, is_selected, resolve_ports, selects_pods
from fairlead.model.addresses import IPFamily
from tests.support.cluster_objects import make_node, make_pod, make_service

NODES = {"node-0": make_node(zone="z1")}
DELETED = {"deletionTimestamp": "2026-01-01T00:00:00Z"}


def only_endpoint(service, pod, nodes=NODES, family=IPFamily.IPV4):
    (member,) = find_members(service, [pod], nodes, family).members
    return member.endpoint


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        pytest.param(make_pod("p"), True, id="running and ready"),
        pytest.param(make_pod("p", ready=False), True, id="unready Pods belong, as not ready"),
        pytest.param(make_pod("p", metadata=DELETED), True, id="terminating Pods belong"),
        pytest.param(make_pod("p", phase="Pending"), True, id="pending with an address"),
        pytest.param(make_pod("p", []), False, id="no address yet"),
        pytest.param(make_pod("p", phase="Succeeded"), False, id="finished well"),
        pytest.param(make_pod("p", phase="Failed"), False, id="finished badly"),
        pytest.param(make_pod("p", labels={"app": "other"}), False, id="another label value"),
        pytest.param(make_pod("p", labels={}), False, id="no label"),
        pytest.param(make_pod("p", labels={"app": "web", "x": "y"}), True, id="more labels than asked for"),
        pytest.param(make_pod("p", metadata={"namespace": "other"}), False, id="another namespace"),
    ],
)
def test_selection(pod, expected):
    assert is_selected(make_service(), pod) is expected


@pytest.mark.parametrize(
    ("ready", "deleted", "publish", "expected"),
    [  # expected: ready, serving, terminating
        (True, False, False, (True, True, False)),
        (False, False, False, (False, False, False)),
        (True, True, False, (False, True, True)),
        (False, True, False, (False, False, True)),
        (False, False, True, (True, False, False)),
        (True, True, True, (True, True, True)),
        (False, True, True, (True, False, True)),
    ],
)
def test_conditions(ready, deleted, publish, expected):
    pod = make_pod("p", ready=ready, metadata=DELETED if deleted else {})
    conditions = only_endpoint(make_service(publishNotReadyAddresses=publish), pod).conditions
    assert (conditions.ready, conditions.serving, conditions.terminating) == expected


def test_an_endpoint_names_its_pod_node_and_zone():
    endpoint = only_endpoint(make_service(), make_pod("p", "10.244.0.9"))
    assert endpoint.addresses == ("10.244.0.9",)
    assert (endpoint.node_name, endpoint.zone) == ("node-0", "z1")
    target = endpoint.target_ref
    assert (target.kind, target.namespace, target.name, target.uid) == ("Pod", "default", "p", "uid-p")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"hostname": "db-0", "subdomain": "web"}, "db-0"),
        ({"hostname": "db-0", "subdomain": "other"}, None),
        ({"hostname": "db-0"}, None),
        ({"subdomain": "web"}, None),
    ],
)
def test_a_host_name_is_published_only_by_the_subdomains_service(spec, expected):
    assert only_endpoint(make_service(), make_pod("p", **spec)).hostname == expected


@pytest.mark.parametrize(("publish", "expected"), [(False, []), (True, ["p"])])
def test_a_pod_on_a_missing_node(publish, expected):
    found = find_members(make_service(publishNotReadyAddresses=publish), [make_pod("p")], {}, IPFamily.IPV4)
    assert [member.endpoint.target_ref.name for member in found.members] == expected
    assert found.missing_nodes == {"node-0"}


def test_each_family_has_the_addresses_of_its_own():
    pod = make_pod("p", ["10.244.0.5", "fd00::5"])
    assert only_endpoint(make_service(), pod).addresses == ("10.244.0.5",)
    assert only_endpoint(make_service(), pod, family=IPFamily.IPV6).addresses == ("fd00::5",)
    assert find_members(make_service(), [make_pod("p", "10.0.0.1")], NODES, IPFamily.IPV6).members == ()


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"ipFamilies": ["IPv6", "IPv4"]}, (IPFamily.IPV6, IPFamily.IPV4)),
        ({"ipFamilies": [], "clusterIP": "fd00::1", "clusterIPs": ["fd00::1"]}, (IPFamily.IPV6,)),
        ({"ipFamilies": [], "clusterIP": "None", "clusterIPs": ["None"]}, (IPFamily.IPV4, IPFamily.IPV6)),
    ],
)
def test_families(spec, expected):
    assert families_of(make_service(**spec)) == expected


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (make_service(), True),
        (make_service(selector={}), False),
        (make_service(type="ExternalName", clusterIP="", clusterIPs=[]), False),
    ],
)
def test_services_that_select(service, expected):
    assert selects_pods(service) is expected


NAMED = {"containers": [{"name": "a", "ports": [{"name": "http", "containerPort": 8081}]}]}
SIDECAR = {"initContainers": [{"name": "s", "restartPolicy": "Always", **NAMED["containers"][0]}]}
INIT_ONLY = {"initContainers": [{"name": "s", **NAMED["containers"][0]}]}
UDP = {"containers": [{"name": "a", "ports": [{"name": "http", "containerPort": 8081, "protocol": "UDP"}]}]}


@pytest.mark.parametrize(
    ("target", "spec", "expected"),
    [
        pytest.param({"targetPort": 9}, {}, [9], id="a number"),
        pytest.param({}, {}, [80], id="left out: the Service's own"),
        pytest.param({"targetPort": "http"}, NAMED, [8081], id="a container's name for it"),
        pytest.param({"targetPort": "http"}, SIDECAR, [8081], id="a sidecar's name for it"),
        pytest.param({"targetPort": "http"}, INIT_ONLY, [], id="an init container's port does not last"),
        pytest.param({"targetPort": "http"}, UDP, [], id="the name stands for another protocol"),
        pytest.param({"targetPort": "nope"}, NAMED, [], id="an unknown name drops the port"),
    ],
)
def test_target_ports(target, spec, expected):
    service = make_service(ports=[{"name": "p", "port": 80, **target}])
    assert [port.port for port in resolve_ports(service, make_pod("p", **spec))] == expected
