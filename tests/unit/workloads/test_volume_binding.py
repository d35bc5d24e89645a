"""Claims and volumes: the decisions, and the controllers that carry them out."""

import pytest

from fairlead.model.decode import decode
from fairlead.model.events import EventText
from fairlead.model.objects import Pod
from fairlead.model.storage import PersistentVolume, PersistentVolumeClaim, StorageClass
from fairlead.nodeagent.volumes import VolumeError, place_of, volume_of_claim
from fairlead.workloads.volume_binding import (
    Bind,
    DeleteVolume,
    Provision,
    RemoveProtection,
    SetClass,
    SetPhase,
    plan_claim,
    plan_volume,
    unready_claim,
)

NOW = "2026-01-01T00:00:00Z"


def claim(phase="Pending", metadata=None, **spec):
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}, **spec}
    metadata = {"name": "data", "namespace": "ns", "uid": "u", **(metadata or {})}
    return decode(PersistentVolumeClaim, {"metadata": metadata, "spec": spec, "status": {"phase": phase}})


def volume(name="v", size="10Gi", phase="Available", metadata=None, **spec):
    spec = {"accessModes": ["ReadWriteOnce", "ReadOnlyMany"], "capacity": {"storage": size}, **spec}
    metadata = {"name": name, **(metadata or {})}
    return decode(PersistentVolume, {"metadata": metadata, "spec": spec, "status": {"phase": phase}})


def storage_class(name="standard", *, default=False, **fields):
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    metadata = {"name": name, "annotations": annotations}
    return decode(StorageClass, {"metadata": metadata, "provisioner": "fairlead.dev/local", **fields})


def pod(node="a", claim_name="data"):
    source = {"name": "x", "persistentVolumeClaim": {"claimName": claim_name}}
    return decode(
        Pod, {"metadata": {"name": "p", "namespace": "ns"}, "spec": {"nodeName": node, "volumes": [{}, source]}}
    )


def planned(wanted, *things, users=()):
    """The step in short: what is done, and to whom."""
    classes = {each.name: each for each in things if isinstance(each, StorageClass)}
    volumes = {each.name: each for each in things if isinstance(each, PersistentVolume)}
    step = plan_claim(wanted, classes, volumes, users)
    told = {
        Bind: lambda: f"bind {step.volume.name}",
        Provision: lambda: f"provision {step.document['metadata']['name']}",
        SetClass: lambda: f"class {step.name}",
        SetPhase: lambda: step.phase,
        EventText: lambda: step.reason,
        RemoveProtection: lambda: "let go",
    }
    return told[type(step)]() if step else None


MINE = {"namespace": "ns", "name": "data", "uid": "u"}
LATER = {"volumeBindingMode": "WaitForFirstConsumer"}
LEAVING = {"deletionTimestamp": NOW, "finalizers": ["kubernetes.io/pvc-protection"]}


@pytest.mark.parametrize(
    ("wanted", "things", "step"),
    [
        pytest.param(claim(), [], "FailedBinding", id="no class and no default"),
        pytest.param(claim(), [storage_class(default=True)], "class standard", id="a default came later"),
        pytest.param(claim(storageClassName=""), [storage_class(default=True)], "FailedBinding", id="wants no class"),
        pytest.param(claim(storageClassName="fast"), [storage_class()], "ProvisioningFailed", id="no such class"),
        pytest.param(claim(storageClassName="standard"), [storage_class()], "provision pvc-u", id="made for it"),
        pytest.param(
            claim(storageClassName="standard"), [storage_class(**LATER)], "WaitForFirstConsumer", id="no consumer yet"
        ),
        pytest.param(
            claim(storageClassName="nfs"),
            [storage_class("nfs", provisioner="x/nfs")],
            "ExternalProvisioning",
            id="alien",
        ),
        pytest.param(
            claim(storageClassName="standard", volumeMode="Block"), [storage_class()], "ProvisioningFailed", id="block"
        ),
        pytest.param(
            claim(), [volume("big", "20Gi"), volume("fit"), volume("small", "1Gi")], "bind fit", id="smallest"
        ),
        pytest.param(claim(), [volume(accessModes=["ReadOnlyMany"])], "FailedBinding", id="other access mode"),
        pytest.param(claim(), [volume(storageClassName="x")], "FailedBinding", id="other class"),
        pytest.param(claim(), [volume(volumeMode="Block")], "FailedBinding", id="other volume mode"),
        pytest.param(claim(), [volume(claimRef={**MINE, "uid": "other"})], "FailedBinding", id="another's"),
        pytest.param(claim(), [volume(claimRef={**MINE, "uid": ""}), volume("a", "5Gi")], "bind v", id="meant for it"),
        pytest.param(claim(), [volume(metadata={"deletionTimestamp": NOW})], "FailedBinding", id="one that goes"),
        pytest.param(
            claim(selector={"matchLabels": {"a": "b"}}),
            [volume(), volume("w", metadata={"labels": {"a": "b"}})],
            "bind w",
            id="selected",
        ),
        pytest.param(claim(volumeName="v"), [volume(claimRef=MINE)], "bind v", id="half bound"),
        pytest.param(claim("Bound", volumeName="v"), [volume(claimRef=MINE)], None, id="bound"),
        pytest.param(claim("Bound", volumeName="v"), [], "Lost", id="its volume has gone"),
        pytest.param(claim(volumeName="v"), [], None, id="its volume is not there yet"),
        pytest.param(claim(metadata=LEAVING), [], "let go", id="leaves"),
    ],
)
def test_next_step_of_a_claim(wanted, things, step):
    assert planned(wanted, *things) == step


def test_a_pod_is_a_consumer_before_it_has_a_node_and_a_user_after():
    wanted, later = claim(storageClassName="standard"), storage_class(**LATER)
    assert planned(wanted, later, users=[pod(node="")]) == "provision pvc-u"
    assert planned(claim(metadata=LEAVING), users=[pod(node="")]) == "let go"
    assert planned(claim(metadata=LEAVING), users=[pod()]) is None


def test_a_volume_is_made_as_claim_and_class_say():
    wanted = claim(storageClassName="kept")
    step = plan_claim(wanted, {"kept": storage_class("kept", reclaimPolicy="Retain")}, {}, ())
    spec = step.document["spec"]
    assert spec["capacity"] == {"storage": "5Gi"}
    assert spec["claimRef"]["uid"] == "u"
    assert (spec["persistentVolumeReclaimPolicy"], spec["storageClassName"]) == ("Retain", "kept")
    made = decode(PersistentVolume, step.document)
    assert planned(wanted, made) == "bind pvc-u"
    assert place_of(made, "/made") == "/made/pvc-u"


OURS = {"csi": {"driver": "fairlead.dev/local", "volumeHandle": "h"}}
GOES = {"claimRef": MINE, "persistentVolumeReclaimPolicy": "Delete", **OURS}
PROTECTED = {"deletionTimestamp": NOW, "finalizers": ["kubernetes.io/pv-protection"]}


@pytest.mark.parametrize(
    ("found", "of", "step"),
    [
        pytest.param(volume(phase="Pending"), None, SetPhase("Available"), id="new"),
        pytest.param(volume(), None, None, id="free"),
        pytest.param(volume(claimRef=MINE), claim(), None, id="about to be bound"),
        pytest.param(volume(claimRef=MINE), claim(volumeName="v"), SetPhase("Bound"), id="bound"),
        pytest.param(volume(phase="Bound", **GOES), None, SetPhase("Released"), id="its claim has gone"),
        pytest.param(
            volume(phase="Bound", **GOES), claim(metadata={"uid": "new"}), SetPhase("Released"), id="a namesake came"
        ),
        pytest.param(volume(phase="Released", **GOES), None, DeleteVolume(), id="goes with its claim"),
        pytest.param(
            volume(phase="Released", **{**GOES, "persistentVolumeReclaimPolicy": "Retain"}),
            None,
            None,
            id="is retained",
        ),
        pytest.param(
            volume(phase="Released", **{**GOES, "csi": {"driver": "x", "volumeHandle": "h"}}), None, None, id="not ours"
        ),
        pytest.param(volume(metadata=PROTECTED), None, RemoveProtection(), id="deleted while free"),
        pytest.param(
            volume(phase="Bound", metadata=PROTECTED, **GOES), claim("Bound", volumeName="v"), None, id="while bound"
        ),
    ],
)
def test_next_step_of_a_volume(found, of, step):
    assert plan_volume(found, of) == step


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ([], 'persistentvolumeclaim "data" not found'),
        ([claim()], "pod has unbound immediate PersistentVolumeClaims"),
        ([claim("Bound", metadata=LEAVING)], 'persistentvolumeclaim "data" is being deleted'),
        ([claim("Lost", volumeName="v")], 'persistentvolumeclaim "data" bound to non-existent persistentvolume "v"'),
        ([claim("Bound", volumeName="v")], None),
    ],
)
def test_pods_wait_for_their_claims(claims, reason):
    assert unready_claim(pod(), {each.key: each for each in claims}) == reason


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ({"hostPath": {"path": "/mnt/data"}}, "/mnt/data"),
        ({"local": {"path": "/mnt/ssd"}}, "/mnt/ssd"),
        ({"csi": {"driver": "fairlead.dev/local", "volumeHandle": "../pki"}}, None),
        ({"csi": {"driver": "x", "volumeHandle": "h"}}, None),
        ({"nfs": {"server": "x"}}, None),
    ],
)
def test_where_a_volume_is(source, place):
    if place:
        assert place_of(volume(**source), "/made") == place
    else:
        with pytest.raises(VolumeError, match='PersistentVolume "v" is of a kind that this node cannot mount'):
            place_of(volume(**source), "/made")


def test_a_claim_that_is_not_bound_is_not_mounted():
    with pytest.raises(VolumeError, match="error processing PVC ns/data: PVC is not bound"):
        volume_of_claim(claim())
