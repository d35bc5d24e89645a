"""A client library that knows nothing of Fairlead: list, watch, create, patch, apply, delete."""

import threading
from contextlib import closing

import pytest
from lightkube import ApiError, Client, KubeConfig
from lightkube.models.core_v1 import ServicePort, ServiceSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Service

from tests.support.api_servers import running_api_server


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with running_api_server(tmp_path_factory.mktemp("api")) as server:
        config = KubeConfig.from_file(server.kubeconfig).get()
        client = Client(config=config, trust_env=False)
        yield client
        client._client._client.close()


def config_map(name, **data):
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="default"), data=data)


def test_create_patch_apply_delete(client):
    spec = ServiceSpec(selector={"app": "web"}, ports=[ServicePort(port=80)])
    made = client.create(Service(metadata=ObjectMeta(name="web", namespace="default"), spec=spec))
    assert made.spec.clusterIP.startswith("10.96.")
    patched = client.patch(Service, "web", {"spec": {"ports": [{"port": 80, "name": "http"}]}})
    assert [(port.port, port.name) for port in patched.spec.ports] == [(80, "http")]
    assert client.apply(config_map("applied", x="1"), field_manager="one").data == {"x": "1"}
    with pytest.raises(ApiError) as caught:
        client.apply(config_map("applied", x="2"), field_manager="two")
    assert caught.value.status.reason == "Conflict"
    client.delete(Service, "web")
    assert "web" not in {service.metadata.name for service in client.list(Service)}


def test_a_watch_that_follows_a_list_misses_nothing(client):
    client.create(config_map("before"))
    listed = client.list(ConfigMap)
    names = {item.metadata.name for item in listed}
    assert "before" in names
    later = threading.Timer(0.2, lambda: client.create(config_map("after")))
    later.start()
    with closing(client.watch(ConfigMap, resource_version=listed.resourceVersion, server_timeout=60)) as events:
        kind, found = next(events)
    later.join()
    assert (kind, found.metadata.name) == ("ADDED", "after")
