"""Requests that another server answers: to which node, Pod or endpoint they go, and which go nowhere."""

import pytest

from fairlead.registry.backend import BackendServer, proxyable
from fairlead.registry.status import ApiError
from tests.support.api_world import ApiWorld

PODS = "/api/v1/namespaces/default/pods"
SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
NODE = {
    "addresses": [
        {"type": "Hostname", "address": "n"},
        {"type": "InternalIP", "address": "192.0.2.11"},
        {"type": "InternalIP", "address": "2001:db8::11"},  # of no account: the first is where the node listens
    ]
}


def pod(name, *containers, node="node-1", **spec):
    described = [{"name": each, "image": "x"} for each in containers]
    return {"metadata": {"name": name}, "spec": {"containers": described, "nodeName": node, **spec}}


@pytest.fixture
def world():
    world = ApiWorld()
    world.do("POST", "/api/v1/nodes", {"metadata": {"name": "node-1"}})
    world.do("PATCH", "/api/v1/nodes/node-1/status", {"status": NODE}, content_type="application/merge-patch+json")
    world.do("POST", PODS, pod("one", "only"))
    world.do("POST", PODS, pod("two", "a", "b", initContainers=[{"name": "init", "image": "x"}]))
    world.do("POST", PODS, pod("waiting", "only", node=""))
    return world


ON_NODES = [
    ("GET", "one/log", "/containerLogs/default/one/only"),
    ("GET", "one/log?follow=true&tailLines=5&pretty=true", "/containerLogs/default/one/only?follow=true&tailLines=5"),
    ("GET", "two/log?container=b", "/containerLogs/default/two/b"),
    ("GET", "two/log?container=init", "/containerLogs/default/two/init"),
    ("POST", "one/exec?command=a&command=b+c&stdout=true", "/exec/default/one/only?command=a&command=b+c&output=1"),
    ("GET", "one/exec?command=a&stdin=true&stdout=1&stderr=false", "/exec/default/one/only?command=a&input=1&output=1"),
    ("POST", "one/exec?command=%26x%3D1&tty=true", "/exec/default/one/only?command=%26x%3D1&tty=1"),
    ("POST", "two/attach?container=a&stderr=true", "/attach/default/two/a?error=1"),
    ("POST", "one/portforward", "/portForward/default/one"),
    ("GET", "two/portforward?ports=80&ports=81&x=1", "/portForward/default/two?ports=80&ports=81"),
]


@pytest.mark.parametrize(("method", "url", "path"), ON_NODES)
def test_the_node_of_a_pod(world, method, url, path):
    assert world.ask(method, f"{PODS}/{url}") == BackendServer("https", "192.0.2.11", 10250, path, is_node=True)


NODES = "/api/v1/nodes"
OF_NODES = [
    ("node-1/proxy/healthz", BackendServer("https", "192.0.2.11", 10250, "/healthz", is_node=True)),
    ("node-1/proxy/logs/?x=1", BackendServer("https", "192.0.2.11", 10250, "/logs/?x=1", is_node=True)),
    ("node-1:10250/proxy/pods", BackendServer("https", "192.0.2.11", 10250, "/pods", is_node=True)),
    ("https:node-1:/proxy", BackendServer("https", "192.0.2.11", 10250, "/", is_node=True)),
    ("node-1:9100/proxy/metrics", BackendServer("http", "192.0.2.11", 9100, "/metrics")),
    ("https:node-1:9100/proxy/metrics", BackendServer("https", "192.0.2.11", 9100, "/metrics")),
]


@pytest.mark.parametrize(("url", "upstream"), OF_NODES)
def test_only_a_nodes_own_api_is_called_with_our_certificate(world, url, upstream):
    assert world.ask("GET", f"{NODES}/{url}") == upstream


@pytest.mark.parametrize(
    ("url", "code", "message"),
    [
        ("node-9/proxy/", 404, 'nodes "node-9" not found'),
        ("node-1:http/proxy/", 400, '"http" is not a port'),
        ("ftp:node-1:1/proxy/", 400, 'invalid node request "ftp:node-1:1"'),
    ],
)
def test_a_node_without_a_port(world, url, code, message):
    status = world.refused("GET", f"{NODES}/{url}")
    assert (status["code"], status["message"]) == (code, message)


def test_a_node_may_have_another_port(world):
    status = {"status": {"daemonEndpoints": {"kubeletEndpoint": {"Port": 1234}}}}
    world.do("PATCH", "/api/v1/nodes/node-1/status", status, content_type="application/merge-patch+json")
    assert world.ask("GET", f"{PODS}/one/log").port == 1234


NOWHERE = [
    ("nothing/log", 404, 'pods "nothing" not found'),
    ("one/log?container=x", 400, "container x is not valid for pod one"),
    (
        "two/exec?command=a",
        400,
        "a container name must be specified for pod two, choose one of: [a b] or one of the init containers: [init]",
    ),
    ("waiting/exec?command=a", 400, "pod waiting does not have a host assigned"),
    ("one/proxy", 400, "pod one does not have an address assigned"),
    ("a:b:c:d/proxy", 400, 'invalid pod request "a:b:c:d"'),
    ("ftp:one:80/proxy", 400, 'invalid pod request "ftp:one:80"'),
]


@pytest.mark.parametrize(("url", "code", "message"), NOWHERE)
def test_a_pod_without_a_node(world, url, code, message):
    status = world.refused("GET", f"{PODS}/{url}")
    assert (status["code"], status["message"]) == (code, message)


def test_a_pod_on_no_node_has_an_empty_log(world):
    assert world.ask("GET", f"{PODS}/waiting/log").body == b""


def test_a_node_without_an_address_cannot_be_asked(world):
    world.do("POST", "/api/v1/nodes", {"metadata": {"name": "node-2"}})
    world.do("POST", PODS, pod("lost", "only", node="node-2"))
    assert world.refused("GET", f"{PODS}/lost/log")["message"] == "node node-2 has no address"


def give_address(world, name, address):
    status = {"status": {"podIP": address, "podIPs": [{"ip": address}]}}
    world.do("PATCH", f"{PODS}/{name}/status", status, content_type="application/merge-patch+json")


POD_PROXIES = [
    ("one/proxy", ("http", 80, "/")),
    ("one/proxy/", ("http", 80, "/")),
    ("one:8080/proxy/a/b/?c=d&e", ("http", 8080, "/a/b/?c=d&e")),
    ("https:one:/proxy/a", ("https", 443, "/a")),
    ("https:one:8443/proxy/a%20b", ("https", 8443, "/a%20b")),
]


@pytest.mark.parametrize(("url", "expected"), POD_PROXIES)
def test_a_pod(world, url, expected):
    give_address(world, "one", "10.244.1.5")
    scheme, port, path = expected
    request = world.ask("GET", f"{PODS}/{url}".replace("%20", " "))
    assert request == BackendServer(scheme, "10.244.1.5", port, path)


def test_the_first_port_of_a_pod_is_meant_when_none_is_named(world):
    container = {"name": "c", "image": "x", "ports": [{"containerPort": 9090}]}
    world.do("POST", PODS, {"metadata": {"name": "ported"}, "spec": {"containers": [container]}})
    give_address(world, "ported", "10.244.1.6")
    assert world.ask("DELETE", f"{PODS}/ported/proxy/x").port == 9090


NOT_ONE_HOSTS = [
    "127.0.0.1",
    "127.9.9.9",
    "169.254.169.254",
    "::1",
    "fe80::1",
    "224.0.0.1",
    "0.0.0.0",
    "255.255.255.255",
]
NOT_ONE_HOSTS += ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::", "fe80::1%eth0", "ff02::1"]


@pytest.mark.parametrize("address", NOT_ONE_HOSTS)
def test_addresses_that_are_not_one_hosts_are_neither_taken_nor_connected_to(world, address):
    merge = "application/merge-patch+json"
    for status in ({"podIP": address}, {"podIP": address, "podIPs": [{"ip": address}]}, {"hostIP": address}):
        refused = world.refused("PATCH", f"{PODS}/one/status", {"status": status}, content_type=merge)
        assert refused["code"] == 422, status
        assert refused["details"]["causes"][0]["field"].startswith("status.")
    for type_ in ("InternalIP", "ExternalIP"):
        status = {"addresses": [{"type": type_, "address": address}]}
        assert (
            world.refused("PATCH", "/api/v1/nodes/node-1/status", {"status": status}, content_type=merge)["code"] == 422
        )
        body = {"metadata": {"name": "node-3"}, "status": status}
        assert world.refused("POST", "/api/v1/nodes", body)["code"] == 422
    with pytest.raises(ApiError, match=r"address not allowed|is not an IP address"):
        proxyable(address)  # of an object that was stored before its addresses were looked at


@pytest.mark.parametrize(
    ("status", "field"),
    [
        ({"podIP": "10.1.1.1", "podIPs": [{"ip": "10.1.1.2"}]}, "status.podIPs[0].ip"),
        ({"podIP": "10.1.1.1", "podIPs": [{"ip": "10.1.1.1"}, {"ip": "10.1.1.2"}]}, "status.podIPs"),
        ({"podIP": "somewhere"}, "status.podIP"),
    ],
)
def test_addresses_of_a_pod_fit_together(world, status, field):
    refused = world.refused(
        "PATCH", f"{PODS}/one/status", {"status": status}, content_type="application/merge-patch+json"
    )
    assert [cause["field"] for cause in refused["details"]["causes"]] == [field]


def test_a_host_name_of_a_node_is_no_address(world):
    status = {
        "addresses": [{"type": "Hostname", "address": "localhost"}, {"type": "InternalIP", "address": "10.1.1.1"}]
    }
    world.do("PATCH", "/api/v1/nodes/node-1/status", {"status": status}, content_type="application/merge-patch+json")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_is_passed_on(world, method):
    give_address(world, "one", "10.244.1.5")
    assert world.ask(method, f"{PODS}/one:80/proxy/x").path == "/x"


@pytest.fixture
def service(world):
    ports = [{"name": "http", "port": 80}, {"name": "admin", "port": 81}]
    world.do("POST", SERVICES, {"metadata": {"name": "web"}, "spec": {"ports": ports}})
    world.do("POST", SERVICES, {"metadata": {"name": "single"}, "spec": {"ports": [{"port": 80}]}})
    return world


def publish(world, service, endpoints, ports):
    slice_ = {
        "metadata": {"name": f"{service}-1", "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    }
    world.do("POST", SLICES, slice_)


READY = [{"addresses": ["10.244.1.5"]}, {"addresses": ["10.244.1.6"], "conditions": {"ready": True}}]
UNREADY = [{"addresses": ["10.244.1.7"], "conditions": {"ready": False}}]


def test_a_service_goes_to_its_ready_endpoints_in_turn(service):
    ports = [{"name": "http", "port": 8080, "protocol": "TCP"}, {"name": "admin", "port": 9090, "protocol": "TCP"}]
    publish(service, "web", READY + UNREADY, ports)
    asked = [service.ask("GET", f"{SERVICES}/web:http/proxy/") for _ in range(4)]
    assert {upstream.host for upstream in asked} == {"10.244.1.5", "10.244.1.6"}
    assert {upstream.port for upstream in asked} == {8080}
    assert service.ask("GET", f"{SERVICES}/web:81/proxy/").port == 9090
    assert service.ask("GET", f"{SERVICES}/https:web:81/proxy/").scheme == "https"


def test_a_service_with_one_port_needs_no_name_for_it(service):
    publish(service, "single", READY, [{"port": 8080, "protocol": "TCP"}])
    assert service.ask("GET", f"{SERVICES}/single/proxy/x").path == "/x"


NO_ENDPOINT = [
    ("single", 'no endpoints available for service "single"'),
    ("web", 'no service port "" found for service "web"'),
    ("web:82", 'no service port "82" found for service "web"'),
]


@pytest.mark.parametrize(("name", "message"), NO_ENDPOINT)
def test_a_service_that_no_node_announces(service, name, message):
    publish(service, "single", UNREADY, [{"port": 8080, "protocol": "TCP"}])
    status = service.refused("GET", f"{SERVICES}/{name}/proxy/")
    assert (status["code"], status["reason"], status["message"]) == (503, "ServiceUnavailable", message)
