"""The traps of the Service API: what surprises those who know its fields but not its history. One test each.

All requests go the way of a client's: method, URL, media types and JSON in, a document out.
"""

import json

import pytest

from fairlead.endpointslice.documents import slice_document
from fairlead.endpointslice.reconcile import reconcile_slices
from fairlead.model.decode import decode
from fairlead.model.objects import Service
from fairlead.registry.strategy import ClusterConfig
from tests.support.api_world import ApiWorld

NAMESPACE = "/api/v1/namespaces/default"
SERVICES = f"{NAMESPACE}/services"
WEB = f"{SERVICES}/web"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
STRATEGIC = "application/strategic-merge-patch+json"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
DUAL = ClusterConfig(("10.96.0.0/16", "fd00:10:96::/112"))

NODE_PORT = {"type": "NodePort"}
DNS = [{"name": "udp", "port": 53, "protocol": "UDP"}, {"name": "tcp", "port": 53, "protocol": "TCP"}]


@pytest.fixture
def world():
    return ApiWorld()


def manifest(name="web", **spec):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": [{"port": 80}], **spec},
    }


def edit(world, **changes):
    return world.do("PATCH", WEB, {"spec": changes}, content_type=MERGE)["spec"]


def refused(world, **changes):
    return world.refused("PATCH", WEB, {"spec": changes}, content_type=MERGE)["message"]


def node_ports(spec):
    return [port.get("nodePort") for port in spec["ports"]]


def test_a_none_and_an_address_change_places_only_by_way_of_an_alias(world):
    address = world.do("POST", SERVICES, manifest(selector={"app": "web"}))["spec"]["clusterIP"]
    assert "may not change once set" in refused(world, clusterIP="None", clusterIPs=["None"])
    alias = edit(world, type="ExternalName", externalName="example.com")
    assert "clusterIP" not in alias
    assert edit(world, type="ClusterIP", clusterIP="None")["clusterIPs"] == ["None"]
    assert "may not change once set" in refused(world, clusterIP=address, clusterIPs=[address])
    edit(world, type="ExternalName")
    assert edit(world, type="ClusterIP", clusterIP=address)["clusterIPs"] == [address]


def test_b_the_first_days_manifest_may_be_put_again(world):
    made = world.do("POST", SERVICES, manifest(**NODE_PORT))
    assert world.do("PUT", WEB, manifest(**NODE_PORT)) == made
    assert node_ports(made["spec"]) != [None]


def test_c_one_address_of_two_needs_the_policy_that_gives_the_other_up():
    world = ApiWorld(cluster=DUAL)
    made = world.do("POST", SERVICES, manifest(ipFamilyPolicy="RequireDualStack"))["spec"]
    first = made["clusterIPs"][0]
    one = manifest(clusterIP=first, clusterIPs=[first])
    message = world.refused("PUT", WEB, one)["message"]
    assert "must be 'SingleStack' to release the secondary cluster IP" in message
    one["spec"]["ipFamilyPolicy"] = "SingleStack"
    left = world.do("PUT", WEB, one)["spec"]
    assert (left["clusterIPs"], left["ipFamilies"]) == ([first], ["IPv4"])
    assert made["clusterIPs"][1] not in world.state.ips


def test_d_tcp_and_udp_share_a_node_port_on_create_and_not_on_update(world):
    created = world.do("POST", SERVICES, manifest("both", **NODE_PORT, ports=DNS))["spec"]
    assert len(set(node_ports(created))) == 1
    world.do("POST", SERVICES, manifest(**NODE_PORT, ports=DNS[:1]))
    grown = edit(world, ports=DNS)
    assert len(set(node_ports(grown))) == 2
    number = node_ports(grown)[0]
    shared = edit(world, ports=[{**port, "nodePort": number} for port in DNS])
    assert node_ports(shared) == [number, number]


def test_e_a_health_check_node_port_that_is_taken_is_an_internal_error(world):
    number = node_ports(world.do("POST", SERVICES, manifest("other", **NODE_PORT))["spec"])[0]
    local = manifest(type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=number)
    status = world.refused("POST", SERVICES, local)
    assert (status["code"], status["reason"]) == (500, "InternalError")
    reason = f"failed to allocate requested HealthCheck NodePort {number}: provided port is already allocated"
    assert reason in status["message"]


def test_f_headless_without_selector_shows_both_families_on_a_cluster_of_one(world):
    spec = world.do("POST", SERVICES, manifest(clusterIP="None"))["spec"]
    assert (spec["ipFamilies"], spec["ipFamilyPolicy"]) == (["IPv4", "IPv6"], "RequireDualStack")
    selecting = world.do("POST", SERVICES, manifest("selecting", clusterIP="None", selector={"a": "b"}))["spec"]
    assert (selecting["ipFamilies"], selecting["ipFamilyPolicy"]) == (["IPv4"], "SingleStack")


def test_g_delete_answers_with_the_service_and_not_with_a_status(world):
    made = world.do("POST", SERVICES, manifest())
    gone = world.do("DELETE", WEB)
    assert gone["kind"] == "Service"
    assert gone["spec"] == made["spec"]
    world.do("POST", f"{NAMESPACE}/configmaps", {"metadata": {"name": "c"}})
    status = world.do("DELETE", f"{NAMESPACE}/configmaps/c")
    assert (status["kind"], status["status"], status["details"]["name"]) == ("Status", "Success", "c")


def test_h_a_service_that_selects_nothing_has_one_empty_slice_for_each_family():
    world = ApiWorld(cluster=DUAL)
    body = manifest(selector={"app": "none"}, ipFamilyPolicy="RequireDualStack")
    service = decode(Service, json.dumps(world.do("POST", SERVICES, body)))
    for slice_ in reconcile_slices(service, [], {}, []).creates:
        world.do("POST", SLICES, slice_document(slice_))
    slices = world.do("GET", f"{SLICES}?labelSelector=kubernetes.io/service-name=web")["items"]
    # Lists and not null, which the official Python client refuses to read.
    assert [(s["addressType"], s["endpoints"], s["ports"]) for s in slices] == [("IPv4", [], []), ("IPv6", [], [])]
    assert all(s["metadata"]["name"].startswith("web-") for s in slices)


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("sendInitialEvents=true", "sendInitialEvents", "sendInitialEvents is forbidden for list"),
        (
            "watch=1&sendInitialEvents=true",
            "resourceVersionMatch",
            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        (
            "watch=1&resourceVersionMatch=NotOlderThan",
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
    ],
)
def test_i_initial_events_that_cannot_be_sent_are_refused_as_invalid(world, query, field, message):
    """With any other code than 422 an informer does not fall back to a list."""
    status = world.refused("GET", f"{SERVICES}?{query}")
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["details"] | {"causes": None} == {"group": "meta.k8s.io", "kind": "ListOptions", "causes": None}
    assert status["details"]["causes"][0]["field"] == field
    assert f"{field}: Forbidden: {message}" in status["message"]


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_j_aggregated_discovery_says_in_its_content_type_that_it_is(world, path):
    """Else kubectl reads it as the plain form, and finds nothing."""
    wanted = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    found = world.ask("GET", path, accept=f"{wanted},application/json")
    assert found.content_type == wanted
    assert json.loads(found.body)["kind"] == "APIGroupDiscoveryList"
    plain = world.ask("GET", path, accept="application/json")
    assert plain.content_type == "application/json"
    assert json.loads(plain.body)["kind"] in ("APIVersions", "APIGroupList")


def test_k_the_addresses_of_a_load_balancer_go_with_its_type(world):
    world.do("POST", SERVICES, manifest(type="LoadBalancer"))
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    assert world.do("PATCH", f"{WEB}/status", status, content_type=MERGE)["status"]["loadBalancer"]["ingress"]
    edit(world, type="ClusterIP")
    assert world.do("GET", WEB)["status"] == {"loadBalancer": {}}


def test_l_a_watch_by_selector_shows_departures_as_deleted_and_arrivals_as_added(world):
    world.do("POST", SERVICES, {**manifest(), "metadata": {"name": "web", "labels": {"app": "web"}}})
    stream = world.ask("GET", f"{SERVICES}?watch=1&labelSelector=app=web&resourceVersion={world.state.version}")
    for label in ("other", "web", None):
        world.do("PATCH", WEB, {"metadata": {"labels": {"app": label}}}, content_type=MERGE)
    world.do("DELETE", WEB)
    seen = world.events(stream)
    assert [type_ for type_, _ in seen] == ["DELETED", "ADDED", "DELETED"]
    assert [document["metadata"]["labels"] for _, document in seen] == [{"app": "web"}] * 3
    by_type = world.ask("GET", f"{SERVICES}?watch=1&fieldSelector=spec.type=NodePort")
    world.do("POST", SERVICES, manifest())
    edit(world, **NODE_PORT)
    edit(world, type="ClusterIP")
    assert [type_ for type_, _ in world.events(by_type)] == ["ADDED", "DELETED"]


def test_m_a_strategic_merge_knows_ports_by_number_alone_and_server_side_apply_by_protocol_too(world):
    world.do("POST", SERVICES, manifest(ports=DNS))
    moved = {"spec": {"ports": [{"port": 53, "protocol": "TCP", "targetPort": 5353}]}}
    status = world.refused("PATCH", WEB, moved, content_type=STRATEGIC)
    # The UDP port, which is the first of that number, has become TCP, and there were one already.
    assert {cause["reason"] for cause in status["details"]["causes"]} == {"FieldValueDuplicate"}
    applied = manifest(ports=[DNS[0], {**DNS[1], "targetPort": 5353}])
    world.do("PATCH", f"{WEB}?fieldManager=me&force=true", applied, content_type=APPLY)
    ports = world.do("GET", WEB)["spec"]["ports"]
    assert [(port["protocol"], port["targetPort"]) for port in ports] == [("UDP", 53), ("TCP", 5353)]


def test_n_the_order_of_a_merged_list_is_the_one_that_the_patch_names(world):
    ports = [{"name": name, "port": number} for name, number in (("a", 1), ("b", 2), ("c", 3))]
    world.do("POST", SERVICES, manifest(ports=ports))
    order = [{"port": 4}, {"port": 3}, {"port": 1}]
    changed = [{"port": 4, "name": "d"}, {"port": 2, "$patch": "delete"}]
    patch = {"spec": {"$setElementOrder/ports": order, "ports": changed}}
    spec = world.do("PATCH", WEB, patch, content_type=STRATEGIC)["spec"]
    assert [port["name"] for port in spec["ports"]] == ["d", "c", "a"]
    only_the_order = {"spec": {"$setElementOrder/ports": [{"port": 1}, {"port": 3}, {"port": 4}]}}
    spec = world.do("PATCH", WEB, only_the_order, content_type=STRATEGIC)["spec"]
    assert [port["name"] for port in spec["ports"]] == ["a", "c", "d"]
