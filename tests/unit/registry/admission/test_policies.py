"""ValidatingAdmissionPolicies: what they refuse, warn of and let pass, and what is refused of them."""

import pytest

from tests.support.api_world import ApiWorld, config_map, pod
from tests.support.webhooks import ADMISSION, rule

MAPS = "/api/v1/namespaces/default/configmaps"
POLICIES = f"{ADMISSION}/validatingadmissionpolicies"
BINDINGS = f"{ADMISSION}/validatingadmissionpolicybindings"
MAP_RULES = {"resourceRules": [rule(["configmaps"], ["CREATE", "UPDATE"], [""], ["v1"])]}


@pytest.fixture
def world():
    return ApiWorld()


def policy(*validations, name="limits", **spec):
    """A policy about ConfigMaps, of validations that are expressions or more."""
    written = [{"expression": each} if isinstance(each, str) else each for each in validations]
    plain = {"matchConstraints": MAP_RULES, "validations": written}
    return {"metadata": {"name": name}, "spec": {**plain, **spec}}


def binding(name="everywhere", policy_name="limits", actions=("Deny",), **spec):
    return {"metadata": {"name": name}, "spec": {"policyName": policy_name, "validationActions": list(actions), **spec}}


def bind(world, made, *bindings):
    world.do("POST", POLICIES, made)
    for each in bindings or (binding(),):
        world.do("POST", BINDINGS, each)


def test_a_policy_denies(world):
    bind(world, policy({"expression": "size(object.data) < 2", "message": "one entry at the most"}))
    world.do("POST", MAPS, config_map("a", x="1"))
    status = world.refused("POST", MAPS, config_map("b", x="1", y="2"))
    told = "ValidatingAdmissionPolicy 'limits' with binding 'everywhere' denied request: one entry at the most"
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["message"] == f'configmaps "b" is forbidden: {told}'
    assert status["details"]["causes"] == [{"message": told}]


def test_without_a_binding_a_policy_says_nothing(world):
    world.do("POST", POLICIES, policy("false"))
    world.do("POST", MAPS, config_map("a"))


REASONS = [
    ({}, 422, "Invalid"),
    ({"reason": "Forbidden"}, 403, "Forbidden"),
    ({"reason": "Unauthorized"}, 401, "Unauthorized"),
    ({"reason": "RequestEntityTooLarge"}, 413, "RequestEntityTooLarge"),
]


@pytest.mark.parametrize(("more", "code", "reason"), REASONS)
def test_reasons(world, more, code, reason):
    bind(world, policy({"expression": "false", **more}))
    status = world.refused("POST", MAPS, config_map("a"))
    assert (status["code"], status["reason"]) == (code, reason)


MESSAGES = [
    ({}, "failed expression: false"),
    ({"message": " said "}, "said"),
    ({"message": "said", "messageExpression": "'name is ' + object.metadata.name"}, "name is a"),
    ({"message": "said", "messageExpression": "object.absent"}, "said"),
    ({"message": "said", "messageExpression": "'two\\nlines'"}, "said"),
    ({"message": "said", "messageExpression": "' '"}, "said"),
    ({"messageExpression": "1"}, "failed expression: false"),
]


@pytest.mark.parametrize(("more", "told"), MESSAGES)
def test_messages(world, more, told):
    bind(world, policy({"expression": "false", **more}))
    assert world.refused("POST", MAPS, config_map("a"))["message"].endswith(f"denied request: {told}")


OUTCOMES = [
    # (expression of a policy that holds or not for a map with x=1)
    ("object.data.x == '1'", True),
    ("object.data.x == '2'", False),
    ("oldObject == null", True),
    ("request.operation == 'CREATE' && request.name == 'a' && request.namespace == 'default'", True),
    ("request.userInfo.username == 'admin' && 'system:masters' in request.userInfo.groups", True),
    ("namespaceObject.metadata.name == 'default'", True),
    ("authorizer.group('').resource('secrets').namespace('default').check('get').allowed()", True),
    ("authorizer.requestResource.check('create').allowed()", True),
    ("authorizer.serviceAccount('default', 'x').path('/metrics').check('get').allowed()", False),
    ("object.?metadata.?labels.orValue({}).size() == 0", True),
    ("variables.doubled == '11'", True),
    ("variables.unused == 1", False),
]


@pytest.mark.parametrize(("expression", "holds"), OUTCOMES)
def test_variables_of_expressions(world, expression, holds):
    variables = [
        {"name": "value", "expression": "object.data.x"},
        {"name": "doubled", "expression": "variables.value + variables.value"},
        {"name": "unused", "expression": "object.absent"},
    ]
    bind(world, policy(expression, variables=variables))
    if holds:
        world.do("POST", MAPS, config_map("a", x="1"))
    else:
        world.refused("POST", MAPS, config_map("a", x="1"))


def test_a_policy_compares_with_what_there_was(world):
    bind(world, policy("oldObject == null || object.data.x == oldObject.data.x"))
    world.do("POST", MAPS, config_map("a", x="1"))
    merge = {"content_type": "application/merge-patch+json"}
    world.do("PATCH", f"{MAPS}/a", {"data": {"y": "1"}}, **merge)
    world.refused("PATCH", f"{MAPS}/a", {"data": {"x": "2"}}, **merge)


def test_a_deletion_has_no_object(world):
    rules = {"resourceRules": [rule(["configmaps"], ["DELETE"], [""], ["v1"])]}
    bind(world, policy("object == null && oldObject.data.x != 'kept'", matchConstraints=rules))
    world.do("POST", MAPS, config_map("a", x="1"))
    world.do("POST", MAPS, config_map("b", x="kept"))
    world.do("DELETE", f"{MAPS}/a")
    world.refused("DELETE", f"{MAPS}/b")


ACTIONS = [
    (["Deny"], True, False),
    (["Warn"], False, True),
    (["Audit"], False, False),
    (["Warn", "Audit"], False, True),
    (["Deny", "Audit"], True, False),
]


@pytest.mark.parametrize(("actions", "denies", "warns"), ACTIONS)
def test_actions(world, actions, denies, warns):
    bind(world, policy("false"), binding(actions=actions))
    if denies:
        world.refused("POST", MAPS, config_map("a"))
        return
    told = (
        "Validation failed for ValidatingAdmissionPolicy 'limits' with binding 'everywhere': failed expression: false"
    )
    assert world.ask("POST", MAPS, config_map("a")).warnings == ((told,) if warns else ())


@pytest.mark.parametrize("failure", ["Fail", "Ignore"])
@pytest.mark.parametrize(
    "spec",
    [
        {"validations": [{"expression": "object.absent == 1"}]},
        {"matchConditions": [{"name": "c", "expression": "object.absent == 1"}]},
        {"auditAnnotations": [{"key": "k", "valueExpression": "object.absent"}]},
        {"auditAnnotations": [{"key": "k", "valueExpression": "1"}]},
    ],
)
def test_expressions_without_a_value(world, failure, spec):
    bind(world, policy("true", failurePolicy=failure, **spec))
    if failure == "Ignore":
        world.do("POST", MAPS, config_map("a"))
    else:
        world.refused("POST", MAPS, config_map("a"))


def test_match_conditions_leave_requests_out(world):
    bind(world, policy("false", matchConditions=[{"name": "not-a", "expression": "object.metadata.name != 'a'"}]))
    world.do("POST", MAPS, config_map("a"))
    world.refused("POST", MAPS, config_map("b"))


LIMITS = [
    # (matchConstraints, matchResources of the binding, whether a map in default with tier=web is concerned)
    ({**MAP_RULES, "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}, None, True),
    ({**MAP_RULES, "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}, None, False),
    ({**MAP_RULES, "objectSelector": {"matchLabels": {"tier": "web"}}}, None, True),
    ({**MAP_RULES, "objectSelector": {"matchLabels": {"tier": "db"}}}, None, False),
    ({**MAP_RULES, "excludeResourceRules": [rule(["configmaps"])]}, None, False),
    ({**MAP_RULES, "excludeResourceRules": [rule(["secrets"])]}, None, True),
    ({"resourceRules": [rule(["configmaps"], resourceNames=["a"])]}, None, True),
    ({"resourceRules": [rule(["configmaps"], resourceNames=["b"])]}, None, False),
    (MAP_RULES, {"objectSelector": {"matchLabels": {"tier": "db"}}}, False),
    (MAP_RULES, {"objectSelector": {"matchLabels": {"tier": "web"}}}, True),
    (MAP_RULES, {"resourceRules": [rule(["secrets"])]}, False),
]


@pytest.mark.parametrize(("constraints", "limits", "concerned"), LIMITS)
def test_which_requests_match(world, constraints, limits, concerned):
    more = {"matchResources": limits} if limits else {}
    bind(world, policy("false", matchConstraints=constraints), binding(**more))
    made = config_map("a", labels={"tier": "web"})
    if concerned:
        world.refused("POST", MAPS, made)
    else:
        world.do("POST", MAPS, made)


def test_scale_and_connections_are_judged(world):
    rules = {"resourceRules": [rule(["pods/exec"], ["CONNECT"])]}
    bind(world, policy({"expression": "object.command != ['sh']", "reason": "Forbidden"}, matchConstraints=rules))
    world.do("POST", "/api/v1/namespaces/default/pods", pod("p", node="n"))
    status = world.refused("GET", "/api/v1/namespaces/default/pods/p/exec?command=sh")
    assert "denied request: failed expression: object.command != ['sh']" in status["message"]


PARAMETERS = [
    # (paramRef, whether a map with x=2 passes where parameters allow 1 in default and 3 in other)
    ({"name": "limit"}, False),
    ({"name": "limit", "namespace": "other"}, True),
    ({"name": "absent"}, False),
    ({"name": "absent", "parameterNotFoundAction": "Allow"}, True),
    ({"selector": {"matchLabels": {"kind": "limit"}}}, False),
    ({"selector": {"matchLabels": {"kind": "other"}}, "parameterNotFoundAction": "Allow"}, True),
    (None, True),
]


@pytest.mark.parametrize(("reference", "passes"), PARAMETERS)
def test_parameters(world, reference, passes):
    world.do("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    labelled = {"kind": "limit"}
    world.do("POST", MAPS, config_map("limit", labels=labelled, most="1"))
    world.do("POST", "/api/v1/namespaces/other/configmaps", config_map("limit", labels=labelled, most="3"))
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    made = policy("params == null || int(object.data.x) <= int(params.data.most)", paramKind=kind)
    more = {"paramRef": {"parameterNotFoundAction": "Deny", **reference}} if reference else {}
    bind(world, made, binding(**more))
    if passes:
        world.do("POST", MAPS, config_map("a", x="2"))
    else:
        world.refused("POST", MAPS, config_map("a", x="2"))


def test_a_kind_of_parameters_that_there_is_not(world):
    kind = {"apiVersion": "example.com/v1", "kind": "Limit"}
    more = {"paramRef": {"name": "x", "parameterNotFoundAction": "Allow"}}
    bind(world, policy("true", paramKind=kind), binding(**more, actions=["Warn"]))
    told = world.refused("POST", MAPS, config_map("a"))["message"]
    assert "failed to configure binding: paramKind kind `example.com/v1, Kind=Limit` not known" in told


def test_policies_do_not_judge_policies(world):
    bind(world, policy("false", matchConstraints={"resourceRules": [rule(["*"])]}))
    world.do("DELETE", f"{BINDINGS}/everywhere")
    world.do("POST", MAPS, config_map("a"))


def test_defaults_of_admission_policies(world):
    made = world.do("POST", POLICIES, policy("true"))
    assert made["spec"]["failurePolicy"] == "Fail"
    match = made["spec"]["matchConstraints"]
    assert (match["matchPolicy"], match["namespaceSelector"], match["objectSelector"]) == ("Equivalent", {}, {})
    assert match["resourceRules"][0]["scope"] == "*"
    assert made["status"]["observedGeneration"] == made["metadata"]["generation"] == 1
    merge = {"content_type": "application/merge-patch+json"}
    changed = world.do("PATCH", f"{POLICIES}/limits", {"spec": {"failurePolicy": "Ignore"}}, **merge)
    assert changed["status"]["observedGeneration"] == changed["metadata"]["generation"] == 2


REFUSED = [
    (policy(), "spec.validations: Required value: validations or auditAnnotations must contain at least one item"),
    (policy("object.x <"), "spec.validations[0].expression: Invalid value"),
    (policy("objekt.x"), "undeclared reference to 'objekt'"),
    (policy("params.x"), "undeclared reference to 'params'"),
    (policy("unheard(object)"), "undeclared reference to 'unheard'"),
    (policy({"expression": " "}), "spec.validations[0].expression: Required value: expression is not specified"),
    (policy({"expression": "true", "reason": "Odd"}), "spec.validations[0].reason: Unsupported value"),
    (policy({"expression": "true", "message": "a\nb"}), "message must not contain line breaks"),
    (policy("true", failurePolicy="Odd"), "spec.failurePolicy: Unsupported value"),
    (policy("true", matchConstraints=None), "spec.matchConstraints: Required value"),
    (policy("true", matchConstraints={}), "spec.matchConstraints.resourceRules: Required value"),
    (policy("true", variables=[{"name": "1", "expression": "1"}]), "name is not a valid CEL identifier"),
    (policy("true", paramKind={"kind": "X"}), "spec.paramKind.apiVersion: Required value"),
    (policy("true", matchConditions=[{"name": "", "expression": "true"}]), "spec.matchConditions[0].name: Required"),
]


@pytest.mark.parametrize(("made", "told"), REFUSED)
def test_refused_policies(world, made, told):
    assert told in world.refused("POST", POLICIES, made)["message"]


REFUSED_BINDINGS = [
    (binding(policy_name=""), "spec.policyName: Required value"),
    (binding(actions=()), "spec.validationActions: Required value: at least one validation action is required"),
    (binding(actions=("Deny", "Warn")), "must not contain both Deny and Warn"),
    (binding(actions=("Deny", "Deny")), "spec.validationActions[1]: Duplicate value"),
    (binding(actions=("Odd",)), "spec.validationActions[0]: Unsupported value"),
    (binding(paramRef={"name": "x"}), "spec.paramRef.parameterNotFoundAction: Required value"),
    (binding(paramRef={"parameterNotFoundAction": "Deny"}), "one of name or selector must be specified"),
]


@pytest.mark.parametrize(("made", "told"), REFUSED_BINDINGS)
def test_refused_bindings(world, made, told):
    assert told in world.refused("POST", BINDINGS, made)["message"]
