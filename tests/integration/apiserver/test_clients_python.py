"""The Python clients that people use, against the API server: the official one, kr8s and lightkube.

Each test works in a namespace of its own. A version that is too old for a watch is made by starting the server anew:
what came before its start is in no log.
"""

import itertools
import threading
from contextlib import closing

import kr8s
import lightkube
import pytest
from kr8s._async_utils import as_sync_func
from kubernetes import client, config, dynamic, watch
from kubernetes.dynamic.exceptions import ConflictError, ResourceNotFoundError
from kubernetes.informer import SharedInformer
from kubernetes.utils import create_from_dict
from lightkube import codecs
from lightkube.core.exceptions import ApiError, ConditionError, LoadResourceError
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.core_v1 import ServicePort, ServiceSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Namespace, Pod, Service
from lightkube.types import OnErrorAction, OnErrorResult, PatchType

from tests.support.api_servers import running_api_server, wait_until

# kr8s warns of every server that is newer than itself.
pytestmark = pytest.mark.filterwarnings("ignore:Kubernetes version .* is not supported:UserWarning")

NAMES = ["a", "b", "c", "d", "e"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_api_server(tmp_path_factory.mktemp("api")) as server:
        yield server


@pytest.fixture
def namespace(server, request):
    """The name of a fresh namespace."""
    name = request.node.name.replace("_", "-")[:63]
    with lightkube_client(server) as client:
        client.create(Namespace(metadata=ObjectMeta(name=name)))
    return name


def lightkube_client(server, namespace="default"):
    return lightkube.Client(config=lightkube.KubeConfig.from_file(server.kubeconfig), namespace=namespace)


@pytest.fixture
def official(server):
    """The official client's API client, over which its typed and dynamic clients work."""
    with closing(config.new_client_from_config(str(server.kubeconfig))) as api:
        yield api


@pytest.fixture
def core(official):
    return client.CoreV1Api(official)


@pytest.fixture
def light(server, namespace):
    with lightkube_client(server, namespace) as client:
        yield client


@pytest.fixture
def kr8(server, namespace):
    api = kr8s.api(kubeconfig=str(server.kubeconfig), namespace=namespace)
    yield api
    as_sync_func(api._session.aclose)()  # kr8s itself leaves its connections to the garbage collector


def restart(server):
    server.stop()
    server.start()


def config_map(name, **data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data)


def service(name, **spec):
    ports = [client.V1ServicePort(name="http", port=80), client.V1ServicePort(name="dns", port=53, protocol="UDP")]
    whole = client.V1ServiceSpec(ports=ports, selector={"app": name}, **spec)
    return client.V1Service(metadata=client.V1ObjectMeta(name=name), spec=whole)


# The official client: kubernetes


def test_official_lists_in_pages(core, namespace):
    for name in NAMES:
        core.create_namespaced_config_map(namespace, config_map(name))
    seen, token, pages = [], None, 0
    while pages == 0 or token:
        page = core.list_namespaced_config_map(namespace, limit=2, _continue=token)
        seen += [item.metadata.name for item in page.items]
        token, pages = page.metadata._continue, pages + 1
        if pages == 1:
            core.delete_namespaced_config_map("e", namespace)  # every page shows one moment
    assert (seen, pages) == (NAMES, 3)


def test_official_patches_in_three_ways(core, namespace):
    core.create_namespaced_service(namespace, service("s"))
    strategic = {"spec": {"ports": [{"port": 80, "targetPort": 8080}]}}
    patched = core.patch_namespaced_service("s", namespace, strategic)
    assert [(port.port, port.target_port) for port in patched.spec.ports] == [(80, 8080), (53, 53)]
    merge = {"spec": {"ports": [{"port": 81}]}}
    patched = core.patch_namespaced_service("s", namespace, merge, _content_type="application/merge-patch+json")
    assert [port.port for port in patched.spec.ports] == [81]
    json_patch = [{"op": "replace", "path": "/spec/sessionAffinity", "value": "ClientIP"}]
    patched = core.patch_namespaced_service("s", namespace, json_patch)
    assert patched.spec.session_affinity_config.client_ip.timeout_seconds == 10800


def test_official_replaces_with_a_version(core, namespace):
    made = core.create_namespaced_config_map(namespace, config_map("a", x="1"))
    made.data = {"x": "2"}
    assert core.replace_namespaced_config_map("a", namespace, made).data == {"x": "2"}
    with pytest.raises(client.ApiException) as refused:
        core.replace_namespaced_config_map("a", namespace, made)
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")


def test_official_knows_each_refusal(core, namespace):
    core.create_namespaced_config_map(namespace, config_map("a"))
    bad = service("s", type="Nothing")
    calls = {
        404: lambda: core.read_namespaced_service("none", namespace),
        409: lambda: core.create_namespaced_config_map(namespace, config_map("a")),
        422: lambda: core.create_namespaced_service(namespace, bad),
        400: lambda: core.list_namespaced_service(namespace, field_selector="nothing=1"),
    }
    for status, call in calls.items():
        with pytest.raises(client.ApiException) as refused:
            call()
        assert refused.value.status == status
        assert '"kind":"Status"' in refused.value.body


def test_official_deletes(core, namespace):
    for name in NAMES:
        core.create_namespaced_service(namespace, service(name))
    assert core.delete_namespaced_service("a", namespace).metadata.name == "a"
    options = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="other"))
    with pytest.raises(client.ApiException) as refused:
        core.delete_namespaced_service("b", namespace, body=options)
    assert refused.value.status == 409
    core.delete_collection_namespaced_service(namespace, label_selector="none")
    assert len(core.list_namespaced_service(namespace).items) == 4
    core.delete_collection_namespaced_service(namespace)
    assert core.list_namespaced_service(namespace).items == []


def test_official_dry_run_and_status(core, namespace):
    core.create_namespaced_service(namespace, service("s", type="LoadBalancer"), dry_run="All")
    assert core.list_namespaced_service(namespace).items == []
    core.create_namespaced_service(namespace, service("s", type="LoadBalancer"))
    status = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}, "spec": {"selector": None}}
    patched = core.patch_namespaced_service_status("s", namespace, status)
    assert (patched.spec.selector, patched.status.load_balancer.ingress[0].ip_mode) == ({"app": "s"}, "VIP")


def test_official_watch_sees_every_change(core, namespace):
    version = core.list_namespaced_config_map(namespace).metadata.resource_version
    core.create_namespaced_config_map(namespace, config_map("a", x="1"))
    core.patch_namespaced_config_map("a", namespace, {"data": {"x": "2"}})
    core.delete_namespaced_config_map("a", namespace)
    watching, seen = watch.Watch(), []
    for event in watching.stream(
        core.list_namespaced_config_map, namespace, resource_version=version, timeout_seconds=60
    ):
        seen.append((event["type"], event["object"].data["x"]))
        if event["type"] == "DELETED":
            watching.stop()
    assert seen == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]


def test_official_watch_of_a_forgotten_version(core, server, namespace):
    version = core.list_namespaced_config_map(namespace).metadata.resource_version
    core.create_namespaced_config_map(namespace, config_map("a"))
    restart(server)
    with pytest.raises(client.ApiException) as refused:
        list(watch.Watch().stream(core.list_namespaced_config_map, namespace, resource_version=version))
    assert (refused.value.status, refused.value.reason.partition(":")[0]) == (410, "Expired")


def test_official_informer_recovers_from_an_expired_version(core, server, namespace):
    events, changed = [], threading.Condition()

    def hear(type_, what):
        with changed:
            events.append((type_, what))
            changed.notify_all()

    informer = SharedInformer(core.list_namespaced_config_map, namespace=namespace)
    for type_ in ("ADDED", "DELETED"):
        informer.add_event_handler(type_, lambda item, type_=type_: hear(type_, item.metadata.name))
    informer.add_event_handler("ERROR", lambda error: hear("ERROR", getattr(error, "status", 0)))
    core.create_namespaced_config_map(namespace, config_map("a"))
    informer.start()
    try:
        with changed:
            assert changed.wait_for(lambda: ("ADDED", "a") in events, 60)
        core.create_namespaced_config_map("default", config_map("elsewhere"))  # the informer does not hear of it
        restart(server)
        core.delete_namespaced_config_map("a", namespace)
        core.create_namespaced_config_map(namespace, config_map("b"))
        with changed:
            assert changed.wait_for(lambda: {("DELETED", "a"), ("ADDED", "b")} <= set(events), 60), events
        assert ("ERROR", 410) in events
        assert [item.metadata.name for item in informer.cache.list()] == ["b"]
    finally:
        stopping = threading.Thread(target=informer.stop)
        stopping.start()
        for number in itertools.count():  # it looks whether it is to stop only when it hears something
            stopping.join(0.1)
            if not stopping.is_alive():
                break
            core.create_namespaced_config_map(namespace, config_map(f"last-{number}"))


def test_official_dynamic_client_discovers(official, namespace):
    dynamic_client = dynamic.DynamicClient(official)
    slices = dynamic_client.resources.get(api_version="discovery.k8s.io/v1", kind="EndpointSlice")
    assert (slices.name, slices.namespaced) == ("endpointslices", True)
    document = {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {"name": "a"},
        "addressType": "IPv4",
        "endpoints": [],
        "ports": [],
    }
    slices.create(document, namespace=namespace)
    with pytest.raises(ConflictError):
        slices.create(document, namespace=namespace)
    slices.patch(
        {"metadata": {"name": "a", "labels": {"k": "v"}}},
        namespace=namespace,
        content_type="application/merge-patch+json",
    )
    assert slices.get(namespace=namespace, label_selector="k=v").items[0].metadata.name == "a"
    slices.delete("a", namespace=namespace)
    with pytest.raises(ResourceNotFoundError):
        dynamic_client.resources.get(api_version="v1", kind="Widget")


def test_official_creates_from_documents(official, core, namespace):
    items = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}} for name in NAMES]
    create_from_dict(official, {"apiVersion": "v1", "kind": "List", "items": items}, namespace=namespace)
    assert [item.metadata.name for item in core.list_namespaced_config_map(namespace).items] == NAMES


def test_official_version_and_groups(official):
    assert client.VersionApi(official).get_code().minor == "36"
    groups = [group.name for group in client.ApisApi(official).get_api_versions().groups]
    assert {"apps", "discovery.k8s.io"} <= set(groups)
    resources = client.CoreV1Api(official).get_api_resources().resources
    assert "services/status" in [resource.name for resource in resources]


# lightkube


def light_map(name, **data):
    return ConfigMap(metadata=ObjectMeta(name=name), data=data)


def test_lightkube_writes_and_lists_in_pages(light):
    for name in NAMES:
        light.create(light_map(name, x="1"))
    assert [item.metadata.name for item in light.list(ConfigMap, chunk_size=2)] == NAMES
    made = light.get(ConfigMap, "a")
    made.data["x"] = "2"
    light.replace(made)
    with pytest.raises(ApiError) as refused:
        light.replace(made)
    assert (refused.value.status.code, refused.value.status.reason) == (409, "Conflict")
    light.delete(ConfigMap, "a")
    with pytest.raises(ApiError) as refused:
        light.get(ConfigMap, "a")
    assert refused.value.status.details.kind == "configmaps"
    light.deletecollection(ConfigMap)
    assert list(light.list(ConfigMap)) == []


def test_lightkube_patches_in_three_ways(light):
    light.create(Service(metadata=ObjectMeta(name="s"), spec=ServiceSpec(ports=[ServicePort(80, name="http")])))
    patched = light.patch(Service, "s", {"spec": {"ports": [{"port": 53, "name": "dns"}]}})
    assert [port.port for port in patched.spec.ports] == [53, 80]
    patched = light.patch(Service, "s", {"spec": {"ports": [{"port": 81}]}}, patch_type=PatchType.MERGE)
    assert [port.port for port in patched.spec.ports] == [81]
    operations = [{"op": "add", "path": "/metadata/labels", "value": {"k": "v"}}]
    assert light.patch(Service, "s", operations, patch_type=PatchType.JSON).metadata.labels == {"k": "v"}


def test_lightkube_watches_over_a_forgotten_version(light, server, namespace):
    light.create(light_map("a"))
    listed = light.list(ConfigMap)
    assert [item.metadata.name for item in listed] == ["a"]
    light.create(light_map("b"))
    restart(server)
    light.delete(ConfigMap, "a")
    errors = []

    def again(error, count):
        errors.append(error.status.code)
        return OnErrorResult(OnErrorAction.RETRY)

    events = light.watch(ConfigMap, resource_version=listed.resourceVersion, server_timeout=1, on_error=again)
    assert [(type_, item.metadata.name) for type_, item in [next(events)]] == [("ADDED", "b")]
    assert errors == [410]
    events.close()


def test_lightkube_waits(light):
    light.create(Pod.from_dict({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}))
    conditions = [{"type": "Ready", "status": "True"}, {"type": "Broken", "status": "True"}]
    status = {"status": {"conditions": conditions}}
    ready = threading.Timer(0.2, lambda: light.patch(Pod.Status, "p", status))
    ready.start()
    assert light.wait(Pod, "p", for_conditions=["Ready"]).metadata.name == "p"
    ready.join()
    with pytest.raises(ConditionError):
        light.wait(Pod, "p", for_conditions=["Never"], raise_for_conditions=["Broken"])


def test_lightkube_generic_resources(light):
    slices = create_namespaced_resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
    light.create(slices(metadata={"name": "a"}, addressType="IPv4", endpoints=[], ports=[]))
    assert light.get(slices, "a")["endpoints"] == []
    with pytest.raises(LoadResourceError):
        codecs.from_dict({"apiVersion": "v1", "kind": "Widget"})


# kr8s


def kr8_map(api, name, **data):
    return kr8s.objects.ConfigMap({"metadata": {"name": name}, "data": data}, api=api)


def test_kr8s_writes_and_lists(kr8):
    for name in NAMES:
        kr8_map(kr8, name, x="1").create()
    assert [item.name for item in kr8.get("configmaps")] == NAMES
    first = kr8s.objects.ConfigMap.get("a", api=kr8)
    first.patch({"data": {"x": "2"}})
    assert first.raw["data"] == {"x": "2"}
    first.patch([{"op": "add", "path": "/data/y", "value": "3"}], type="json")
    first.label({"k": "v"})
    first.annotate({"n": "w"})
    assert [item.name for item in kr8.get("configmaps", label_selector={"k": "v"})] == ["a"]
    first.delete()
    assert not first.exists()
    with pytest.raises(kr8s.NotFoundError):
        kr8s.objects.ConfigMap.get("a", api=kr8)


def test_kr8s_waits_and_watches(kr8):
    pod = kr8s.objects.Pod({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}, api=kr8)
    pod.create()
    pod.patch({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}, subresource="status")
    pod.wait("condition=Ready", timeout=60)
    other = kr8_map(kr8, "a", x="1")
    other.create()
    events = kr8.watch("configmaps")
    assert [(type_, item.name) for type_, item in [next(events)]] == [("ADDED", "a")]
    other.patch({"data": {"x": "2"}})
    type_, item = next(events)
    assert (type_, item.raw["data"]) == ("MODIFIED", {"x": "2"})
    events.close()


def test_kr8s_discovers(kr8):
    kinds = {resource["kind"] for resource in kr8.api_resources()}
    assert {"Service", "EndpointSlice", "Deployment"} <= kinds
    assert kr8.lookup_kind("svc") == ("service/v1", "services", True)
    with pytest.raises(ValueError, match="Kind widgets not found"):
        kr8.lookup_kind("widgets")
    assert kr8.version()["major"] == "1"


def test_kr8s_refusals(kr8, namespace):
    kr8_map(kr8, "a").create()
    with pytest.raises(kr8s.ServerError) as refused:
        kr8_map(kr8, "a").create()
    assert refused.value.status["reason"] == "AlreadyExists"
    assert wait_until(lambda: namespace in [item.name for item in kr8.get("namespaces")])
