"""Custom kinds whose versions a webhook converts: what is stored, what is shown, and what bad answers lead to."""

import pytest

from tests.support.api_world import ApiWorld
from tests.support.webhooks import ALLOWED, add, configure, patch, rule, webhook

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OLD, NEW = (f"/apis/example.com/{version}/namespaces/default/backups" for version in ("v1", "v2"))
MERGE = {"content_type": "application/merge-patch+json"}


def schema(**fields):
    spec = {"type": "object", "properties": {name: {"type": type_} for name, type_ in fields.items()}}
    return {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}


def definition():
    versions = [
        {"name": "v1", "served": True, "storage": False, "schema": schema(hours="integer")},
        {"name": "v2", "served": True, "storage": True, "schema": schema(minutes="integer")},
    ]
    client = {"url": "https://converter/"}
    webhook = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
    return {
        "metadata": {"name": "backups.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "backups", "kind": "Backup"},
            "versions": versions,
            "conversion": {"strategy": "Webhook", "webhook": webhook},
        },
    }


def convert(request):
    return {"result": {"status": "Success"}, "convertedObjects": [under(request, each) for each in request["objects"]]}


def under(request, document):
    spec = document.get("spec") or {}
    if request["desiredAPIVersion"] == "example.com/v2":
        made = {"minutes": spec["hours"] * 60} if "hours" in spec else {}
    else:
        made = {"hours": spec["minutes"] // 60} if "minutes" in spec else {}
    return {**document, "apiVersion": request["desiredAPIVersion"], "spec": made}


@pytest.fixture
def world():
    world = ApiWorld()
    world.servers["https://converter/"] = convert
    world.do("POST", DEFINITIONS, definition())
    return world


def backup(name, version="v1", **spec):
    return {"apiVersion": f"example.com/{version}", "kind": "Backup", "metadata": {"name": name}, "spec": spec}


def test_each_version_shows_the_object_in_its_own_form(world):
    made = world.do("POST", OLD, backup("a", hours=2))
    assert (made["apiVersion"], made["spec"]) == ("example.com/v1", {"hours": 2})
    assert world.do("GET", f"{NEW}/a")["spec"] == {"minutes": 120}
    assert world.do("GET", f"{OLD}/a") == made
    (stored,) = world.state.of("backups.example.com").values()
    assert b'"minutes":120' in stored.document
    assert b'"hours"' not in stored.document.partition(b'"spec"')[2]


def test_the_version_that_is_stored_needs_no_conversion(world):
    world.do("POST", NEW, backup("a", "v2", minutes=60))
    world.do("GET", f"{NEW}/a")
    world.do("GET", NEW)
    assert world.reviews == []


def test_a_list_is_converted_at_once(world):
    for name in "abc":
        world.do("POST", NEW, backup(name, "v2", minutes=60))
    listed = world.do("GET", OLD)
    assert [item["spec"] for item in listed["items"]] == [{"hours": 1}] * 3
    assert len(world.reviews) == 1
    assert [item["spec"] for item in world.do("DELETE", f"{OLD}?dryRun=All")["items"]] == [{"hours": 1}] * 3
    request = world.reviews[0]["request"]
    assert (request["desiredAPIVersion"], len(request["objects"])) == ("example.com/v1", 3)
    assert (world.reviews[0]["kind"], world.reviews[0]["apiVersion"]) == ("ConversionReview", "apiextensions.k8s.io/v1")


def test_changes_are_made_in_the_version_of_the_request(world):
    world.do("POST", NEW, backup("a", "v2", minutes=60))
    changed = world.do("PATCH", f"{OLD}/a", {"spec": {"hours": 3}}, **MERGE)
    assert (changed["spec"], changed["metadata"]["generation"]) == ({"hours": 3}, 2)
    assert world.do("GET", f"{NEW}/a")["spec"] == {"minutes": 180}
    assert world.do("GET", f"{OLD}/a")["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]
    replaced = {**changed, "spec": {"hours": 4}}
    assert world.do("PUT", f"{OLD}/a", replaced)["spec"] == {"hours": 4}
    apply = {"content_type": "application/apply-patch+yaml"}
    world.do("PATCH", f"{OLD}/a?fieldManager=m&force=true", backup("a", hours=5), **apply)
    assert world.do("GET", f"{NEW}/a")["spec"] == {"minutes": 300}
    assert world.do("DELETE", f"{OLD}/a")["status"] == "Success"


def test_a_change_of_nothing_changes_nothing(world):
    world.do("POST", OLD, backup("a", hours=2))
    before = world.state.version
    world.do("PATCH", f"{OLD}/a", {"spec": {"hours": 2}}, **MERGE)
    assert world.state.version == before


def test_values_are_checked_against_the_version_of_the_request(world):
    assert "spec.hours" in world.refused("POST", OLD, backup("a", hours="two"))["message"]


def test_a_webhook_gets_equivalent_versions_in_its_own(world):
    configure(world, "Mutating", webhook(rules=[rule(["backups"], groups=["example.com"], versions=["v2"])]))
    world.servers["https://one/"] = lambda request: patch(
        add("/spec/minutes", request["object"]["spec"]["minutes"] * 2)
    )
    assert world.do("POST", OLD, backup("a", hours=1))["spec"] == {"hours": 2}
    configure(world, "Validating", webhook(rules=[rule(["backups"], versions=["v1"])]), name="judge")
    world.servers["https://one/"] = lambda request: {**ALLOWED, "warnings": [str(request["object"]["spec"])]}
    assert "{'hours': 3}" in world.ask("POST", NEW, backup("b", "v2", minutes=180)).warnings


def answering(**fields):
    return lambda request: {**convert(request), **fields}


def changed(**fields):
    def say(request):
        return {
            **convert(request),
            "convertedObjects": [{**under(request, each), **fields} for each in request["objects"]],
        }

    return say


FAILURES = [
    (lambda request: None, 'failed: Post "https://converter/": connect: connection refused'),
    (lambda request: b"no json", "failed: "),
    (lambda request: b"{}", "failed: webhook response was absent"),
    (answering(uid="other"), "failed: expected response.uid="),
    (answering(result={"status": "Failure", "message": "cannot"}), "failed: cannot"),
    (answering(result={}), "failed: response.result.status was '', not 'Success'"),
    (answering(convertedObjects=[]), "returned 0 objects, expected 1"),
    (answering(convertedObjects=[5]), "returned invalid converted object at index 0: it is no object with metadata"),
    (changed(apiVersion="example.com/v3"), "invalid groupVersion, expected example.com/v1, received example.com/v3"),
    (changed(kind="Other"), "invalid kind, expected Backup, received Other"),
    (changed(metadata={"name": "b"}), "must have the same name: a != b"),
]


@pytest.mark.parametrize(("say", "told"), FAILURES)
def test_answers_that_are_none(world, say, told):
    world.do("POST", NEW, backup("a", "v2", minutes=60))
    world.servers["https://converter/"] = say
    status = world.refused("GET", f"{OLD}/a")
    assert (status["code"], status["reason"]) == (500, "InternalError")
    assert status["message"].startswith("conversion webhook for example.com/v2, Kind=Backup ")
    assert told in status["message"]
    assert world.do("GET", f"{NEW}/a")["spec"] == {"minutes": 60}
    world.refused("POST", OLD, backup("b", hours=1))


def test_metadata_is_not_the_converters(world):
    world.do("POST", NEW, backup("a", "v2", minutes=60))
    metadata = world.do("GET", f"{NEW}/a")["metadata"]
    given = {**metadata, "labels": {"x": "y"}, "finalizers": ["example.com/f"], "resourceVersion": "7"}
    world.servers["https://converter/"] = changed(metadata=given)
    assert world.do("GET", f"{OLD}/a")["metadata"] == {**metadata, "labels": {"x": "y"}}


def test_a_rewritten_object_gets_the_current_stored_version(world):
    world.do("POST", NEW, backup("a", "v2", minutes=60))
    old, new = definition()["spec"]["versions"]
    versions = [{**old, "storage": True}, {**new, "storage": False}]
    world.do("PATCH", f"{DEFINITIONS}/backups.example.com", {"spec": {"versions": versions}}, **MERGE)
    (stored,) = world.state.of("backups.example.com").values()
    assert b'"apiVersion":"example.com/v2"' in stored.document
    assert world.do("GET", f"{OLD}/a")["spec"] == {"hours": 1}
    world.do("PATCH", f"{NEW}/a", {"metadata": {"labels": {"touched": "yes"}}}, **MERGE)
    (stored,) = world.state.of("backups.example.com").values()
    assert b'"apiVersion":"example.com/v1"' in stored.document
    kept = world.do("GET", f"{DEFINITIONS}/backups.example.com")["status"]["storedVersions"]
    assert kept == ["v2", "v1"]


REFUSED = [
    ({"strategy": "Webhook"}, "spec.conversion.webhookClientConfig: Required value"),
    (
        {"strategy": "Webhook", "webhook": {"clientConfig": {}, "conversionReviewVersions": ["v1"]}},
        "spec.conversion.webhookClientConfig: Required value",
    ),
    (
        {"strategy": "Webhook", "webhook": {"clientConfig": {"url": "http://x"}, "conversionReviewVersions": ["v1"]}},
        "'https' is the only allowed URL scheme",
    ),
    (
        {"strategy": "Webhook", "webhook": {"clientConfig": {"url": "https://x"}}},
        "spec.conversion.conversionReviewVersions: Required value",
    ),
    (
        {
            "strategy": "Webhook",
            "webhook": {
                "clientConfig": {"url": "https://x", "caBundle": "%"},
                "conversionReviewVersions": ["v1"],
            },
        },
        "spec.conversion.webhookClientConfig.caBundle",
    ),
]


@pytest.mark.parametrize(("conversion", "told"), REFUSED)
def test_definitions_that_say_nothing_about_their_webhook(conversion, told):
    made = definition()
    made["spec"]["conversion"] = conversion
    assert told in ApiWorld().refused("POST", DEFINITIONS, made)["message"]
