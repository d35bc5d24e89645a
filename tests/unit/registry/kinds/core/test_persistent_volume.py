"""PersistentVolumes, claims on them and StorageClasses as the API server takes them."""

import json

import pytest

from tests.support.api_world import ApiWorld

CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
VOLUMES = "/api/v1/persistentvolumes"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"
SETS = "/apis/apps/v1/namespaces/default/statefulsets"
SIZE = {"resources": {"requests": {"storage": "1Gi"}}}
CLAIM = {"accessModes": ["ReadWriteOnce"], **SIZE}
VOLUME = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/mnt"}}
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
FIXED = "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for "


@pytest.fixture
def world():
    return ApiWorld()


def named(name="x", spec=None, **fields):
    return {"metadata": {"name": name}, **({"spec": spec} if spec is not None else {}), **fields}


def causes(status):
    return [f"{cause['field']}: {cause['message']}" for cause in status["details"]["causes"]]


def default_class(world, name="standard"):
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    world.do("POST", CLASSES, {"metadata": {"name": name, "annotations": annotations}, "provisioner": "a.b/c"})


@pytest.mark.parametrize(
    ("url", "body", "fault"),
    [
        (CLAIMS, named(spec=SIZE), "spec.accessModes: Required value: at least 1 access mode is required"),
        (CLAIMS, named(spec={"accessModes": ["ReadWriteOnce"]}), "spec.resources[storage]: Required value"),
        (
            CLAIMS,
            named(spec={**CLAIM, "accessModes": ["RWO"]}),
            'spec.accessModes: Unsupported value: "RWO": supported',
        ),
        (
            CLAIMS,
            named(spec={**CLAIM, "resources": {"requests": {"storage": "0"}}}),
            'spec.resources.requests.storage: Invalid value: "0": must be greater than zero',
        ),
        (
            CLAIMS,
            named(spec={**CLAIM, "accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]}),
            'spec.accessModes: Invalid value: ["ReadWriteOncePod","ReadWriteOnce"]: may not use ReadWriteOncePod with',
        ),
        (CLAIMS, named(spec={**CLAIM, "volumeMode": "Tape"}), 'spec.volumeMode: Unsupported value: "Tape"'),
        (VOLUMES, named(spec={**VOLUME, "capacity": {}}), "spec.capacity: Required value"),
        (
            VOLUMES,
            named(spec={key: VOLUME[key] for key in ("accessModes", "capacity")}),
            "spec: Required value: must specify a volume type",
        ),
        (
            VOLUMES,
            named(spec={**VOLUME, "nfs": {"server": "a", "path": "/"}}),
            "spec.nfs: Forbidden: may not specify more than 1 volume type",
        ),
        (
            VOLUMES,
            named(spec={**VOLUME, "persistentVolumeReclaimPolicy": "Burn"}),
            'spec.persistentVolumeReclaimPolicy: Unsupported value: "Burn"',
        ),
        (CLASSES, named(provisioner=""), "provisioner: Required value"),
        (CLASSES, named(provisioner="a/b", reclaimPolicy="Recycle"), 'reclaimPolicy: Unsupported value: "Recycle"'),
        (CLASSES, named(provisioner="a/b", volumeBindingMode="Now"), 'volumeBindingMode: Unsupported value: "Now"'),
    ],
)
def test_what_is_refused(world, url, body, fault):
    (cause,) = causes(world.refused("POST", url, body))
    assert cause.startswith(fault)


def test_a_claim_is_completed_and_gets_the_default_class(world):
    plain = world.do("POST", CLAIMS, named("plain", CLAIM))
    assert "storageClassName" not in plain["spec"]
    assert plain["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert (plain["spec"]["volumeMode"], plain["status"]) == ("Filesystem", {"phase": "Pending"})
    default_class(world)
    assert world.do("POST", CLAIMS, named("a", CLAIM))["spec"]["storageClassName"] == "standard"
    assert world.do("POST", CLAIMS, named("b", {**CLAIM, "storageClassName": ""}))["spec"]["storageClassName"] == ""
    world.at("2026-01-02T00:00:00Z")
    default_class(world, "newer")
    assert world.do("POST", CLAIMS, named("c", CLAIM))["spec"]["storageClassName"] == "newer"


MERGE = {"content_type": "application/merge-patch+json"}


@pytest.mark.parametrize(
    ("bound", "change", "fault"),
    [
        (False, {"volumeName": "v"}, None),
        (False, {"storageClassName": "fast"}, None),
        (False, {"accessModes": ["ReadWriteMany"]}, FIXED),
        (False, {"resources": {"requests": {"storage": "2Gi"}}}, FIXED),
        (True, {"resources": {"requests": {"storage": "2Gi"}}}, None),
        (True, {"volumeName": "w"}, FIXED),
        (
            True,
            {"resources": {"requests": {"storage": "1Mi"}}},
            "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity",
        ),
    ],
)
def test_changeable_fields_of_a_claim(world, bound, change, fault):
    world.do("POST", CLAIMS, named(spec={**CLAIM, **({"volumeName": "v"} if bound else {})}))
    if fault is None:
        world.do("PATCH", f"{CLAIMS}/x", {"spec": change}, **MERGE)
    else:
        (cause,) = causes(world.refused("PATCH", f"{CLAIMS}/x", {"spec": change}, **MERGE))
        assert cause.startswith(fault)


def test_the_source_of_a_volume_must_not_change(world):
    world.do("POST", VOLUMES, named(spec=VOLUME))
    status = world.refused("PATCH", f"{VOLUMES}/x", {"spec": {"hostPath": {"path": "/etc"}}}, **MERGE)
    assert causes(status) == [
        "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation"
    ]
    world.do("POST", CLASSES, named(provisioner="a/b"))
    status = world.refused("PATCH", f"{CLASSES}/x", {"reclaimPolicy": "Retain"}, **MERGE)
    assert causes(status) == ["reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden."]
    status = world.refused("PATCH", f"{CLASSES}/x", {"volumeBindingMode": "WaitForFirstConsumer"}, **MERGE)
    assert causes(status) == ['volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable']


def test_protected_objects_stay_until_their_finalizer_goes(world):
    world.do("POST", CLAIMS, named(spec=CLAIM))
    assert world.do("DELETE", f"{CLAIMS}/x")["metadata"]["deletionTimestamp"]
    world.do("PATCH", f"{CLAIMS}/x", {"metadata": {"finalizers": None}}, **MERGE)
    assert world.do("GET", CLAIMS)["items"] == []


def cells(world, url):
    (row,) = (table := world.do("GET", url, accept=TABLE))["rows"]
    return dict(zip((column["name"] for column in table["columnDefinitions"]), row["cells"], strict=True))


def test_the_columns(world):
    claim = {"namespace": "default", "name": "x"}
    world.do("POST", VOLUMES, named("v", {**VOLUME, "claimRef": claim, "storageClassName": "fast"}))
    world.do("POST", CLAIMS, named(spec={**CLAIM, "volumeName": "v"}))
    status = {"phase": "Bound", "accessModes": ["ReadWriteMany", "ReadWriteOnce"], "capacity": {"storage": "10Gi"}}
    world.do("PATCH", f"{CLAIMS}/x/status", {"status": status}, **MERGE)
    default_class(world)
    assert cells(world, CLAIMS) == {
        "Name": "x",
        "Status": "Bound",
        "Volume": "v",
        "Capacity": "10Gi",
        "Access Modes": "RWO,RWX",
        "StorageClass": "",
        "VolumeAttributesClass": "<unset>",
        "Age": "0s",
        "VolumeMode": "Filesystem",
    }
    assert cells(world, VOLUMES) == {
        "Name": "v",
        "Capacity": "1Gi",
        "Access Modes": "RWO",
        "Reclaim Policy": "Retain",
        "Status": "Pending",
        "Claim": "default/x",
        "StorageClass": "fast",
        "VolumeAttributesClass": "<unset>",
        "Reason": "",
        "Age": "0s",
        "VolumeMode": "Filesystem",
    }
    assert cells(world, CLASSES) == {
        "Name": "standard (default)",
        "Provisioner": "a.b/c",
        "ReclaimPolicy": "Delete",
        "VolumeBindingMode": "Immediate",
        "AllowVolumeExpansion": False,
        "Age": "0s",
    }


def web(mounted="www", templates=None):
    container = {"name": "n", "image": "x", "volumeMounts": [{"name": mounted, "mountPath": "/usr/share/nginx/html"}]}
    return named(
        "web",
        {
            "selector": {"matchLabels": {"app": "n"}},
            "template": {"metadata": {"labels": {"app": "n"}}, "spec": {"containers": [container]}},
            "volumeClaimTemplates": templates or [named("www", CLAIM)],
        },
    )


def test_a_set_mounts_what_its_claim_templates_make(world):
    made = world.do("POST", SETS, web())
    (template,) = made["spec"]["volumeClaimTemplates"]
    assert (template["kind"], template["spec"]["volumeMode"]) == ("PersistentVolumeClaim", "Filesystem")
    assert "volumes" not in made["spec"]["template"]["spec"]
    world.do("PUT", f"{SETS}/web", web())
    grown = named("www", {**CLAIM, "resources": {"requests": {"storage": "2Gi"}}})
    (cause,) = causes(world.refused("PUT", f"{SETS}/web", web(templates=[grown])))
    assert cause.startswith("spec: Forbidden: updates to statefulset spec for fields other than 'replicas', ")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (web("data"), 'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"'),
        (
            web(templates=[named("www", CLAIM), {"spec": CLAIM}]),
            "spec.volumeClaimTemplates[1].metadata.name: Required ",
        ),
    ],
)
def test_volumes_that_a_stateful_set_may_not_mount(world, body, fault):
    (cause,) = causes(world.refused("POST", SETS, body))
    assert cause.startswith(fault)


def test_short_names_and_status(world):
    listed = json.loads(world.ask("GET", "/api/v1").body)["resources"]
    short = {entry["name"]: entry.get("shortNames") for entry in listed}
    assert (short["persistentvolumeclaims"], short["persistentvolumes"]) == (["pvc"], ["pv"])
    assert {"persistentvolumeclaims/status", "persistentvolumes/status"} <= short.keys()


def test_a_volume_says_since_when_it_has_its_phase(world):
    made = world.do("POST", VOLUMES, named(spec=VOLUME))
    world.at("2026-01-02T00:00:00Z")
    told = world.do("PUT", f"{VOLUMES}/x/status", {**made, "status": {**made["status"], "message": "m"}})
    assert told["status"]["lastPhaseTransitionTime"] == "2026-01-01T00:00:00Z"
    bound = world.do("PUT", f"{VOLUMES}/x/status", {**told, "status": {**told["status"], "phase": "Bound"}})
    assert bound["status"]["lastPhaseTransitionTime"] == "2026-01-02T00:00:00Z"
    dated = {"phase": "Released", "lastPhaseTransitionTime": "2025-01-01T00:00:00Z"}
    assert world.do("PUT", f"{VOLUMES}/x/status", {**bound, "status": dated})["status"] == dated


def test_the_source_of_a_claim_stays_as_it_was_made(world):
    source = {"kind": "PersistentVolumeClaim", "name": "c"}
    made = world.do("POST", CLAIMS, named(spec={**CLAIM, "dataSource": source}))
    assert made["spec"]["dataSourceRef"] == source
    assert world.do("PUT", f"{CLAIMS}/x", made)["spec"] == made["spec"]


def test_a_driver_has_a_generation_from_its_first_change_on(world):
    drivers = "/apis/storage.k8s.io/v1/csidrivers"
    made = world.do("POST", drivers, named(spec={}))
    assert "generation" not in made["metadata"]
    assert "generation" not in world.do("PUT", f"{drivers}/x", made)["metadata"]
    changed = world.do(
        "PUT",
        f"{drivers}/x",
        {**made, "spec": {**made["spec"], "storageCapacity": True}, "metadata": named()["metadata"]},
    )
    assert changed["metadata"]["generation"] == 1
