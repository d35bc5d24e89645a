"""RBAC: what roles and bindings allow, asked by requests as Pods and people send them."""

import json
from pathlib import Path

import pytest

from fairlead.app.lab.plan import LabPlan
from fairlead.app.lab.settings import LabSettings
from fairlead.registry.access import rbac
from fairlead.registry.access.checks import check_path
from fairlead.registry.access.rules import AccessRule, uncovered
from fairlead.registry.requests import User
from fairlead.registry.status import ApiError
from tests.support.api_world import ApiWorld, config_map, pod

GROUP = "rbac.authorization.k8s.io"
RBAC = f"/apis/{GROUP}/v1"
REVIEWS = "/apis/authorization.k8s.io/v1"
IN_DEFAULT, IN_OTHER = "/api/v1/namespaces/default", "/api/v1/namespaces/other"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
ROLES, BINDINGS = f"{RBAC}/namespaces/default/roles", f"{RBAC}/namespaces/default/rolebindings"
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"


def account(name, namespace="default"):
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return User(f"system:serviceaccount:{namespace}:{name}", groups)


JOE = account("joe")
JOES = {"kind": "ServiceAccount", "name": "joe", "namespace": "default"}


@pytest.fixture
def world():
    made = ApiWorld()
    made.do("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    for collection in (IN_DEFAULT, IN_OTHER):
        for name in ("a", "b"):
            made.do("POST", f"{collection}/configmaps", config_map(name))
    made.do("POST", f"{IN_DEFAULT}/serviceaccounts", {"metadata": {"name": "default"}})
    made.do("POST", f"{IN_DEFAULT}/pods", pod("p"))
    return made


def rule(verbs, resources="", groups="", names="", urls=""):
    fields = {"verbs": verbs, "resources": resources, "resourceNames": names, "nonResourceURLs": urls}
    made = {name: text.split() for name, text in fields.items() if text}
    return made if urls else {**made, "apiGroups": groups.split() or [""]}


def bind(world, rules, subject=JOES, role="ClusterRole", binding="ClusterRoleBinding", namespace="default"):
    """A role with these rules (or of this name), bound to the subject."""
    path = {"Role": f"{RBAC}/namespaces/{namespace}/roles", "ClusterRole": f"{RBAC}/clusterroles"}[role]
    name = rules if isinstance(rules, str) else "r"
    if name == "r":
        world.do("POST", path, {"metadata": {"name": "r"}, "rules": rules})
    where = f"namespaces/{namespace}/rolebindings" if binding == "RoleBinding" else "clusterrolebindings"
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name}
    world.do("POST", f"{RBAC}/{where}", {"metadata": {"name": "x"}, "roleRef": reference, "subjects": [subject]})


def allowed(world, method, url, body=None, user=JOE, **options):
    """Whether the request is not refused as forbidden, whatever else becomes of it."""
    try:
        world.ask(method, url, body, user=user, **options)
    except ApiError as error:
        return error.code != 403
    return True


# What may be done by whom, with which rule.

READ = rule("get", "configmaps")
CASES = [
    # rule, method, URL, whether it is allowed
    (READ, "GET", f"{IN_DEFAULT}/configmaps/a", True),
    (READ, "GET", f"{IN_OTHER}/configmaps/a", True),
    (READ, "GET", f"{IN_DEFAULT}/configmaps", False),
    (READ, "GET", f"{IN_DEFAULT}/configmaps/a?watch=true", False),
    (READ, "DELETE", f"{IN_DEFAULT}/configmaps/a", False),
    (READ, "GET", f"{IN_DEFAULT}/secrets/a", False),
    (rule("list", "configmaps"), "GET", "/api/v1/configmaps", True),
    (rule("list", "configmaps"), "GET", "/api/v1/configmaps?watch=1", False),
    (rule("watch", "configmaps"), "GET", "/api/v1/configmaps?watch=1", True),
    (rule("delete", "configmaps"), "DELETE", f"{IN_DEFAULT}/configmaps", False),
    (rule("deletecollection", "configmaps"), "DELETE", f"{IN_DEFAULT}/configmaps", True),
    (rule("*", "configmaps"), "DELETE", f"{IN_DEFAULT}/configmaps", True),
    (rule("get", "*"), "GET", f"{IN_DEFAULT}/pods/p/log", True),
    (rule("get", "*"), "GET", f"{LEASES}/x", False),
    (rule("get", "leases", "coordination.k8s.io"), "GET", f"{LEASES}/x", True),
    (rule("get", "leases", "*"), "GET", f"{LEASES}/x", True),
    (rule("get", "leases"), "GET", f"{LEASES}/x", False),
    (rule("list", "events"), "GET", "/apis/events.k8s.io/v1/events", False),
    (rule("get", "pods"), "GET", f"{IN_DEFAULT}/pods/p/log", False),
    (rule("get", "pods/log"), "GET", f"{IN_DEFAULT}/pods/p/log", True),
    (rule("get", "pods/log"), "GET", f"{IN_DEFAULT}/pods/p", False),
    (rule("get", "pods/*"), "GET", f"{IN_DEFAULT}/pods/p/log", False),
    (rule("get", "pods/exec"), "POST", f"{IN_DEFAULT}/pods/p/exec", False),
    (rule("create", "pods/exec"), "POST", f"{IN_DEFAULT}/pods/p/exec", True),
    (rule("get", "*/scale", "*"), "GET", f"{DEPLOYMENTS}/d/scale", True),
    (rule("get", "*/scale", "*"), "GET", f"{DEPLOYMENTS}/d", False),
    (rule("get", "configmaps", names="a c"), "GET", f"{IN_DEFAULT}/configmaps/a", True),
    (rule("get", "configmaps", names="a c"), "GET", f"{IN_DEFAULT}/configmaps/b", False),
    (rule("list", "configmaps", names="a"), "GET", f"{IN_DEFAULT}/configmaps", False),
    (rule("list", "configmaps", names="a"), "GET", f"{IN_DEFAULT}/configmaps?fieldSelector=metadata.name=a", True),
    (rule("list", "configmaps", names="a"), "GET", f"{IN_DEFAULT}/configmaps?fieldSelector=metadata.name=b", False),
    (rule("list", "configmaps", names="a"), "GET", f"{IN_DEFAULT}/configmaps?fieldSelector=metadata.name!=a", False),
    (rule("watch", "configmaps", names="a"), "GET", f"{IN_DEFAULT}/configmaps/a?watch=true", True),
    (rule("*", "*", "*"), "GET", f"{IN_DEFAULT}/secrets", True),
    (rule("get", urls="*"), "GET", f"{IN_DEFAULT}/secrets/s", False),
]


@pytest.mark.parametrize(("given", "method", "url", "is_allowed"), CASES)
def test_which_requests_a_rule_allows(world, given, method, url, is_allowed):
    assert not allowed(world, method, url)
    bind(world, [given])
    assert allowed(world, method, url) is is_allowed
    assert not allowed(world, method, url, user=account("jane"))


@pytest.mark.parametrize(
    ("subject", "user", "is_meant"),
    [
        (JOES, JOE, True),
        (JOES, account("joe", "other"), False),
        ({"kind": "User", "name": JOE.name}, JOE, True),
        ({"kind": "User", "name": "joe"}, JOE, False),
        ({"kind": "Group", "name": "system:serviceaccounts"}, account("any", "other"), True),
        ({"kind": "Group", "name": "system:serviceaccounts:default"}, JOE, True),
        ({"kind": "Group", "name": "system:serviceaccounts:default"}, account("joe", "other"), False),
        ({"kind": "Group", "name": "system:authenticated"}, JOE, True),
        ({"kind": "Group", "name": "system:masters"}, JOE, False),
    ],
)
def test_subjects_of_a_binding(world, subject, user, is_meant):
    bind(world, [READ], subject)
    assert allowed(world, "GET", f"{IN_DEFAULT}/configmaps/a", user=user) is is_meant


@pytest.mark.parametrize(
    ("role", "binding", "in_default", "in_other"),
    [
        ("Role", "RoleBinding", True, False),
        ("ClusterRole", "RoleBinding", True, False),
        ("ClusterRole", "ClusterRoleBinding", True, True),
    ],
)
def test_the_scope_of_a_binding(world, role, binding, in_default, in_other):
    subject = {**JOES, "namespace": ""} if binding == "RoleBinding" else JOES  # of the binding's own namespace then
    bind(world, [rule("get list", "configmaps namespaces")], subject, role, binding)
    assert allowed(world, "GET", f"{IN_DEFAULT}/configmaps/a") is in_default
    assert allowed(world, "GET", f"{IN_OTHER}/configmaps/a") is in_other
    assert allowed(world, "GET", "/api/v1/configmaps") is in_other
    assert allowed(world, "GET", "/api/v1/namespaces/default") is in_default


def test_a_binding_without_its_role_and_one_that_is_taken_away(world):
    bind(world, "nowhere", role="Role", binding="RoleBinding")
    assert not allowed(world, "GET", f"{IN_DEFAULT}/configmaps/a")
    world.do("POST", ROLES, {"metadata": {"name": "nowhere"}, "rules": [READ]})
    assert allowed(world, "GET", f"{IN_DEFAULT}/configmaps/a")
    world.do("DELETE", f"{BINDINGS}/x")
    assert not allowed(world, "GET", f"{IN_DEFAULT}/configmaps/a")


REFERENCE = {"kind": "ClusterRole", "name": "x"}


def test_fields_that_are_null_grant_nothing(world):
    bind(world, [{"verbs": ["get"], "apiGroups": None, "resources": None}])
    world.do("POST", f"{RBAC}/clusterrolebindings", {"metadata": {"name": "n"}, "roleRef": REFERENCE, "subjects": None})
    world.do("POST", f"{RBAC}/clusterroles", {"metadata": {"name": "n"}, "rules": None})
    assert not allowed(world, "GET", f"{IN_DEFAULT}/configmaps/a")


# Refusals.


@pytest.mark.parametrize(
    ("method", "url", "what", "deed"),
    [
        ("GET", f"{IN_DEFAULT}/pods", "pods", 'list resource "pods" in API group "" in the namespace "default"'),
        ("GET", "/api/v1/pods", "pods", 'list resource "pods" in API group "" at the cluster scope'),
        ("GET", "/api/v1/nodes/n", 'nodes "n"', 'get resource "nodes" in API group "" at the cluster scope'),
        (
            "GET",
            f"{IN_DEFAULT}/pods/p/log",
            'pods "p"',
            'get resource "pods/log" in API group "" in the namespace "default"',
        ),
        (
            "DELETE",
            f"{DEPLOYMENTS}/absent",
            'deployments.apps "absent"',
            'delete resource "deployments" in API group "apps" in the namespace "default"',
        ),
    ],
)
def test_refusals_are_in_upstreams_words(world, method, url, what, deed):
    status = world.refused(method, url, user=JOE)
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert status["message"] == f'{what} is forbidden: User "system:serviceaccount:default:joe" cannot {deed}'


# What everybody may do.

OPEN = ["/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/openapi/v3", "/openapi/v3/api/v1", "/version"]


@pytest.mark.parametrize("path", OPEN)
def test_all_users_may_use_discovery(world, path):
    assert world.do("GET", path, user=account("any"))


def test_anonymous_users_see_only_the_version(world):
    nobody = User("system:anonymous", ("system:unauthenticated",))
    assert world.do("GET", "/version", user=nobody)["major"] == "1"
    status = world.refused("GET", "/api", user=nobody)
    assert status["message"] == 'forbidden: User "system:anonymous" cannot get path "/api"'


@pytest.mark.parametrize(
    ("url", "is_allowed"), [("/metrics", True), ("/met*", True), ("*", True), ("/metrics/*", False), ("/m", False)]
)
def test_paths_that_are_no_resources(world, url, is_allowed):
    with pytest.raises(ApiError, match=f'forbidden: User "{JOE.name}" cannot get path "/metrics"'):
        check_path(JOE, "GET", "/metrics", world.state)
    bind(world, [rule("get", urls=url)])
    try:
        check_path(JOE, "GET", "/metrics", world.state)
    except ApiError:
        assert not is_allowed
    else:
        assert is_allowed


def review(world, **spec):
    return world.do("POST", f"{REVIEWS}/selfsubjectaccessreviews", {"spec": spec}, user=JOE)["status"]["allowed"]


def test_reviews_tell_the_truth(world):
    asked = {"verb": "get", "resource": "configmaps", "namespace": "default", "name": "a"}
    assert review(world, resourceAttributes=asked) is False
    bind(world, [rule("get", "configmaps", names="a"), rule("get", urls="/metrics")])
    assert review(world, resourceAttributes=asked) is True
    assert review(world, resourceAttributes={**asked, "name": "b"}) is False
    assert review(world, nonResourceAttributes={"path": "/metrics", "verb": "get"}) is True
    assert review(world, nonResourceAttributes={"path": "/other", "verb": "get"}) is False
    spec = {"namespace": "default"}
    rules = world.do("POST", f"{REVIEWS}/selfsubjectrulesreviews", {"spec": spec}, user=JOE)["status"]
    told = {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["a"]}
    assert told in rules["resourceRules"]
    assert {"verbs": ["get"], "nonResourceURLs": ["/metrics"]} in rules["nonResourceRules"]


def test_reviews_of_others_are_for_administrators(world):
    asked = {"verb": "get", "resource": "configmaps", "namespace": "default"}
    spec = {"user": JOE.name, "resourceAttributes": asked}
    status = world.refused("POST", f"{REVIEWS}/subjectaccessreviews", {"spec": spec}, user=JOE)
    assert status["code"] == 403
    assert world.do("POST", f"{REVIEWS}/subjectaccessreviews", {"spec": spec})["status"]["allowed"] is False
    bind(world, [READ])
    assert world.do("POST", f"{REVIEWS}/subjectaccessreviews", {"spec": spec})["status"]["allowed"] is True
    jane = {"user": "jane", "groups": ["system:masters"], "resourceAttributes": asked}
    assert world.do("POST", f"{REVIEWS}/subjectaccessreviews", {"spec": jane})["status"]["allowed"] is True
    local = f"{REVIEWS}/namespaces/other/localsubjectaccessreviews"
    assert "must match metadata.namespace" in world.refused("POST", local, {"spec": spec})["message"]


# Everybody but the superusers is asked for roles.

PEOPLE = User("jane", ("developers", "system:authenticated"))


def test_a_user_without_binding_is_refused_in_upstreams_words(world):
    status = world.refused("GET", f"{IN_DEFAULT}/pods", user=PEOPLE)
    said = 'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"'
    assert (status["code"], status["message"]) == (403, said)
    bind(world, "view", {"kind": "Group", "name": "developers"}, binding="RoleBinding")
    assert allowed(world, "GET", f"{IN_DEFAULT}/pods", user=PEOPLE)
    assert not allowed(world, "GET", f"{IN_OTHER}/pods", user=PEOPLE)


def test_superusers_need_no_binding(world):
    world.do("DELETE", f"{RBAC}/clusterrolebindings/cluster-admin")
    world.do("DELETE", f"{RBAC}/clusterroles/cluster-admin")
    assert world.do("GET", f"{IN_DEFAULT}/secrets")["items"] == []
    spec = {"namespace": "default"}
    rules = world.do("POST", f"{REVIEWS}/selfsubjectrulesreviews", {"spec": spec})["status"]
    assert rules["resourceRules"] == [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]


def test_aggregated_roles_have_the_rules_of_selected_roles(world):
    bind(world, "view", binding="RoleBinding")
    assert not allowed(world, "GET", f"{IN_DEFAULT}/secrets")
    labels = {f"{GROUP}/aggregate-to-view": "true"}
    secrets = {"metadata": {"name": "s", "labels": labels}, "rules": [rule("list", "secrets")]}
    world.do("POST", f"{RBAC}/clusterroles", secrets)
    assert allowed(world, "GET", f"{IN_DEFAULT}/secrets")
    assert not allowed(world, "GET", f"{IN_OTHER}/secrets")
    circle = {"clusterRoleSelectors": [{"matchLabels": labels}]}
    world.do("PATCH", f"{RBAC}/clusterroles/s", {"aggregationRule": circle}, content_type=MERGE)
    assert allowed(world, "GET", f"{IN_DEFAULT}/secrets")
    world.do("DELETE", f"{RBAC}/clusterroles/s")
    assert not allowed(world, "GET", f"{IN_DEFAULT}/secrets")


def test_bindings_are_parsed_once(world, monkeypatch):
    """A request costs the rules of its user, not the bindings of everybody."""
    bind(world, [READ])
    reads = []
    monkeypatch.setattr(rbac, "_read", lambda state, read=rbac._read: reads.append(1) or read(state))
    for _ in range(5):
        assert allowed(world, "GET", f"{IN_DEFAULT}/configmaps/a")
        world.do("POST", f"{IN_DEFAULT}/configmaps", {"metadata": {"generateName": "other-"}})
    assert len(reads) == 1
    world.do("DELETE", f"{RBAC}/clusterrolebindings/x")
    assert not allowed(world, "GET", f"{IN_DEFAULT}/configmaps/a")


# Roles that are there from the beginning.


@pytest.mark.parametrize(
    ("role", "method", "url", "is_allowed"),
    [
        ("view", "GET", f"{IN_DEFAULT}/pods/p/log", True),
        ("view", "GET", f"{IN_DEFAULT}/secrets", False),
        ("view", "DELETE", f"{IN_DEFAULT}/pods/p", False),
        ("view", "GET", f"{IN_DEFAULT}/replicationcontrollers/web/scale", True),
        ("view", "PATCH", f"{IN_DEFAULT}/replicationcontrollers/web/scale", False),
        ("edit", "PATCH", f"{IN_DEFAULT}/replicationcontrollers/web/scale", True),
        ("edit", "GET", f"{IN_DEFAULT}/secrets", True),
        ("edit", "DELETE", f"{IN_DEFAULT}/pods/p", True),
        ("edit", "DELETE", f"{IN_DEFAULT}/endpoints/e", False),
        ("edit", "GET", ROLES, False),
        ("admin", "GET", ROLES, True),
        ("admin", "DELETE", f"{IN_DEFAULT}", False),
        ("cluster-admin", "GET", ROLES, True),
        ("cluster-admin", "DELETE", f"{IN_DEFAULT}/endpoints/e", True),
    ],
)
def test_bootstrap_roles(world, role, method, url, is_allowed):
    bind(world, role, binding="RoleBinding")
    assert allowed(world, method, url) is is_allowed
    assert not allowed(world, "GET", f"{IN_OTHER}/pods")


def test_a_labs_own_components_can_read_only_what_they_watch(world):
    clients = LabPlan("lab", Path("run"), Path("data"), (), LabSettings()).clients
    name_server = User("system:serviceaccount:kube-system:fairlead-dns", ("system:serviceaccounts",))
    publisher = User(*clients["publisher"])
    for user, resources in ((name_server, "namespaces pods services"), (publisher, "nodes services")):
        paths = [f"/api/v1/{resource}" for resource in resources.split()]
        for path in (*paths, "/apis/discovery.k8s.io/v1/endpointslices"):
            assert allowed(world, "GET", path, user=user)
            assert allowed(world, "GET", f"{path}?watch=true", user=user)
        assert not allowed(world, "GET", "/api/v1/secrets", user=user)
        assert not allowed(world, "DELETE", f"{IN_DEFAULT}/services/kubernetes", user=user)


# Nobody gains by writing.

ROLE = {"metadata": {"name": "mine"}, "rules": [rule("get list", "secrets")]}
BINDING = {
    "metadata": {"name": "mine"},
    "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "reader"},
    "subjects": [{**JOES, "name": "jane"}],
}
WRITES = rule("create update patch delete get", "roles rolebindings clusterroles clusterrolebindings", GROUP)


@pytest.fixture
def granting(world):
    """A world in which Joe may write roles and bindings, but holds nothing else."""
    world.do("POST", f"{RBAC}/clusterroles", {"metadata": {"name": "reader"}, "rules": ROLE["rules"]})
    bind(world, [WRITES])
    return world


def give(world, *rules):
    """Let Joe have these rules as well."""
    patch = {"rules": [WRITES, *rules]}
    world.do("PATCH", f"{RBAC}/clusterroles/r", patch, content_type=MERGE)


@pytest.mark.parametrize(
    ("collection", "body", "verb"),
    [
        (ROLES, ROLE, rule("escalate", "roles", GROUP, names="mine old new")),
        (f"{RBAC}/clusterroles", ROLE, rule("escalate", "clusterroles", GROUP)),
        (BINDINGS, BINDING, rule("bind", "clusterroles", GROUP, names="reader")),
        (f"{RBAC}/clusterrolebindings", BINDING, rule("bind", "clusterroles", GROUP)),
    ],
)
def test_one_grants_what_one_holds_or_may_grant(granting, collection, body, verb):
    less = {"rules": []} if "rules" in body else {"subjects": []}
    granting.do("POST", collection, {**body, **less, "metadata": {"name": "old"}})
    kind = {"apiVersion": f"{GROUP}/v1", "kind": granting.do("GET", f"{collection}/old")["kind"]}
    old = {**body, "metadata": {"name": "old"}}
    attempts = [
        ("POST", f"{collection}?dryRun=All", body, "application/json"),
        ("POST", collection, body, "application/json"),
        ("PUT", f"{collection}/old", old, "application/json"),
        ("PATCH", f"{collection}/old", old, MERGE),
        ("PATCH", f"{collection}/new?fieldManager=m", {**kind, **body, "metadata": {"name": "new"}}, APPLY),
    ]
    before = granting.state
    for given in (None, rule("get", "secrets")):
        give(granting, *filter(None, [given]))
        for method, url, document, content_type in attempts:
            status = granting.refused(method, url, document, content_type=content_type, user=JOE)
            verbs = '"list"' if given else '"get" "list"'
            assert status["message"].endswith(
                'is forbidden: user "system:serviceaccount:default:joe" (groups=["system:serviceaccounts" '
                '"system:serviceaccounts:default" "system:authenticated"]) is attempting to grant RBAC permissions not '
                f'currently held:\n{{APIGroups:[""], Resources:["secrets"], Verbs:[{verbs}]}}'
            )
    for given in (verb, rule("get list watch", "*")):
        granting.state = before
        give(granting, given)
        for method, url, document, content_type in attempts:
            granting.do(method, url, document, content_type=content_type, user=JOE)
        granting.do("DELETE", f"{collection}/old", user=JOE)


def test_fields_that_control_deletion_grant_nothing(granting):
    held = {"metadata": {"name": "mine", "finalizers": ["example.com/x"]}}
    granting.do("POST", ROLES, {**ROLE, **held})
    granting.do("POST", BINDINGS, {**BINDING, **held})
    for url in (f"{ROLES}/mine", f"{BINDINGS}/mine"):
        granting.do("PATCH", url, {"metadata": {"finalizers": None}}, content_type=MERGE, user=JOE)
        there = granting.do("GET", url)
        granting.do("PUT", url, {**there, "metadata": {"name": "mine"}}, user=JOE)


# Each widens what somebody holds, or will hold after the next start, without a word in the rules.
WIDENING = {
    "a label that aggregates": {"metadata": {"labels": {f"{GROUP}/aggregate-to-view": "true"}}},
    "a label that some rule may yet select": {"metadata": {"labels": {"team": "a"}}},
    "a label of another value": {"metadata": {"labels": {"own": "2"}}},
    "the annotation by which a role is given back its rules": {
        "metadata": {"annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}}
    },
    "an aggregation rule": {"aggregationRule": {"clusterRoleSelectors": [{}]}},
}


@pytest.mark.parametrize("patch", WIDENING.values(), ids=WIDENING)
@pytest.mark.parametrize("method", ["PATCH", "PUT", "APPLY"])
def test_every_change_of_a_role_is_a_grant_of_all_of_it(granting, patch, method):
    roles = f"{RBAC}/clusterroles"
    there = granting.do("POST", roles, {**ROLE, "metadata": {"name": "mine", "labels": {"own": "1"}}})
    kind = {"apiVersion": f"{GROUP}/v1", "kind": "ClusterRole"}
    metadata = patch.get("metadata", {})
    labels = {"own": "1", **metadata.get("labels", {})}
    whole = {**there, **patch, "metadata": {**there["metadata"], **metadata, "labels": labels}}
    applied = {**kind, "rules": ROLE["rules"], **patch, "metadata": {**metadata, "name": "mine", "labels": labels}}
    attempt = {
        "PATCH": ("PATCH", f"{roles}/mine", patch, MERGE),
        "PUT": ("PUT", f"{roles}/mine", whole, "application/json"),
        "APPLY": ("PATCH", f"{roles}/mine?fieldManager=m&force=true", applied, APPLY),
    }[method]
    *asked, content_type = attempt
    status = granting.refused(*asked, content_type=content_type, user=JOE)
    assert "attempting to grant RBAC permissions not currently held" in status["message"]
    give(granting, rule("escalate", "clusterroles", GROUP))
    granting.do(*asked, content_type=content_type, user=JOE)


def test_a_label_cannot_grant_a_role_that_its_writer_lacks(granting):
    """The attack: Joe may label ClusterRoles, holds ``view``, and lets ``view`` have one that reads Secrets."""
    granting.do("POST", f"{RBAC}/clusterrolebindings", {**BINDING, "subjects": [JOES],
                "roleRef": {**BINDING["roleRef"], "name": "view"}})  # fmt: skip
    label = {"metadata": {"labels": {f"{GROUP}/aggregate-to-view": "true"}}}
    granting.refused("PATCH", f"{RBAC}/clusterroles/reader", label, content_type=MERGE, user=JOE)
    assert not allowed(granting, "GET", f"{IN_DEFAULT}/secrets", user=JOE)


def test_an_aggregation_rule_is_taken_away_by_those_who_hold_everything(granting):
    body = {"metadata": {"name": "mine"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}
    granting.do("POST", f"{RBAC}/clusterroles", body)
    patch = {"aggregationRule": None}
    status = granting.refused("PATCH", f"{RBAC}/clusterroles/mine", patch, content_type=MERGE, user=JOE)
    assert '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}' in status["message"]


def test_a_missing_role_cannot_be_bound(granting):
    body = {**BINDING, "roleRef": {**BINDING["roleRef"], "name": "nowhere"}}
    status = granting.refused("POST", BINDINGS, body, user=JOE)
    assert (status["code"], status["message"]) == (404, f'clusterroles.{GROUP} "nowhere" not found')
    granting.do("POST", BINDINGS, body)


def test_an_aggregation_rule_needs_all_permissions(granting):
    body = {"metadata": {"name": "mine"}, "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}}
    assert (
        '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}'
        in granting.refused("POST", f"{RBAC}/clusterroles", body, user=JOE)["message"]
    )


def test_a_binding_stays_with_its_role(world):
    bind(world, "view", binding="RoleBinding")
    patch = {"roleRef": {"name": "admin"}}
    status = world.refused("PATCH", f"{BINDINGS}/x", patch, content_type=MERGE)
    assert status["message"].endswith(": cannot change roleRef")


@pytest.mark.parametrize(
    ("wanted", "held", "missing"),
    [
        (AccessRule(("get",), ("",), ("pods",)), [AccessRule(("*",), ("*",), ("*",))], []),
        (AccessRule(("get",), ("",), ("pods/log",)), [AccessRule(("get",), ("",), ("*/log",))], []),
        (
            AccessRule(("a", "b"), ("",), ("pods",)),
            [AccessRule(("a",), ("",), ("pods",)), AccessRule(("b",), ("",), ("*",))],
            [],
        ),
        (AccessRule(("get",), ("",), ("pods",)), [AccessRule(("get",), ("",), ("pods",), ("a",))], ["get"]),
        (AccessRule(("get",), ("",), ("pods",), ("a", "b")), [AccessRule(("get",), ("",), ("pods",), ("a",))], ["get"]),
        (AccessRule(("*",), ("",), ("pods",)), [AccessRule(("get",), ("",), ("pods",))], ["*"]),
        (
            AccessRule(("get",), non_resource_urls=("/metrics/a",)),
            [AccessRule(("get",), non_resource_urls=("/metrics/*",))],
            [],
        ),
        (
            AccessRule(("get",), non_resource_urls=("/m/*",)),
            [AccessRule(("get",), non_resource_urls=("/m/a",))],
            ["get"],
        ),
        (AccessRule(("get",), non_resource_urls=("/a",)), [AccessRule(("*",), ("*",), ("*",))], ["get"]),
    ],
)
def test_uncovered_parts_of_a_rule(wanted, held, missing):
    assert [part.verbs[0] for part in uncovered([wanted], held)] == missing


@pytest.mark.parametrize(("method", "content_type"), [("PUT", "application/json"), ("PATCH", APPLY)])
def test_a_write_that_makes_an_object_needs_the_right_to_create(world, method, content_type):
    bind(world, [rule("update patch", "leases", "coordination.k8s.io")])
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "l"}, "spec": {}}
    url = f"{LEASES}/l?fieldManager=m"
    status = world.refused(method, url, lease, content_type=content_type, user=JOE)
    assert 'cannot create resource "leases"' in status["message"]
    lease["metadata"]["resourceVersion"] = world.do("POST", LEASES, lease)["metadata"]["resourceVersion"]
    assert allowed(world, method, url, json.dumps(lease).encode(), content_type=content_type)


def test_roles_may_have_any_name_that_a_path_can_hold(world):
    world.do("POST", ROLES, {"metadata": {"name": "system:My_role"}})
    for name in ("a/b", "50%", ".."):
        assert world.refused("POST", ROLES, {"metadata": {"name": name}})["code"] == 422
