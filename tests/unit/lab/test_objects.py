"""Manifests that can be applied."""

import pytest

from fairlead.drivers.kube.manifests import ManifestError
from fairlead.lab.errors import LabError
from fairlead.lab.objects import documents

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}}


def test_text_is_a_manifest_and_a_mapping_is_a_document():
    text = "kind: Service\nmetadata: {name: web}\n---\nkind: Service\nmetadata: {name: x}\n"
    assert [each["metadata"]["name"] for each in documents(text)] == ["web", "x"]
    assert list(documents(SERVICE)) == [SERVICE]
    assert list(documents([SERVICE, [SERVICE]])) == [SERVICE, SERVICE]


@pytest.mark.io  # importing that library looks for IPv6
def test_objects_of_client_libraries_say_what_they_are():
    kubernetes = pytest.importorskip("kubernetes.client")
    pod = kubernetes.V1Pod(
        api_version="v1",
        kind="Pod",
        metadata=kubernetes.V1ObjectMeta(name="a", generate_name=None),
        spec=kubernetes.V1PodSpec(containers=[kubernetes.V1Container(name="c", image="x", image_pull_policy="Never")]),
    )
    spec = {"containers": [{"name": "c", "image": "x", "imagePullPolicy": "Never"}]}
    assert list(documents(pod)) == [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}]


@pytest.mark.io
def test_other_text_is_a_file(tmp_path):
    (tmp_path / "web.yaml").write_text("apiVersion: v1\nkind: Service\nmetadata: {name: web}\n")
    assert list(documents(str(tmp_path / "web.yaml"))) == [SERVICE]
    assert list(documents(tmp_path)) == [SERVICE]
    with pytest.raises(ManifestError, match="No such file"):
        list(documents("nowhere.yaml"))


def test_refused_objects_are_named():
    with pytest.raises(LabError, match="int cannot be applied"):
        list(documents(5))
