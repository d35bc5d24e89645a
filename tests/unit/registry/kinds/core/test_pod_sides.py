"""What may be written to a Pod through ``ephemeralcontainers`` and ``resize``; refusals are in upstream's words."""

import pytest

from fairlead.registry.status import ApiError
from tests.support.service_requests import Cluster, document

WEB = {"name": "web", "image": "example/web:1"}
LOOK = {"name": "look", "image": "busybox"}
SIDE = {"name": "side", "image": "example/side:1", "restartPolicy": "Always"}
FIRST = {"name": "first", "image": "example/first:1"}
SOME = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m"}}


def cluster(**spec) -> Cluster:
    made = Cluster()
    made.create(document("Pod", "p", spec={"containers": [WEB], **spec}))
    return made


def write(made: Cluster, side: str, **spec):
    pod = made.stored("Pod", "p")
    pod["metadata"].setdefault("labels", {})["new"] = "label"
    pod["spec"].update(spec)
    return made.put(pod, subresource=side)


def refused(made: Cluster, side: str, **spec) -> str:
    with pytest.raises(ApiError) as refusal:
        write(made, side, **spec)
    assert refusal.value.code == 422
    return refusal.value.message


class TestEphemeralContainers:
    def test_an_ephemeral_container_is_added_and_nothing_else_changes(self):
        made = cluster()
        stored = write(made, "ephemeralcontainers", ephemeralContainers=[LOOK], activeDeadlineSeconds=5)
        (look,) = stored["spec"]["ephemeralContainers"]
        assert (look["name"], look["imagePullPolicy"]) == ("look", "Always")
        assert "activeDeadlineSeconds" not in stored["spec"]
        assert "labels" not in stored["metadata"]
        assert stored["metadata"]["generation"] == 2

    def test_another_one_comes_and_order_does_not_matter(self):
        made = cluster()
        before = write(made, "ephemeralcontainers", ephemeralContainers=[LOOK])["spec"]["ephemeralContainers"]
        more = [LOOK | {"name": "more", "targetContainerName": "web"}, *before]
        stored = write(made, "ephemeralcontainers", ephemeralContainers=more)
        assert [each["name"] for each in stored["spec"]["ephemeralContainers"]] == ["more", "look"]

    @pytest.mark.parametrize(
        ("containers", "message"),
        [
            ([], 'spec.ephemeralContainers: Forbidden: existing ephemeral containers "look" may not be removed'),
            ([LOOK | {"image": "debian"}], 'existing ephemeral containers "look" may not be changed'),
        ],
    )
    def test_existing_ephemeral_containers_must_not_change(self, containers, message):
        made = cluster()
        write(made, "ephemeralcontainers", ephemeralContainers=[LOOK])
        assert message in refused(made, "ephemeralcontainers", ephemeralContainers=containers)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"name": "web"}, 'name: Duplicate value: "web"'),
            ({"name": "Big"}, 'name: Invalid value: "Big"'),
            ({"image": ""}, "image: Required value"),
            ({"targetContainerName": "none"}, 'targetContainerName: Not found: "none"'),
            ({"ports": [{"containerPort": 1}]}, "ports: Forbidden: cannot be set for an Ephemeral Container"),
            ({"resources": {"limits": {"cpu": "1"}}}, "resources: Forbidden: cannot be set for an Ephemeral"),
            ({"livenessProbe": {"tcpSocket": {"port": 1}}}, "livenessProbe: Forbidden: cannot be set for"),
            ({"lifecycle": {"preStop": {"sleep": {"seconds": 1}}}}, "lifecycle: Forbidden: cannot be set for"),
            ({"volumeMounts": [{"name": "none", "mountPath": "/x"}]}, 'volumeMounts[0].name: Not found: "none"'),
            (
                {"volumeMounts": [{"name": "v", "mountPath": "/x", "subPath": "a"}]},
                "volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container",
            ),
        ],
    )
    def test_forbidden_fields_of_ephemeral_containers(self, fields, message):
        made = cluster(volumes=[{"name": "v", "emptyDir": {}}])
        said = refused(made, "ephemeralcontainers", ephemeralContainers=[LOOK | fields])
        assert f"spec.ephemeralContainers[0].{message}" in said

    def test_ephemeral_containers_cannot_be_added_otherwise(self):
        with pytest.raises(ApiError) as refusal:
            cluster(ephemeralContainers=[LOOK])
        assert "spec.ephemeralContainers: Forbidden: cannot be set on create" in refusal.value.message
        assert "pod updates may not change fields other than" in refused(cluster(), None, ephemeralContainers=[LOOK])
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [WEB], "ephemeralContainers": [LOOK]}}
        spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
        with pytest.raises(ApiError) as refusal:
            Cluster().create(document("Deployment", "d", "apps/v1", spec=spec))
        assert "ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template" in str(refusal.value)


class TestResize:
    def test_only_resources_change(self):
        made = cluster(containers=[WEB | {"resources": SOME}])
        more = {"requests": {"cpu": "150m", "memory": "64Mi"}, "limits": {"cpu": "300m"}}
        stored = write(
            made, "resize", containers=[WEB | {"image": "other", "resources": more}], activeDeadlineSeconds=5
        )
        (web,) = stored["spec"]["containers"]
        assert (web["resources"], web["image"]) == (more, "example/web:1")
        assert "activeDeadlineSeconds" not in stored["spec"]
        assert "labels" not in stored["metadata"]

    def test_sidecars_too(self):
        made = cluster(containers=[WEB | {"resources": SOME}], initContainers=[SIDE | {"resources": SOME}])
        more = {**SOME, "limits": {"cpu": "1"}}
        stored = write(made, "resize", initContainers=[SIDE | {"resources": more}])
        assert stored["spec"]["initContainers"][0]["resources"] == more

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            (
                {"containers": [WEB | {"resources": {**SOME, "limits": {"cpu": "200m", "ephemeral-storage": "1Gi"}}}]},
                "spec: Forbidden: only cpu and memory resources are mutable",
            ),
            (
                {"containers": [WEB | {"resources": {"requests": {"cpu": "1m"}, "limits": {"cpu": "200m"}}}]},
                "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
            ),
            (
                {"containers": [WEB | {"resources": {"requests": SOME["requests"]}}]},
                "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed",
            ),
            (
                {"containers": [WEB | {"resources": {**SOME, "requests": {"cpu": "1", "memory": "64Mi"}}}]},
                "must be less than or equal to cpu limit of 200m",
            ),
            (
                {"initContainers": [FIRST | {"resources": {"requests": {"cpu": "1m"}}}]},
                "spec.initContainers[0].resources: Forbidden: resources for non-sidecar init containers are immutable",
            ),
        ],
    )
    def test_immutable_fields_of_a_resize(self, spec, message):
        made = cluster(containers=[WEB | {"resources": SOME}], initContainers=[FIRST])
        assert message in refused(made, "resize", **spec)

    def test_the_class_stays(self):
        said = refused(cluster(), "resize", containers=[WEB | {"resources": SOME}])
        assert 'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing' in said

    def test_resources_cannot_be_changed_otherwise(self):
        made = cluster(containers=[WEB | {"resources": SOME}])
        said = refused(made, None, containers=[WEB | {"resources": {**SOME, "limits": {"cpu": "1"}}}])
        assert "pod updates may not change fields other than" in said
