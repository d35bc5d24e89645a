"""``status.typeChecking`` of policies, and updates of what is stored with expressions that no longer compile."""

import json

import msgspec
import pytest

from fairlead.model.names import ObjectKey
from fairlead.registry.store import Step, put
from tests.support.api_world import ApiWorld
from tests.support.webhooks import ADMISSION, rule
from tests.unit.registry.admission.test_policies import POLICIES, policy
from tests.unit.registry.kinds.apiextensions.test_custom_resources import CRDS, definition

MERGE = {"content_type": "application/merge-patch+json"}
APPS = rule(["deployments", "statefulsets"], ["CREATE"], ["apps"], ["v1"])
FAULT = "ERROR: <input>:1:7: undefined field 'x'\n | object.x > 1\n | ......^\n"


@pytest.fixture
def world():
    world = ApiWorld()
    world.do("POST", CRDS, definition())
    return world


def about(*rules):
    return {"matchConstraints": {"resourceRules": list(rules)}}


def tabs(versions=("v1",)):
    return rule(["crontabs"], ["CREATE"], ["stable.example.com"], versions)


OF_APPS = ["apps/v1, Kind=Deployment", "apps/v1, Kind=StatefulSet"]
MATCHED = [
    (about(APPS), OF_APPS),
    (about(rule(["pods", "pods/status"], ["CREATE"], [""], ["v1"])), ["/v1, Kind=Pod"]),
    (about(tabs()), ["stable.example.com/v1, Kind=CronTab"]),
    (
        about(tabs(), APPS),
        ["apps/v1, Kind=Deployment", "apps/v1, Kind=StatefulSet", "stable.example.com/v1, Kind=CronTab"],
    ),
    (about(rule(["*"], ["CREATE"], ["apps"], ["v1"])), []),
    (about(rule(["deployments"], ["CREATE"], ["*"], ["v1"])), []),
    (about(tabs(["*"]), rule(["unheard"], ["CREATE"], ["apps"], ["v1"])), []),
    (about(rule(["scales"], ["CREATE"], ["autoscaling"], ["v1"])), []),
]


@pytest.mark.parametrize(("spec", "kinds"), MATCHED)
def test_an_expression_is_checked_against_each_kind_that_the_rules_name(world, spec, kinds):
    checked = world.do("POST", POLICIES, policy("object.x > 1", **spec))["status"]["typeChecking"]
    warning = "\n".join(f"{kind}: {FAULT}" for kind in kinds)
    assert checked == (
        {"expressionWarnings": [{"fieldRef": "spec.validations[0].expression", "warning": warning}]} if kinds else {}
    )


def test_messages_variables_and_parameters_are_typed_too(world):
    kind = {"apiVersion": "stable.example.com/v1", "kind": "CronTab"}
    validations = [
        {"expression": "variables.n == params.spec.replicas"},
        {"expression": "true", "messageExpression": "'is ' + variables.n"},
        {"expression": "params.spec.nothing == 1"},
    ]
    variables = [{"name": "n", "expression": "object.spec.replicas"}]
    made = policy(*validations, variables=variables, paramKind=kind, **about(APPS))
    found = world.do("POST", POLICIES, made)["status"]["typeChecking"]["expressionWarnings"]
    assert [each["fieldRef"] for each in found] == [
        "spec.validations[1].messageExpression",
        "spec.validations[2].expression",
    ]
    assert "'_+_' applied to '(string, int)'" in found[0]["warning"]


def test_a_change_is_checked_again(world):
    world.do("POST", POLICIES, policy("object.x > 1", **about(APPS)))
    mended = {"spec": {"validations": [{"expression": "object.spec.replicas > 1"}]}}
    status = world.do("PATCH", f"{POLICIES}/limits", mended, **MERGE)["status"]
    assert status == {"observedGeneration": 2, "typeChecking": {}}


def store(world, resource, url, text, other):
    """Have the stored object say what an earlier version of the server would have let pass."""
    document = json.dumps(world.do("GET", url)).replace(text, other)
    key = ObjectKey("", url.rpartition("/")[2])
    world.state = put(Step(world.state), resource, key, msgspec.json.decode(document), {}).state


def with_rule(text):
    made = definition()
    schema = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    spec = {**schema["properties"]["spec"], "x-kubernetes-validations": [{"rule": text}]}
    version = {"openAPIV3Schema": {**schema, "properties": {**schema["properties"], "spec": spec}}}
    return definition(schema=version)


HOOKS = {"metadata": {"name": "hooks"}, "webhooks": []}
HOOK = {
    "name": "a.example.com",
    "clientConfig": {"url": "https://hook/"},
    "sideEffects": "None",
    "admissionReviewVersions": ["v1"],
    "matchConditions": [{"name": "a", "expression": "true == false"}],
}
STORED = {
    "definition": (
        "customresourcedefinitions.apiextensions.k8s.io",
        f"{CRDS}/crontabs.stable.example.com",
        with_rule("true == false"),
        lambda text: {"spec": {"versions": with_rule(text)["spec"]["versions"]}},
    ),
    "policy": (
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        f"{POLICIES}/limits",
        policy("true == false"),
        lambda text: {"spec": policy(text)["spec"]},
    ),
    "webhook": (
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        f"{ADMISSION}/validatingwebhookconfigurations/hooks",
        {"metadata": {"name": "hooks"}, "webhooks": [HOOK]},
        lambda text: {"webhooks": [{**HOOK, "matchConditions": [{"name": "a", "expression": text}]}]},
    ),
}


@pytest.mark.parametrize("case", STORED.values(), ids=STORED)
def test_stored_policies_with_invalid_expressions_can_be_updated(case):
    world = ApiWorld()
    resource, url, made, saying = case
    world.do("POST", url.rpartition("/")[0], made)
    store(world, resource, url, "true == false", "unheard(1)")
    label = {"metadata": {"labels": {"a": "b"}}}
    assert world.do("PATCH", url, label, **MERGE)["metadata"]["labels"] == {"a": "b"}
    assert "undeclared reference to 'other'" in world.refused("PATCH", url, saying("other(1)"), **MERGE)["message"]
    world.do("PATCH", url, saying("true"), **MERGE)
    assert "undeclared reference to 'unheard'" in world.refused("PATCH", url, saying("unheard(1)"), **MERGE)["message"]
