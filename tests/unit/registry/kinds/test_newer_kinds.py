"""Kinds that users' files have, and that are completed, checked and stored: what of them is refused, and how."""

import re

import pytest

from fairlead.model.cron import parse_schedule
from tests.support.api_corpus import corpus
from tests.support.api_world import ApiWorld, pod

GIVEN = {case.text: case.given for case in corpus()}
LAST = {case.kind: case.given for case in corpus()}  # of each kind, the last document
NAMESPACED = "/namespaces/default"
PATHS = {
    "CronJob": f"/apis/batch/v1{NAMESPACED}/cronjobs",
    "HorizontalPodAutoscaler": f"/apis/autoscaling/v2{NAMESPACED}/horizontalpodautoscalers",
    "LimitRange": f"/api/v1{NAMESPACED}/limitranges",
    "PriorityClass": "/apis/scheduling.k8s.io/v1/priorityclasses",
    "ResourceQuota": f"/api/v1{NAMESPACED}/resourcequotas",
    "RuntimeClass": "/apis/node.k8s.io/v1/runtimeclasses",
    "ValidatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "CertificateSigningRequest": "/apis/certificates.k8s.io/v1/certificatesigningrequests",
    "VolumeAttachment": "/apis/storage.k8s.io/v1/volumeattachments",
    "CSIStorageCapacity": f"/apis/storage.k8s.io/v1{NAMESPACED}/csistoragecapacities",
    "VolumeAttributesClass": "/apis/storage.k8s.io/v1/volumeattributesclasses",
    "FlowSchema": "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas",
    "PriorityLevelConfiguration": "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations",
    "DeviceClass": "/apis/resource.k8s.io/v1/deviceclasses",
    "ResourceClaim": f"/apis/resource.k8s.io/v1{NAMESPACED}/resourceclaims",
    "ResourceSlice": "/apis/resource.k8s.io/v1/resourceslices",
}


def body(kind, name="x", **changes):
    document = {"metadata": {"name": name}, **LAST[kind]}
    return {**document, "spec": {**document["spec"], **changes}} if changes else document


def cron(**spec):
    return body("CronJob", **spec)


WEBHOOK = GIVEN["ValidatingWebhookConfiguration: a service"]["webhooks"][0]


def webhook(**changes):
    merged = {field: value for field, value in {**WEBHOOK, **changes}.items() if value is not None}
    return {"metadata": {"name": "x"}, "webhooks": [merged]}


GPU = {"name": "a", "exactly": {"deviceClassName": "gpu"}}


def claim(*requests):
    return {"metadata": {"name": "x"}, "spec": {"devices": {"requests": list(requests)}}}


def test_a_claim_for_devices_does_not_change():
    world = ApiWorld()
    made = world.do("POST", PATHS["ResourceClaim"], claim(GPU))
    changed = world.refused("PUT", f"{PATHS['ResourceClaim']}/x", {**made, "spec": {}})
    assert "field is immutable" in changed["message"]


@pytest.mark.parametrize(
    ("kind", "document", "fault"),
    [
        ("CronJob", cron(schedule=""), "spec.schedule: Required value"),
        ("CronJob", cron(schedule="* * * *"), "expected exactly 5 fields, found 4: [* * * *]"),
        (
            "CronJob",
            cron(schedule="TZ=UTC * * * * *"),
            "cannot use TZ or CRON_TZ in schedule, use timeZone",
        ),
        ("CronJob", cron(timeZone="Nowhere/Land"), 'spec.timeZone: Invalid value: "Nowhere/Land": unknown time zone'),
        ("CronJob", cron(timeZone="../../etc/passwd"), "unknown time zone"),
        ("CronJob", cron(concurrencyPolicy="Some"), "spec.concurrencyPolicy: Unsupported value"),
        ("CronJob", body("CronJob", name="x" * 53), "must be no more than 52 characters"),
        ("PriorityClass", {**body("PriorityClass"), "value": 2 * 10**9}, "maximum allowed value of a user defined"),
        ("PriorityClass", body("PriorityClass", name="system-mine"), "reserved for system use only"),
        ("RuntimeClass", {"metadata": {"name": "x"}}, "handler: Required value"),
        ("HorizontalPodAutoscaler", body("HorizontalPodAutoscaler", minReplicas=9), "greater than or equal to `minRep"),
        (
            "HorizontalPodAutoscaler",
            body("HorizontalPodAutoscaler", metrics=[{"type": "Pods"}]),
            "[0].pods: Req",
        ),
        (
            "LimitRange",
            body("LimitRange", limits=[{"type": "Pod", "default": {"cpu": 1}}]),
            "may not be specified",
        ),
        (
            "LimitRange",
            body("LimitRange", limits=[{"type": "Container", "min": {"cpu": 2}, "max": {"cpu": 1}}]),
            "min value 2 is greater than max value 1",
        ),
        ("ResourceQuota", {"metadata": {"name": "x"}, "spec": {"hard": {"pods": "-1"}}}, "spec.hard[pods]: Invalid"),
        (
            "ResourceQuota",
            {"metadata": {"name": "x"}, "spec": {"scopes": ["Odd"]}},
            "spec.scopes[0]: Unsupported",
        ),
        ("ValidatingWebhookConfiguration", webhook(sideEffects=None), "webhooks[0].sideEffects: Required value"),
        ("ValidatingWebhookConfiguration", webhook(name="a"), "at least three segments separated by dots"),
        ("ValidatingWebhookConfiguration", webhook(timeoutSeconds=31), "must be between 1 and 30 seconds"),
        ("ValidatingWebhookConfiguration", webhook(clientConfig={}), "exactly one of url or service is required"),
        (
            "ValidatingWebhookConfiguration",
            webhook(clientConfig={"url": "http://a"}),
            "'https' is the only allowed",
        ),
        ("CertificateSigningRequest", body("CertificateSigningRequest", usages=["x"]), "spec.usages[0]: Invalid value"),
        ("CertificateSigningRequest", body("CertificateSigningRequest", request="AAAA"), "PEM block type must be"),
        ("VolumeAttachment", {"metadata": {"name": "x"}, "spec": {}}, "spec.attacher: Required value"),
        ("CSIStorageCapacity", {"metadata": {"name": "x"}}, "storageClassName: Required value"),
        ("CSIStorageCapacity", {**body("CSIStorageCapacity"), "capacity": "-1"}, "must be greater than or equal to 0"),
        ("VolumeAttributesClass", {"metadata": {"name": "x"}}, "driverName: Required value"),
        ("VolumeAttributesClass", {"metadata": {"name": "x"}, "driverName": "d"}, "at least one key/value pair"),
        ("FlowSchema", {"metadata": {"name": "x"}}, "must reference a priority level"),
        ("FlowSchema", body("FlowSchema", matchingPrecedence=1), "only the schema named 'exempt' may have"),
        ("FlowSchema", body("FlowSchema", rules=[{}]), "spec.rules[0].subjects: Required value"),
        ("FlowSchema", body("FlowSchema", distinguisherMethod={"type": "x"}), 'Unsupported value: "x"'),
        ("PriorityLevelConfiguration", body("PriorityLevelConfiguration", type="Exempt"), "if and only if `name` is"),
        ("PriorityLevelConfiguration", {"metadata": {"name": "x"}, "spec": {"type": "Limited"}}, "must not be empty"),
        ("DeviceClass", body("DeviceClass", selectors=[{"cel": {"expression": "a +"}}]), "compilation failed"),
        ("ResourceClaim", claim({"name": "a"}), "exactly one of `exactly` or `firstAvailable` is required"),
        ("ResourceClaim", claim({"name": "a", "exactly": {}}), "requests[0].exactly.deviceClassName: Required value"),
        ("ResourceClaim", claim(GPU, GPU), 'spec.devices.requests[1].name: Duplicate value: "a"'),
        ("ResourceSlice", {"metadata": {"name": "x"}, "spec": {"driver": "d"}}, "spec.pool.name: Required value"),
        ("ResourceSlice", body("ResourceSlice", allNodes=True), "is required, but multiple fields are set"),
    ],
)
def test_what_is_refused(kind, document, fault):
    assert fault in ApiWorld().refused("POST", PATHS[kind], document)["message"]


@pytest.mark.parametrize(
    "text",
    [
        "* * * * *",
        "*/15 0-6,22 1,15 jan-mar mon-fri",
        "0 0 ? * 0",
        "@hourly",
        "@every 1h30m",
        "5/10 * * * *",
        "@yearly",
    ],
)
def test_schedules(text):
    assert parse_schedule(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("@never", "unrecognized descriptor: @never"),
        ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'),
    ],
)
def test_invalid_schedules(text, why):
    with pytest.raises(ValueError, match=re.escape(why)):
        parse_schedule(text)


def test_the_two_classes_of_every_cluster_and_a_class_of_ones_own():
    world = ApiWorld()
    names = [each["metadata"]["name"] for each in world.do("GET", PATHS["PriorityClass"])["items"]]
    assert names == ["system-cluster-critical", "system-node-critical"]
    world.do("POST", PATHS["PriorityClass"], {"metadata": {"name": "high"}, "value": 7, "preemptionPolicy": "Never"})
    named = {**pod("p"), "spec": {**pod("p")["spec"], "priorityClassName": "high"}}
    spec = world.do("POST", f"/api/v1{NAMESPACED}/pods", named)["spec"]
    assert (spec["priority"], spec["preemptionPolicy"]) == (7, "Never")


def test_the_default_class_is_that_of_pods_which_name_none():
    world = ApiWorld()
    world.do("POST", PATHS["PriorityClass"], {"metadata": {"name": "usual"}, "value": 3, "globalDefault": True})
    spec = world.do("POST", f"/api/v1{NAMESPACED}/pods", pod("p"))["spec"]
    assert (spec["priority"], spec["priorityClassName"]) == (3, "usual")
    second = {"metadata": {"name": "other"}, "value": 3, "globalDefault": True}
    assert "Only one default can exist" in world.refused("POST", PATHS["PriorityClass"], second)["message"]


def test_a_request_for_a_certificate_is_approved_through_its_own_path():
    world, url = ApiWorld(), PATHS["CertificateSigningRequest"]
    made = world.do("POST", url, body("CertificateSigningRequest", username="root"))
    assert (made["spec"]["username"], made["spec"]["groups"]) == ("admin", ["system:masters"])
    condition = {"type": "Approved", "status": "True", "reason": "r", "message": "m"}
    by_status = world.do("PUT", f"{url}/x/status", {**made, "status": {"conditions": [condition]}})
    assert not by_status["status"].get("conditions")
    world.do("PUT", f"{url}/x/approval", {**by_status, "status": {"conditions": [condition], "certificate": "AAAA"}})
    stored = world.do("GET", f"{url}/x")["status"]
    (kept,) = stored["conditions"]
    assert condition.items() <= kept.items()
    assert kept["lastTransitionTime"] == world.env.now
    assert "certificate" not in stored
    assert world.refused("PUT", f"{url}/x", {**made, "spec": {**made["spec"], "usages": ["any"]}})["code"] in (409, 422)
