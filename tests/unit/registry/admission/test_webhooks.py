"""Webhooks: matching, effects of their answers, and failures."""

import base64
import json

import pytest

from tests.support.api_world import ApiWorld, config_map, pod
from tests.support.webhooks import ADMISSION, ALLOWED, DENIED, MAPS_RULE, add, configure, patch, rule, webhook

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


@pytest.fixture
def world():
    world = ApiWorld()
    world.servers["https://one/"] = lambda request: ALLOWED
    return world


def deployment(name, **metadata):
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "busybox"}]}}
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, **metadata}, "spec": spec}


def asked(world, act):
    """The operations, resources and names that the webhook has heard of during an act."""
    before = len(world.reviews)
    act(world)
    told = [review["request"] for review in world.reviews[before:]]
    return [
        (request["operation"], "/".join(filter(None, (request["resource"]["resource"], request.get("subResource")))))
        for request in told
    ]


def create(world):
    world.do("POST", MAPS, config_map("a", labels={"tier": "web"}))


def change(world):
    world.do("PATCH", f"{MAPS}/a", {"data": {"x": "2"}}, content_type="application/merge-patch+json")


def delete(world):
    world.do("DELETE", f"{MAPS}/a")


def scale(world):
    body = {"spec": {"replicas": 2}}
    world.do("PATCH", f"{DEPLOYMENTS}/d/scale", body, content_type="application/merge-patch+json")


MATCHES = [
    # (rule, what is done, what the webhook hears of)
    (rule(["configmaps"]), create, [("CREATE", "configmaps")]),
    (rule(["configmaps"], ["CREATE"]), change, []),
    (rule(["configmaps"], ["UPDATE", "DELETE"]), change, [("UPDATE", "configmaps")]),
    (rule(["configmaps"], ["DELETE"]), delete, [("DELETE", "configmaps")]),
    (rule(["secrets"]), create, []),
    (rule(["*"]), create, [("CREATE", "configmaps")]),
    (rule(["*/*"]), create, [("CREATE", "configmaps")]),
    (rule(["configmaps/*"]), create, [("CREATE", "configmaps")]),
    (rule(["*/scale"]), create, []),
    (rule(["*/scale"]), scale, [("UPDATE", "deployments/scale")]),
    (rule(["deployments/scale"]), scale, [("UPDATE", "deployments/scale")]),
    (rule(["deployments/*"]), scale, [("UPDATE", "deployments/scale")]),
    (rule(["*/*"]), scale, [("UPDATE", "deployments/scale")]),
    (rule(["deployments"]), scale, []),
    (rule(["*"]), scale, []),
    (rule(["*"], groups=["apps"]), create, []),
    (rule(["*"], groups=[""]), create, [("CREATE", "configmaps")]),
    (rule(["configmaps"], versions=["v2"]), create, []),
    (rule(["configmaps"], versions=["v1"]), create, [("CREATE", "configmaps")]),
    (rule(["configmaps"], scope="Namespaced"), create, [("CREATE", "configmaps")]),
    (rule(["configmaps"], scope="Cluster"), create, []),
]


@pytest.mark.parametrize(("about", "act", "heard"), MATCHES)
@pytest.mark.parametrize("kind", ["Mutating", "Validating"])
def test_rules(world, kind, about, act, heard):
    world.do("POST", DEPLOYMENTS, deployment("d"))
    if act is not create:
        create(world)
    configure(world, kind, webhook(rules=[about]))
    assert asked(world, act) == heard


NAMESPACES = "/api/v1/namespaces"
SCOPES = [
    ("Cluster", [("CREATE", "namespaces")]),
    ("Namespaced", []),
    ("*", [("CREATE", "namespaces")]),
]


@pytest.mark.parametrize(("scope", "heard"), SCOPES)
def test_a_namespace_is_no_namespaced_object(world, scope, heard):
    configure(world, "Validating", webhook(rules=[rule(["namespaces"], scope=scope)]))
    assert asked(world, lambda world: world.do("POST", NAMESPACES, {"metadata": {"name": "n"}})) == heard


SELECTORS = [
    # (namespaceSelector, objectSelector, whether it hears of the map with tier=web in the namespace with team=a)
    ({"matchLabels": {"team": "a"}}, None, True),
    ({"matchLabels": {"team": "b"}}, None, False),
    ({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["n"]}]}, None, False),
    ({"matchExpressions": [{"key": "absent", "operator": "DoesNotExist"}]}, None, True),
    (None, {"matchLabels": {"tier": "web"}}, True),
    (None, {"matchLabels": {"tier": "db"}}, False),
    ({"matchLabels": {"team": "a"}}, {"matchLabels": {"tier": "db"}}, False),
    ({}, {}, True),
]


@pytest.mark.parametrize(("namespaces", "objects", "hears"), SELECTORS)
def test_selectors(world, namespaces, objects, hears):
    world.do("POST", NAMESPACES, {"metadata": {"name": "n", "labels": {"team": "a"}}})
    configure(world, "Validating", webhook(namespaceSelector=namespaces, objectSelector=objects))
    made = config_map("a", labels={"tier": "web"})
    heard = asked(world, lambda world: world.do("POST", "/api/v1/namespaces/n/configmaps", made))
    assert bool(heard) == hears


def test_an_object_is_selected_by_what_it_was_too(world):
    create(world)
    configure(world, "Validating", webhook(objectSelector={"matchLabels": {"tier": "web"}}))
    body = {"metadata": {"labels": {"tier": "db"}}}
    for heard in ([("UPDATE", "configmaps")], []):
        patched = lambda world: world.do(  # noqa: E731
            "PATCH", f"{MAPS}/a", body, content_type="application/merge-patch+json"
        )
        assert asked(world, patched) == heard


def test_namespace_selectors_are_about_a_namespace_that_is_made(world):
    selector = {"matchLabels": {"team": "a"}}
    configure(world, "Validating", webhook(rules=[rule(["namespaces", "nodes"])], namespaceSelector=selector))
    made = {"metadata": {"name": "n", "labels": {"team": "a"}}}
    assert asked(world, lambda world: world.do("POST", NAMESPACES, made))
    assert not asked(world, lambda world: world.do("POST", NAMESPACES, {"metadata": {"name": "m"}}))
    # What lies in no namespace is in every selector of namespaces.
    assert asked(world, lambda world: world.do("POST", "/api/v1/nodes", {"metadata": {"name": "node-1"}}))


CONDITIONS = [
    (["object.data.x == '1'"], "Fail", "hears"),
    (["object.data.x == '2'"], "Fail", "skips"),
    (["request.operation == 'CREATE'", "request.userInfo.username == 'admin'"], "Fail", "hears"),
    (["oldObject == null", "!has(object.metadata.labels)"], "Fail", "hears"),
    (["object.data.absent == 'x'"], "Fail", "refuses"),
    (["object.data.absent == 'x'"], "Ignore", "skips"),
    (["object.data.absent == 'x'", "false"], "Fail", "skips"),
    (["request.dryRun == false", "request.namespace == 'default'"], "Fail", "hears"),
    (["request.resource.resource == 'configmaps'", "request.kind.kind == 'ConfigMap'"], "Fail", "hears"),
    (["authorizer.group('').resource('pods').namespace('default').check('create').allowed()"], "Fail", "hears"),
]


@pytest.mark.parametrize(("expressions", "policy", "outcome"), CONDITIONS)
def test_match_conditions(world, expressions, policy, outcome):
    conditions = [{"name": f"c{index}", "expression": text} for index, text in enumerate(expressions)]
    configure(world, "Mutating", webhook(matchConditions=conditions, failurePolicy=policy))
    if outcome == "refuses":
        status = world.refused("POST", MAPS, config_map("a", x="1"))
        assert (status["code"], status["reason"]) == (403, "Forbidden")
        assert "absent" in status["message"]
        return
    assert bool(asked(world, lambda world: world.do("POST", MAPS, config_map("a", x="1")))) == (outcome == "hears")


def test_configurations_are_never_asked_about(world):
    configure(world, "Validating", webhook(rules=[rule(["*/*"])]))
    world.servers["https://one/"] = lambda request: DENIED
    assert not asked(world, lambda world: configure(world, "Mutating", webhook(rules=[rule(["secrets"])]), name="o"))
    assert not asked(world, lambda world: world.do("DELETE", f"{ADMISSION}/validatingwebhookconfigurations/hooks"))
    create(world)


def test_the_review_that_a_webhook_gets(world):
    create(world)
    configure(world, "Validating", webhook())
    change(world)
    (review,) = world.reviews
    assert (review["kind"], review["apiVersion"]) == ("AdmissionReview", "admission.k8s.io/v1")
    request = review["request"]
    old, new, options = request.pop("oldObject"), request.pop("object"), request.pop("options")
    assert request == {
        "uid": "review-0",
        "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
        "resource": {"group": "", "version": "v1", "resource": "configmaps"},
        "requestKind": {"group": "", "version": "v1", "kind": "ConfigMap"},
        "requestResource": {"group": "", "version": "v1", "resource": "configmaps"},
        "name": "a",
        "namespace": "default",
        "operation": "UPDATE",
        "userInfo": {"username": "admin", "groups": ["system:masters"]},
        "dryRun": False,
    }
    assert (old.get("data") or {}, new["data"]) == ({}, {"x": "2"})
    assert new["metadata"]["uid"] == old["metadata"]["uid"]
    assert options == {"kind": "PatchOptions", "apiVersion": "meta.k8s.io/v1"}


def test_a_deletion_has_an_old_object_and_its_options(world):
    create(world)
    configure(world, "Validating", webhook())
    world.do("DELETE", f"{MAPS}/a?dryRun=All", {"kind": "DeleteOptions", "propagationPolicy": "Orphan"})
    request = world.reviews[0]["request"]
    assert (request["object"], request["oldObject"]["metadata"]["name"]) == (None, "a")
    assert request["options"] == {
        "kind": "DeleteOptions",
        "apiVersion": "meta.k8s.io/v1",
        "propagationPolicy": "Orphan",
        "dryRun": ["All"],
    }
    assert request["dryRun"] is True


def test_names_are_made_after_objects_are_changed_and_before_they_are_judged(world):
    configure(world, "Mutating", webhook())
    configure(world, "Validating", webhook(url="https://two/"))
    world.servers["https://two/"] = lambda request: ALLOWED
    made = world.do("POST", MAPS, {"metadata": {"generateName": "a-"}})
    first, second = (review["request"] for review in world.reviews)
    assert "name" not in first["object"]["metadata"]
    assert "uid" not in first["object"]["metadata"]
    assert second["object"]["metadata"]["name"] == made["metadata"]["name"]
    assert second["object"]["metadata"]["uid"] == made["metadata"]["uid"]


DENIALS = [
    # (status of the response, code, reason, message)
    (None, 403, "Forbidden", "without explanation"),
    ({}, 403, "Forbidden", "without explanation"),
    ({"message": "no"}, 403, "Forbidden", ": no"),
    ({"reason": "Because"}, 403, "Because", ": Because"),
    ({"code": 422, "reason": "Invalid", "message": "bad"}, 422, "Invalid", ": bad"),
    ({"code": 400, "message": "bad"}, 400, "", ": bad"),
    ({"code": 200, "message": "odd"}, 403, "", ": odd"),
]


@pytest.mark.parametrize("kind", ["Mutating", "Validating"])
@pytest.mark.parametrize(("status", "code", "reason", "text"), DENIALS)
def test_denials(world, kind, status, code, reason, text):
    configure(world, kind, webhook())
    world.servers["https://one/"] = lambda request: {"allowed": False, **({"status": status} if status else {})}
    refused = world.refused("POST", MAPS, config_map("a"))
    space = "" if text.startswith(":") else " "
    assert refused["message"] == f'admission webhook "one.example.com" denied the request{space}{text}'
    assert (refused["code"], refused["reason"]) == (code, reason)


def test_every_side_of_an_object_can_be_denied(world):
    create(world)
    world.do("POST", PODS, pod("p", node="node-1"))
    world.do("POST", PODS, pod("q"))
    world.do("POST", DEPLOYMENTS, deployment("d"))
    world.do("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    configure(world, "Validating", webhook(rules=[rule(["*/*"])]))
    world.servers["https://one/"] = lambda request: DENIED
    merge = {"content_type": "application/merge-patch+json"}
    apply = {"content_type": "application/apply-patch+yaml"}
    named = {"metadata": {"name": "q", "namespace": "default"}}
    for method, url, body, options in (
        ("PATCH", f"{MAPS}/a", {"data": {"x": "1"}}, merge),
        ("PATCH", f"{MAPS}/b?fieldManager=m", config_map("b"), apply),
        ("PATCH", f"{MAPS}/a?fieldManager=m", config_map("a", y="1"), apply),
        ("DELETE", f"{MAPS}/a", None, {}),
        ("DELETE", MAPS, None, {}),
        ("PATCH", f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 2}}, merge),
        ("PATCH", f"{DEPLOYMENTS}/d/status", {"status": {"replicas": 2}}, merge),
        ("POST", f"{PODS}/q/binding", {**named, "target": {"name": "node-1"}}, {}),
        ("POST", f"{PODS}/q/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", **named}, {}),
        ("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {"spec": {}}, {}),
        ("GET", f"{PODS}/p/exec?command=ls&stdout=1", None, {}),
        ("GET", f"{PODS}/p/attach?stdout=1", None, {}),
        ("GET", f"{PODS}/p/portforward", None, {}),
        ("GET", f"{PODS}/p/proxy/x", None, {}),
    ):
        status = world.refused(method, url, body, **options)
        assert 'admission webhook "one.example.com" denied the request' in status["message"], (method, url)


def test_a_connection_is_reported_with_its_options(world):
    world.do("POST", PODS, pod("p", node="node-1"))
    configure(world, "Validating", webhook(rules=[rule(["pods/exec"], ["CONNECT"])]))
    world.servers["https://one/"] = lambda request: DENIED
    world.refused("GET", f"{PODS}/p/exec?command=ls&command=-l&stdin=1&stdout=true&container=main")
    request = world.reviews[0]["request"]
    assert request["operation"] == "CONNECT"
    assert request["kind"] == {"group": "", "version": "v1", "kind": "PodExecOptions"}
    assert (request["subResource"], request["name"], request["options"]) == ("exec", "p", None)
    assert request["object"] == {
        "kind": "PodExecOptions",
        "apiVersion": "v1",
        "command": ["ls", "-l"],
        "stdin": True,
        "stdout": True,
        "container": "main",
    }


def test_a_mutating_webhook_changes_the_object(world):
    configure(world, "Mutating", webhook(rules=[rule(["pods"])]))
    sidecar = {"name": "sidecar", "image": "busybox"}
    world.servers["https://one/"] = lambda request: patch(
        add("/spec/containers/-", sidecar), add("/metadata/labels", {"x": "y"}), add("/spec/nonsense", 1)
    )
    made = world.do("POST", PODS, pod("p"))
    assert [container["name"] for container in made["spec"]["containers"]] == ["main", "sidecar"]
    assert made["spec"]["containers"][1]["imagePullPolicy"]  # completed as any other
    assert made["metadata"]["labels"] == {"x": "y"}
    assert "nonsense" not in made["spec"]
    assert world.do("GET", f"{PODS}/p") == made


def test_a_webhook_sees_the_object_completed(world):
    configure(world, "Mutating", webhook(rules=[rule(["pods"])]))
    world.do("POST", PODS, pod("p"))
    assert world.reviews[0]["request"]["object"]["spec"]["restartPolicy"] == "Always"


def test_an_object_changed_by_a_webhook_is_validated(world):
    configure(world, "Mutating", webhook())
    world.servers["https://one/"] = lambda request: patch(add("/metadata/labels", {"-x": "y"}))
    assert world.refused("POST", MAPS, config_map("a"))["reason"] == "Invalid"


def test_fields_set_by_a_webhook_have_no_owner(world):
    configure(world, "Mutating", webhook())
    world.servers["https://one/"] = lambda request: patch(add("/data/hooked", "1"))
    made = world.do("POST", f"{MAPS}?fieldManager=me", config_map("a", x="1"))
    (entry,) = made["metadata"]["managedFields"]
    assert entry["manager"] == "me"
    assert "f:hooked" not in entry["fieldsV1"]["f:data"]
    change(world)
    owned = world.do("GET", f"{MAPS}/a")["metadata"]["managedFields"]
    assert all("f:hooked" not in entry["fieldsV1"].get("f:data", {}) for entry in owned)


def test_webhooks_are_asked_in_order_each_with_what_the_one_before_made(world):
    configure(world, "Mutating", webhook("c.example.com", "https://3/"), name="b")
    first, second = webhook("a.example.com", "https://1/"), webhook("b.example.com", "https://2/")
    configure(world, "Mutating", first, second, name="a")
    for number in "123":
        world.servers[f"https://{number}/"] = lambda request, number=number: patch(
            add("/data/order", request["object"]["data"].get("order", "") + number)
        )
    assert world.do("POST", MAPS, config_map("a", x="1"))["data"]["order"] == "123"
    assert len(world.reviews) == 3


AGAIN = [
    # (policies of two webhooks, which of them changes something, who is asked)
    (("IfNeeded", "Never"), (False, True), "121"),
    (("Never", "Never"), (False, True), "12"),
    (("IfNeeded", "IfNeeded"), (True, False), "12"),
    (("IfNeeded", "IfNeeded"), (True, True), "121"),
    (("Never", "IfNeeded"), (True, True), "12"),
]


@pytest.mark.parametrize(("policies", "changes", "order"), AGAIN)
def test_reinvocation(world, policies, changes, order):
    seen = []
    hooks = []
    for number, policy, is_changing in zip("12", policies, changes, strict=True):
        hooks.append(webhook(f"{number}.example.com", f"https://{number}/", reinvocationPolicy=policy))

        def say(request, number=number, is_changing=is_changing):
            seen.append(number)
            return patch(add(f"/data/by-{number}", "x")) if is_changing else ALLOWED

        world.servers[f"https://{number}/"] = say
    configure(world, "Mutating", *hooks)
    world.do("POST", MAPS, config_map("a", x="1"))
    assert "".join(seen) == order


FAILURES = [
    # (what the webhook answers, what the refusal says)
    (None, 'Post "https://one/": connect: connection refused'),
    (b"no json", "received invalid webhook response"),
    (b"[]", "received invalid webhook response"),
    (b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}', "webhook response was absent"),
    (
        b'{"kind":"X","apiVersion":"admission.k8s.io/v1","response":{"allowed":true}}',
        "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got admission.k8s.io/v1, Kind=X",
    ),
    ({"uid": "other", "allowed": True}, 'expected response.uid="review-0", got "other"'),
    ({"allowed": "yes"}, "received invalid webhook response"),
]
FAILURES_OF_PATCHES = [
    ({**patch(), "patchType": None}, "webhook returned response.patch but not response.patchType"),
    ({**patch(), "patchType": "X"}, 'webhook returned invalid response.patchType of "X"'),
    ({"allowed": True, "patchType": "JSONPatch"}, "webhook returned response.patchType but not response.patch"),
    ({**patch(), "patch": "%"}, "received undecodable patch in webhook response"),
    ({**patch(), "patch": base64.b64encode(b"{}").decode()}, "received undecodable patch in webhook response"),
]
FAILURES_OF_JUDGES = [
    (patch(), "validating webhook may not return response.patch"),
    ({"allowed": True, "patchType": "JSONPatch"}, "validating webhook may not return response.patchType"),
]


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
@pytest.mark.parametrize(
    ("kind", "said", "text"),
    [
        *(("Mutating", *row) for row in FAILURES + FAILURES_OF_PATCHES),
        *(("Validating", *row) for row in FAILURES + FAILURES_OF_JUDGES),
    ],
)
def test_failures(world, policy, kind, said, text):
    configure(world, kind, webhook(failurePolicy=policy))
    world.servers["https://one/"] = lambda request: said
    if policy == "Ignore":
        create(world)
        return
    status = world.refused("POST", MAPS, config_map("a"))
    assert (status["code"], status["reason"]) == (500, "InternalError")
    assert status["message"].startswith('Internal error occurred: failed calling webhook "one.example.com": ')
    assert text in status["message"]


def test_a_denial_counts_whatever_the_failure_policy(world):
    configure(world, "Validating", webhook(failurePolicy="Ignore"))
    world.servers["https://one/"] = lambda request: DENIED
    assert world.refused("POST", MAPS, config_map("a"))["code"] == 403


MISFITS = [
    [{"op": "remove", "path": "/spec/absent"}],
    [{"op": "test", "path": "/data/x", "value": "2"}],
    [add("/data", [1])],
    [{"op": "replace", "path": "/kind", "value": "Secret"}],
]


@pytest.mark.parametrize("operations", MISFITS)
def test_patches_that_do_not_fit(world, operations):
    configure(world, "Mutating", webhook(failurePolicy="Ignore"))
    world.servers["https://one/"] = lambda request: patch(*operations)
    assert world.refused("POST", MAPS, config_map("a", x="1"))["code"] == 500


def test_a_deletion_cannot_be_changed(world):
    create(world)
    configure(world, "Mutating", webhook())
    world.servers["https://one/"] = lambda request: patch(add("/data", {}))
    status = world.refused("DELETE", f"{MAPS}/a")
    assert "attempted to modify the object, which is not supported for this operation" in status["message"]


def test_webhooks_with_side_effects_refuse_dry_runs(world):
    configure(world, "Validating", webhook())
    stored = world.do("GET", f"{ADMISSION}/validatingwebhookconfigurations/hooks")
    assert stored["webhooks"][0]["sideEffects"] == "None"
    assert asked(world, lambda world: world.do("POST", f"{MAPS}?dryRun=All", config_map("a")))
    assert world.reviews[-1]["request"]["dryRun"] is True
    assert world.reviews[-1]["request"]["options"]["dryRun"] == ["All"]


def test_warnings_reach_the_client(world):
    configure(world, "Mutating", webhook())
    configure(world, "Validating", webhook(url="https://two/"))
    world.servers["https://one/"] = lambda request: {"allowed": True, "warnings": ["first"]}
    world.servers["https://two/"] = lambda request: {"allowed": True, "warnings": ["second"], "auditAnnotations": {}}
    assert world.ask("POST", MAPS, config_map("a")).warnings == ("first", "second")


def test_all_validating_webhooks_are_called_at_once(world):
    hooks = [webhook(f"{name}.example.com", f"https://{name}/") for name in "abc"]
    configure(world, "Validating", *hooks)
    for name in "abc":
        world.servers[f"https://{name}/"] = lambda request, name=name: {"allowed": name == "a"}
    status = world.refused("POST", MAPS, config_map("x"))
    assert '"b.example.com" denied' in status["message"]  # the first by order
    assert len(world.reviews) == 3


def test_an_object_that_changes_meanwhile_is_asked_about_again(world):
    create(world)
    configure(world, "Validating", webhook())

    def meddle(request):
        if len(world.reviews) == 1:
            world.servers["https://one/"] = lambda request: ALLOWED
            body = {"data": {"y": "1"}}
            world.do("PATCH", f"{MAPS}/a", body, content_type="application/merge-patch+json")
        return ALLOWED

    world.servers["https://one/"] = meddle
    change(world)
    assert world.do("GET", f"{MAPS}/a")["data"] == {"x": "2", "y": "1"}
    assert len(world.reviews) == 3  # of what it was, of the other change, of what it is


def test_older_reviews(world):
    configure(world, "Mutating", webhook(admissionReviewVersions=["v3", "v1beta1", "v1"]))
    body = {"response": {"allowed": True, **patch(add("/data/h", "1"))}}
    world.servers["https://one/"] = lambda request: json.dumps(body).encode()
    assert world.do("POST", MAPS, config_map("a", x="1"))["data"]["h"] == "1"
    assert world.reviews[0]["apiVersion"] == "admission.k8s.io/v1beta1"


def test_equivalent_versions_of_an_object(world):
    """A rule about one version hears of the object under another, in its own version."""
    about = rule(["events"], groups=["events.k8s.io"], versions=["v1"])
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reason": "Seen",
    }
    configure(world, "Validating", webhook(rules=[about]), name="equivalent")
    exact = webhook("exact.example.com", rules=[about], matchPolicy="Exact")
    configure(world, "Validating", exact, name="exact")
    world.do("POST", "/api/v1/namespaces/default/events", event)
    (review,) = world.reviews
    request = review["request"]
    assert request["kind"] == {"group": "events.k8s.io", "version": "v1", "kind": "Event"}
    assert request["requestKind"] == {"group": "", "version": "v1", "kind": "Event"}
    assert request["object"]["apiVersion"] == "events.k8s.io/v1"
    assert request["object"]["regarding"]["name"] == "p"


def test_the_maps_rule_is_the_default():
    assert webhook()["rules"] == [MAPS_RULE]
