"""MutatingAdmissionPolicies: their mutations, their order, and refusals."""

import pytest

from tests.support.api_world import ApiWorld, config_map, pod
from tests.support.webhooks import ADMISSION, add, configure, patch, rule, webhook

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
POLICIES = f"{ADMISSION}/mutatingadmissionpolicies"
BINDINGS = f"{ADMISSION}/mutatingadmissionpolicybindings"
MAP_RULES = {"resourceRules": [rule(["configmaps"], ["CREATE", "UPDATE"], [""], ["v1"])]}
POD_RULES = {"resourceRules": [rule(["pods"], ["CREATE"], [""], ["v1"])]}


@pytest.fixture
def world():
    return ApiWorld()


def apply(expression):
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def json_patch(expression):
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def policy(*mutations, name="fills", rules=MAP_RULES, **spec):
    plain = {"matchConstraints": rules, "mutations": list(mutations), "reinvocationPolicy": "Never"}
    return {"metadata": {"name": name}, "spec": {**plain, **spec}}


def bind(world, made, **spec):
    name = made["metadata"]["name"]
    world.do("POST", POLICIES, made)
    world.do("POST", BINDINGS, {"metadata": {"name": name}, "spec": {"policyName": name, **spec}})


LABEL = "Object{metadata: Object.metadata{labels: {'tier': 'web'}}}"
ON_MAPS = [
    # (mutations, labels and data of the map with x=1 afterwards)
    ([apply(LABEL)], {"tier": "web"}, {"x": "1"}),
    ([apply("Object{data: {'y': object.data.x + '2'}}")], None, {"x": "1", "y": "12"}),
    ([apply("Object{data: {'x': '3'}}")], None, {"x": "3"}),
    ([apply("Object{}")], None, {"x": "1"}),
    ([apply("has(object.data.z) ? Object{data: {'z': '0'}} : Object{}")], None, {"x": "1"}),
    ([apply("Object{?data: object.data.?q.optMap(q, {'y': q})}")], None, {"x": "1"}),
    (
        [apply(LABEL), apply("Object{data: {'y': object.metadata.labels.tier}}")],
        {"tier": "web"},
        {"x": "1", "y": "web"},
    ),
    ([json_patch("[JSONPatch{op: 'add', path: '/data/y', value: '2'}]")], None, {"x": "1", "y": "2"}),
    ([json_patch("[JSONPatch{op: 'remove', path: '/data/x'}]")], None, None),
    ([json_patch("[JSONPatch{op: 'move', from: '/data/x', path: '/data/y'}]")], None, {"y": "1"}),
    ([json_patch("[JSONPatch{op: 'add', path: '/data', value: {'k': 'v'}}]")], None, {"k": "v"}),
    ([json_patch("[JSONPatch{op: 'add', path: '/metadata/labels', value: {'a': 'b'}}]")], {"a": "b"}, {"x": "1"}),
    (
        [json_patch("[JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('a/~b'), value: '2'}]")],
        None,
        {"x": "1", "a/~b": "2"},
    ),
    # A test that does not hold leaves the object as it is.
    (
        [json_patch("[JSONPatch{op: 'test', path: '/data/x', value: '2'}, JSONPatch{op: 'remove', path: '/data/x'}]")],
        None,
        {"x": "1"},
    ),
]


@pytest.mark.parametrize(("mutations", "labels", "data"), ON_MAPS)
def test_mutations_of_a_map(world, mutations, labels, data):
    # A key of a ConfigMap cannot have a slash, so its rules are not asked here.
    bind(world, policy(*mutations))
    if data and "a/~b" in data:
        assert "a/~b" in world.refused("POST", MAPS, config_map("a", x="1"))["message"]
        return
    made = world.do("POST", MAPS, config_map("a", x="1"))
    assert (made["metadata"].get("labels"), made.get("data")) == (labels, data)


def test_lists_with_keys_are_merged(world):
    env = "Object.spec.containers.env{name: 'A', value: '1'}"
    side = f"Object.spec.containers{{name: 'side', image: 'busybox', env: [{env}]}}"
    bind(world, policy(apply(f"Object{{spec: Object.spec{{containers: [{side}]}}}}"), rules=POD_RULES))
    made = world.do("POST", PODS, pod("p"))
    names = [container["name"] for container in made["spec"]["containers"]]
    assert names == ["main", "side"]
    assert made["spec"]["containers"][1]["env"] == [{"name": "A", "value": "1"}]


def test_an_added_container_is_completed_and_mounted(world):
    """What the server adds by itself comes before policies, and once more after them, as upstream's plug-ins do."""
    seen = "Object{metadata: Object.metadata{labels: {'volumes': string(object.spec.volumes.size())}}}"
    side = "Object{spec: Object.spec{containers: [Object.spec.containers{name: 'side', image: 'busybox'}]}}"
    bind(world, policy(apply(seen), apply(side), rules=POD_RULES))
    made = world.do("POST", PODS, pod("p"))
    assert made["metadata"]["labels"] == {"volumes": "1"}
    assert [container["imagePullPolicy"] for container in made["spec"]["containers"]] == ["Always", "Always"]
    mounts = [container["volumeMounts"][0]["mountPath"] for container in made["spec"]["containers"]]
    assert mounts == ["/var/run/secrets/kubernetes.io/serviceaccount"] * 2


def test_a_webhook_sees_what_limits_and_accounts_add(world):
    limits = {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}
    world.do("POST", "/api/v1/namespaces/default/limitranges", {"metadata": {"name": "l"}, "spec": limits})
    seen = []
    world.servers["https://one/"] = lambda request: seen.append(request["object"]) or {"allowed": True}
    configure(world, "Mutating", webhook(rules=[rule(["pods"])]))
    world.do("POST", PODS, pod("p"))
    spec = seen[0]["spec"]
    assert spec["containers"][0]["resources"]["limits"] == {"cpu": "1"}
    assert (spec["priority"], len(spec["volumes"]), len(spec["tolerations"])) == (0, 1, 2)


def test_policies_come_before_webhooks(world):
    bind(world, policy(apply(LABEL)))
    seen = []
    world.servers["https://one/"] = lambda request: seen.append(request["object"]) or {"allowed": True}
    configure(world, "Mutating", webhook())
    world.do("POST", MAPS, config_map("a", x="1"))
    assert seen[0]["metadata"]["labels"] == {"tier": "web"}


REINVOCATIONS = [("Never", "1"), ("IfNeeded", "2")]


@pytest.mark.parametrize(("wish", "count"), REINVOCATIONS)
def test_a_policy_comes_again_after_a_webhook_if_it_wishes(world, wish, count):
    counts = "Object{data: {'count': string(int(object.data.?count.orValue('0')) + 1)}}"
    bind(world, policy(apply(counts), reinvocationPolicy=wish))
    world.servers["https://one/"] = lambda request: patch(add("/data/y", "2"))
    configure(world, "Mutating", webhook())
    assert world.do("POST", MAPS, config_map("a", x="1"))["data"]["count"] == count


FAILURES = [
    (apply("Object{data: {'y': object.absent}}"), "no such key: absent"),
    (apply("{'data': {'y': '1'}}"), "unsupported return type from ApplyConfiguration expression"),
    (apply("Object{metadata: Object.spec{labels: {'a': 'b'}}}"), "expected 'Object.metadata'"),
    (apply("Object{absent: '1'}"), "absent: field not declared in schema"),
    (json_patch("'x'"), "should evaluate to array of JSONPatch"),
    (json_patch("[{'op': 'remove', 'path': '/data/x'}]"), "should evaluate to array of JSONPatch"),
    (json_patch("[JSONPatch{op: 'remove', path: '/data/absent'}]"), "JSONPath: "),
    (json_patch("[JSONPatch{op: 'remove', path: '/data/x', more: 1}]"), "undefined field 'more'"),
]


@pytest.mark.parametrize(("mutation", "told"), FAILURES)
@pytest.mark.parametrize("failure_policy", ["Fail", "Ignore"])
def test_failures(world, mutation, told, failure_policy):
    bind(world, policy(mutation, failurePolicy=failure_policy))
    if failure_policy == "Ignore":
        assert world.do("POST", MAPS, config_map("a", x="1"))["data"] == {"x": "1"}
        return
    status = world.refused("POST", MAPS, config_map("a", x="1"))
    assert status["message"].startswith("policy 'fills' with binding 'fills' denied request: ")
    assert told in status["message"]
    assert (status["code"], status["reason"]) == (403, "Invalid")


def test_lists_and_objects_that_are_replaced_whole_are_not_applied(world):
    command = "Object{spec: Object.spec{containers: [Object.spec.containers{name: 'main', command: ['x']}]}}"
    bind(world, policy(apply(command), rules=POD_RULES))
    told = world.refused("POST", PODS, pod("p"))["message"]
    assert "may not mutate atomic arrays, maps or structs: .spec.containers[0].command" in told


def test_conditions_variables_and_parameters(world):
    world.do("POST", MAPS, config_map("settings", labels={"kind": "settings"}, tier="db"))
    made = policy(
        apply("Object{metadata: Object.metadata{labels: {'tier': variables.tier}}}"),
        matchConditions=[{"name": "not-settings", "expression": "object.metadata.name != 'settings'"}],
        variables=[{"name": "tier", "expression": "params.data.tier"}],
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
    )
    bind(world, made, paramRef={"name": "settings", "parameterNotFoundAction": "Deny"})
    assert world.do("POST", MAPS, config_map("a"))["metadata"]["labels"] == {"tier": "db"}
    merge = {"content_type": "application/merge-patch+json"}
    kept = world.do("PATCH", f"{MAPS}/settings", {"data": {"x": "1"}}, **merge)
    assert kept["metadata"]["labels"] == {"kind": "settings"}
    world.do("DELETE", f"{MAPS}/settings")
    status = world.refused("POST", MAPS, config_map("b"))
    assert "failed to configure binding: no params found" in status["message"]


def test_fields_set_by_a_policy_have_no_owner(world):
    bind(world, policy(apply(LABEL)))
    made = world.do("POST", MAPS, config_map("a", x="1"))
    assert all("f:labels" not in str(entry) for entry in made["metadata"]["managedFields"])


def test_updates_are_changed_too(world):
    world.do("POST", MAPS, config_map("a", x="1"))
    bind(world, policy(apply(LABEL)))
    merge = {"content_type": "application/merge-patch+json"}
    assert world.do("PATCH", f"{MAPS}/a", {"data": {"y": "2"}}, **merge)["metadata"]["labels"] == {"tier": "web"}


REFUSED = [
    ({"mutations": []}, "spec.mutations: Required value: mutations must contain at least one item"),
    ({"mutations": [{"patchType": "Other"}]}, 'spec.mutations[0].patchType: Unsupported value: "Other"'),
    ({"mutations": [{}]}, "spec.mutations[0].patchType: Required value"),
    ({"mutations": [{"patchType": "JSONPatch"}]}, "spec.mutations[0].jsonPatch: Required value"),
    ({"mutations": [apply("")]}, "spec.mutations[0].applyConfiguration.expression: Required value"),
    ({"mutations": [apply("unknown")]}, "undeclared reference to 'unknown'"),
    ({"mutations": [apply("Object{")]}, "Syntax error"),
    ({"reinvocationPolicy": "Always"}, 'spec.reinvocationPolicy: Unsupported value: "Always"'),
    ({"reinvocationPolicy": ""}, "spec.reinvocationPolicy: Required value"),
    ({"matchConstraints": None}, "spec.matchConstraints: Required value"),
    (
        {"matchConstraints": {"resourceRules": [rule(["configmaps"], ["DELETE"])]}},
        'spec.matchConstraints.resourceRules[0].operations[0]: Unsupported value: "DELETE"',
    ),
]


@pytest.mark.parametrize(("spec", "told"), REFUSED)
def test_refused_mutating_policies(world, spec, told):
    assert told in world.refused("POST", POLICIES, policy(apply("Object{}"), **spec))["message"]
