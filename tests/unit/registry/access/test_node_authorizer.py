"""What a node may do: itself, the Pods that are bound to it, and what these refer to; nothing of anybody else's."""

import json

import pytest

from fairlead.model.decode import decode
from fairlead.model.names import ObjectKey
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.sources import CONFIG_MAP, references
from fairlead.registry.access import node_authorizer
from fairlead.registry.access.node_restriction import is_refused_label
from fairlead.registry.access.pod_references import pod_references
from fairlead.registry.access.rules import Attributes
from fairlead.registry.bootstrap.loading import load_state
from fairlead.registry.kinds import STRATEGIES
from fairlead.registry.requests import User
from fairlead.registry.status import ApiError
from fairlead.registry.store import NODE_NAME, PODS
from tests.support.api_world import ApiWorld, config_map, pod

DEFAULT, OTHER = "/api/v1/namespaces/default", "/api/v1/namespaces/other"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
REVIEWS = "/apis/authorization.k8s.io/v1"
MERGE = "application/merge-patch+json"


def agent(name):
    return User(f"system:node:{name}", ("system:nodes", "system:authenticated"))


N1, N2 = agent("n1"), agent("n2")

# Every way in which a Pod can refer to something.
SPEC = {
    "serviceAccountName": "robot",
    "imagePullSecrets": [{"name": "pull"}],
    "volumes": [
        {"name": "a", "secret": {"secretName": "mounted"}},
        {"name": "b", "configMap": {"name": "mounted-map"}},
        {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
        {
            "name": "c",
            "projected": {"sources": [{"secret": {"name": "projected"}}, {"configMap": {"name": "projected-map"}}]},
        },
    ],
    "initContainers": [
        {
            "name": "first",
            "image": "i",
            "envFrom": [{"secretRef": {"name": "all"}}, {"configMapRef": {"name": "all-map"}}],
        }
    ],
}
VARIABLES = [
    {"name": "A", "valueFrom": {"secretKeyRef": {"name": "one", "key": "k"}}},
    {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "one-map", "key": "k"}}},
    {"name": "C", "value": "plain"},
]
SECRETS = {"mounted", "projected", "all", "one", "pull"}
MAPS = {"mounted-map", "projected-map", "all-map", "one-map", "kube-root-ca.crt"}


def busy(name, node):
    document = pod(name, node)
    document["spec"] |= SPEC
    document["spec"]["containers"][0]["env"] = VARIABLES
    return document


@pytest.fixture
def world():
    """Two nodes; a Pod on n1 that refers to much, one on n2 that refers to a Secret of its own."""
    made = ApiWorld()
    made.do("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    for node in ("n1", "n2"):
        made.do("POST", "/api/v1/nodes", {"metadata": {"name": node}})
        made.do("POST", LEASES, {"metadata": {"name": node}})
    for namespace in (DEFAULT, OTHER):
        for name in sorted(SECRETS | {"n2s", "nobodys"}):
            made.do("POST", f"{namespace}/secrets", {"metadata": {"name": name}})
        for name in sorted(MAPS):
            made.do("POST", f"{namespace}/configmaps", config_map(name))
        for name in ("default", "robot"):
            made.do("POST", f"{namespace}/serviceaccounts", {"metadata": {"name": name}})
    made.do("POST", f"{DEFAULT}/pods", busy("p1", "n1"))
    second = pod("p2", "n2")
    second["spec"]["volumes"] = [{"name": "v", "secret": {"secretName": "n2s"}}]
    made.do("POST", f"{DEFAULT}/pods", second)
    made.do("POST", f"{DEFAULT}/pods", pod("unbound"))
    return made


ENDS = 'in the namespace "default"'
UNRELATED = "no relationship found between node 'n1' and this object"


def cannot(verb, resource, scope=ENDS, group=""):
    return f'User "system:node:n1" cannot {verb} resource "{resource}" in API group "{group}" {scope}'


CLUSTER = "at the cluster scope"
CASES = [
    # method, URL, how it is refused; None: it is not
    ("GET", f"{DEFAULT}/secrets/mounted", None),
    ("GET", f"{DEFAULT}/secrets/n2s", f'secrets "n2s" is forbidden: {cannot("get", "secrets")}: {UNRELATED}'),
    ("GET", f"{DEFAULT}/secrets/nobodys", UNRELATED),
    ("GET", f"{OTHER}/secrets/mounted", UNRELATED),
    ("GET", f"{DEFAULT}/secrets", f"{cannot('list', 'secrets')}: No Object name found"),
    ("GET", f"{DEFAULT}/secrets?watch=1", "No Object name found"),
    ("GET", "/api/v1/secrets", f"{cannot('list', 'secrets', CLUSTER)}: can only read namespaced object of this type"),
    ("GET", f"{DEFAULT}/secrets?fieldSelector=metadata.name=mounted", None),
    ("GET", f"{DEFAULT}/secrets?watch=1&fieldSelector=metadata.name=mounted", None),
    ("GET", f"{DEFAULT}/secrets?fieldSelector=metadata.name=n2s", UNRELATED),
    ("GET", f"{DEFAULT}/secrets?fieldSelector=metadata.name!=mounted", "No Object name found"),
    ("DELETE", f"{DEFAULT}/secrets/mounted", "can only read resources of this type"),
    ("POST", f"{DEFAULT}/secrets", "can only read resources of this type"),
    ("GET", f"{DEFAULT}/configmaps/all-map", None),
    ("GET", f"{DEFAULT}/configmaps/nobodys", UNRELATED),
    ("GET", f"{DEFAULT}/persistentvolumeclaims/data", None),
    ("GET", f"{DEFAULT}/persistentvolumeclaims/other", UNRELATED),
    ("GET", f"{DEFAULT}/persistentvolumeclaims", "No Object name found"),
    ("PATCH", f"{DEFAULT}/persistentvolumeclaims/data/status", "can only read resources of this type"),
    ("GET", "/api/v1/persistentvolumes/v", None),
    ("GET", "/api/v1/persistentvolumes?watch=1", None),  # by the role that a lab's nodes have
    ("DELETE", "/api/v1/persistentvolumes/v", cannot("delete", "persistentvolumes", CLUSTER)),
    ("GET", f"{DEFAULT}/serviceaccounts/robot", "can only create tokens for individual service accounts"),
    ("GET", "/api/v1/services", None),
    ("GET", "/api/v1/services?watch=1", None),
    ("DELETE", f"{DEFAULT}/services/kubernetes", cannot("delete", "services")),
    ("GET", "/api/v1/nodes/n1", None),
    ("GET", "/api/v1/nodes/n2", "node 'n1' cannot read 'n2', only its own Node object"),
    ("GET", "/api/v1/nodes", "node 'n1' cannot read all nodes, only its own Node object"),
    ("GET", "/api/v1/nodes?watch=1&fieldSelector=metadata.name=n1", None),
    ("DELETE", "/api/v1/nodes/n1", f'nodes "n1" is forbidden: {cannot("delete", "nodes", CLUSTER)}'),
    ("DELETE", "/api/v1/nodes/n2", cannot("delete", "nodes", CLUSTER)),
    ("PATCH", "/api/v1/nodes/n1", None),
    ("PATCH", "/api/v1/nodes/n1/status", None),
    ("PATCH", "/api/v1/nodes/n2", 'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"'),
    ("PATCH", "/api/v1/nodes/n2/status", 'node "n1" is not allowed to modify node "n2"'),
    ("GET", "/api/v1/pods?fieldSelector=spec.nodeName=n1", None),
    ("GET", "/api/v1/pods?watch=1&fieldSelector=spec.nodeName=n1", None),
    (
        "GET",
        "/api/v1/pods?fieldSelector=spec.nodeName=n2",
        "can only list/watch pods with spec.nodeName field selector",
    ),
    (
        "GET",
        "/api/v1/pods?fieldSelector=spec.nodeName!=n1",
        "can only list/watch pods with spec.nodeName field selector",
    ),
    ("GET", f"{DEFAULT}/pods", "can only list/watch pods with spec.nodeName field selector"),
    ("GET", f"{DEFAULT}/pods?fieldSelector=metadata.name=p1", None),
    ("GET", f"{DEFAULT}/pods/p1", None),
    ("GET", f"{DEFAULT}/pods/p2", f"{cannot('get', 'pods')}: {UNRELATED}"),
    ("GET", f"{DEFAULT}/pods/p1/log", cannot("get", "pods/log")),
    ("POST", f"{DEFAULT}/pods/p1/exec", cannot("create", "pods/exec")),
    ("POST", f"{DEFAULT}/pods/unbound/binding", cannot("create", "pods/binding")),
    ("POST", f"{DEFAULT}/pods", cannot("create", "pods")),
    ("PATCH", f"{DEFAULT}/pods/p1", cannot("patch", "pods")),
    ("PATCH", f"{DEFAULT}/pods/p1/status", None),
    (
        "PATCH",
        f"{DEFAULT}/pods/p2/status",
        'pods "p2" is forbidden: node "n1" can only update pod status for pods with spec.nodeName set to itself',
    ),
    ("PATCH", f"{DEFAULT}/pods/unbound/status", "can only update pod status for pods with spec.nodeName set to itself"),
    ("DELETE", f"{DEFAULT}/pods/p1", None),
    (
        "DELETE",
        f"{DEFAULT}/pods/p2",
        'pods "p2" is forbidden: node "n1" can only delete pods with spec.nodeName set to itself',
    ),
    ("DELETE", f"{DEFAULT}/pods/gone", None),
    ("DELETE", f"{DEFAULT}/pods", cannot("deletecollection", "pods")),
    ("POST", f"{DEFAULT}/pods/p2/eviction", 'node "n1" can only evict pods with spec.nodeName set to itself'),
    ("GET", f"{LEASES}/n1", None),
    ("PATCH", f"{LEASES}/n1", None),
    ("PATCH", f"{LEASES}/n2", "can only access node lease with the same name as the requesting node"),
    ("PUT", f"{LEASES}/n2", "can only access node lease with the same name as the requesting node"),
    ("GET", LEASES, "can only get, create, update, patch, or delete a node lease"),
    (
        "GET",
        "/apis/coordination.k8s.io/v1/namespaces/default/leases/n1",
        'can only access leases in the "kube-node-lease" system namespace',
    ),
    ("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles", "cannot list resource"),
    ("GET", "/apis", None),
]


@pytest.mark.parametrize(("method", "url", "refusal"), CASES)
def test_permissions_of_a_node(world, method, url, refusal):
    content_type = MERGE if method == "PATCH" else "application/json"
    try:
        world.ask(method, url, None if method in ("GET", "DELETE") else {}, content_type=content_type, user=N1)
    except ApiError as error:
        told = error.message if error.code == 403 else None
    else:
        told = None
    assert (told is None) == (refusal is None), told
    assert told is None or told.endswith(refusal) or refusal in told


@pytest.mark.parametrize(
    ("user", "word"),
    [
        (User("system:node:n1", ("system:authenticated",)), "cannot get resource"),
        (User("n1", ("system:nodes",)), "cannot get resource"),
        (User("system:node:", ("system:nodes",)), 'unknown node for user "system:node:"'),
        (N2, "no relationship found between node 'n2' and this object"),
    ],
)
def test_which_users_are_nodes(world, user, word):
    assert word in world.refused("GET", f"{DEFAULT}/secrets/mounted", user=user)["message"]


def test_a_node_may_not_read_objects_of_pods_that_left_it(world):
    assert world.ask("GET", f"{DEFAULT}/secrets/mounted", user=N1)
    world.do("DELETE", f"{DEFAULT}/pods/p1?gracePeriodSeconds=0")
    assert UNRELATED in world.refused("GET", f"{DEFAULT}/secrets/mounted", user=N1)["message"]
    world.do("POST", f"{DEFAULT}/pods", busy("p1", ""))
    binding = {"metadata": {"name": "p1"}, "target": {"kind": "Node", "name": "n2"}}
    world.do("POST", f"{DEFAULT}/pods/p1/binding", binding)
    assert UNRELATED in world.refused("GET", f"{DEFAULT}/secrets/mounted", user=N1)["message"]
    assert world.ask("GET", f"{DEFAULT}/secrets/mounted", user=N2)


def test_everything_that_an_agent_asks_for_is_what_the_server_knows_its_pod_refers_to(world):
    stored = world.state.of(PODS)[ObjectKey("default", "p1")].document
    known = pod_references(stored)
    assert (set(known.secrets), set(known.service_accounts)) == (SECRETS, {"robot"})
    assert known.config_maps == MAPS
    wanted = references(decode(RunPod, stored))
    for reference in wanted:
        assert reference.name in (known.config_maps if reference.kind == CONFIG_MAP else known.secrets)
    assert len(wanted) == len(MAPS | SECRETS - {"pull"})


def test_a_question_costs_the_pods_of_one_node(world, monkeypatch):
    for number in range(200):
        world.do("POST", f"{DEFAULT}/pods", busy(f"other-{number}", "n2"))
    looked_at = []
    monkeypatch.setattr(
        node_authorizer, "pod_references", lambda document: looked_at.append(1) or pod_references(document)
    )
    assert world.refused("GET", f"{DEFAULT}/secrets/n2s", user=N1)
    assert len(looked_at) == 1
    world.do("GET", f"{DEFAULT}/pods/p1", user=N1)
    assert world.refused("GET", f"{DEFAULT}/pods/p2", user=N1)
    assert len(looked_at) == 1


def test_where_pods_are_is_known_after_any_change_and_after_a_restart(world):
    assert list(STRATEGIES["Pod"].fields)[NODE_NAME] == "spec.nodeName"
    world.do("POST", f"{OTHER}/pods", pod("p3", "n2"))
    world.do("DELETE", f"{DEFAULT}/pods/p1?gracePeriodSeconds=0")
    assert not world.state.pods_on("n1")
    assert world.state.pods_on("n2") == {ObjectKey("default", "p2"), ObjectKey("other", "p3")}
    rows = [
        (resource, key, stored.version, stored.document)
        for resource, objects in world.state.objects.items()
        for key, stored in objects.items()
    ]
    assert load_state(world.state.version, rows, world.kinds).placed == world.state.placed


# What it writes.


@pytest.mark.parametrize(
    ("path", "patch", "refusal"),
    [
        (
            "nodes/n1",
            {"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}},
            'node "n1" is not allowed to modify taints',
        ),
        ("nodes/n1", {"metadata": {"labels": {"topology.kubernetes.io/zone": "z", "mine": "1"}}}, ""),
        ("nodes/n1", {"metadata": {"labels": {"node.kubernetes.io/x": "1"}}}, ""),
        (
            "nodes/n1",
            {"metadata": {"labels": {"node-role.kubernetes.io/x": "1", "a.node-restriction.kubernetes.io/b": "1"}}},
            "is not allowed to modify labels: a.node-restriction.kubernetes.io/b, node-role.kubernetes.io/x",
        ),
        (
            "nodes/n1/status",
            {"metadata": {"labels": {"x.k8s.io/a": "1"}}},
            "is not allowed to modify labels: x.k8s.io/a",
        ),
        (
            "namespaces/default/pods/p1/status",
            {"metadata": {"labels": {"app": "web"}}},
            'node "n1" cannot update labels through pod status',
        ),
        ("namespaces/default/pods/p1/status", {"status": {"phase": "Running"}}, ""),
    ],
)
def test_fields_that_a_node_may_not_change(world, path, patch, refusal):
    for query in ("", "?dryRun=All"):
        if refusal:
            status = world.refused("PATCH", f"/api/v1/{path}{query}", patch, content_type=MERGE, user=N1)
            assert (status["code"], status["message"].partition(" is forbidden: ")[2]) == (403, refusal)
        else:
            world.do("PATCH", f"/api/v1/{path}{query}", patch, content_type=MERGE, user=N1)


@pytest.mark.parametrize(
    ("name", "labels", "refusal"),
    [
        ("n1", {"kubernetes.io/hostname": "n1", "kubernetes.io/os": "linux"}, ""),
        ("n3", {}, 'nodes "n3" is forbidden: node "n1" is not allowed to modify node "n3"'),
        ("n1", {"node-role.kubernetes.io/x": ""}, "to set the following labels: node-role.kubernetes.io/x"),
    ],
)
def test_how_a_node_may_register(world, name, labels, refusal):
    world.do("DELETE", "/api/v1/nodes/n1")
    body = {"metadata": {"name": name, "labels": labels}}
    if refusal:
        assert refusal in world.refused("POST", "/api/v1/nodes", body, user=N1)["message"]
    else:
        world.do("POST", "/api/v1/nodes", body, user=N1)


def test_a_node_makes_no_lease_but_its_own(world):
    for name in ("n1", "n2"):
        world.do("DELETE", f"{LEASES}/{name}")
    world.do("POST", LEASES, {"metadata": {"name": "n1"}}, user=N1)
    assert "same name" in world.refused("POST", LEASES, {"metadata": {"name": "n2"}}, user=N1)["message"]


@pytest.mark.parametrize(
    ("account", "bound", "refusal"),
    [
        ("robot", {"name": "p1"}, ""),
        ("default", {"name": "p1"}, UNRELATED),
        ("robot", None, "node requested token not bound to a pod"),
        ("robot", {"kind": "Node", "name": "n1"}, "node requested token not bound to a pod"),
        ("robot", {"name": "p1", "uid": ""}, "node requested token with a pod binding without a uid"),
        ("robot", {"name": "p4"}, "node requested token bound to a pod scheduled on a different node"),
    ],
)
def test_tokens_are_for_pods_of_the_node(world, account, bound, refusal):
    world.do("POST", f"{DEFAULT}/pods", busy("p4", "n2"))
    if bound:
        found = world.state.get(PODS, ObjectKey("default", bound["name"]))
        uid = json.loads(found.document)["metadata"]["uid"] if found else "u"
        bound = {"apiVersion": "v1", "kind": "Pod", "uid": uid, **bound}
    body = {"spec": {"boundObjectRef": bound, "audiences": []}}
    url = f"{DEFAULT}/serviceaccounts/{account}/token"
    if refusal:
        assert refusal in world.refused("POST", url, body, user=N1)["message"]
    else:
        assert world.do("POST", url, body, user=N1)["status"]["token"]


@pytest.mark.parametrize(
    ("label", "refused"),
    [
        ("app", False),
        ("example.com/a", False),
        ("kubernetes.io/hostname", False),
        ("kubernetes.io/role", True),
        ("notkubernetes.io/role", False),
        ("x.node.kubernetes.io/a", False),
        ("node-restriction.kubernetes.io/a", True),
    ],
)
def test_labels_that_a_node_does_not_give_itself(label, refused):
    assert is_refused_label(label) is refused


# What is said of it.


@pytest.mark.parametrize(
    ("asked", "allowed", "reason"),
    [
        ({"verb": "get", "resource": "secrets", "namespace": "default", "name": "mounted"}, True, None),
        ({"verb": "get", "resource": "secrets", "namespace": "default", "name": "n2s"}, False, UNRELATED),
        ({"verb": "delete", "resource": "pods", "namespace": "default", "name": "p1"}, True, None),
        (
            {"verb": "delete", "resource": "pods", "namespace": "default", "name": "p2"},
            False,
            'node "n1" can only delete pods with spec.nodeName set to itself',
        ),
        (
            {
                "verb": "list",
                "resource": "pods",
                "fieldSelector": {"requirements": [{"key": "spec.nodeName", "operator": "In", "values": ["n1"]}]},
            },
            True,
            None,
        ),
        (
            {"verb": "list", "resource": "pods"},
            False,
            "can only list/watch pods with spec.nodeName field selector",
        ),
    ],
)
def test_reviews_say_the_same(world, asked, allowed, reason):
    spec = {"user": N1.name, "groups": list(N1.groups), "resourceAttributes": asked}
    for user, kind in ((None, "subjectaccessreviews"), (N1, "selfsubjectaccessreviews")):
        options = {"user": user} if user else {}
        status = world.do("POST", f"{REVIEWS}/{kind}", {"spec": spec}, **options)["status"]
        assert (status["allowed"], status.get("reason")) == (allowed, reason)


def test_a_nodes_rules_are_marked_incomplete(world):
    body = {"spec": {"namespace": "default"}}
    status = world.do("POST", f"{REVIEWS}/selfsubjectrulesreviews", body, user=N1)["status"]
    assert (status["incomplete"], status["evaluationError"]) == (True, node_authorizer.UNENUMERATED)


def test_a_role_may_let_a_node_read_more_but_not_write_for_another(world):
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    body = {"metadata": {"name": "x"}, "roleRef": reference, "subjects": [{"kind": "User", "name": N1.name}]}
    world.do("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", body)
    assert world.do("GET", "/api/v1/secrets", user=N1)["items"]
    for method, url in (("DELETE", "/api/v1/nodes/n2"), ("DELETE", f"{DEFAULT}/pods/p2")):
        assert world.refused(method, url, user=N1)["code"] == 403


VOLUMES = [
    ("get", "mine", None),
    ("get", "others", UNRELATED),
    ("get", "", "No Object name found"),
    ("list", "", "can only get individual resources of this type"),
    ("watch", "mine", "can only get individual resources of this type"),
]


@pytest.mark.parametrize(("verb", "name", "refusal"), VOLUMES)
def test_a_node_may_read_the_volumes_of_its_pods_claims(world, verb, name, refusal):
    for namespace, claim, volume in ((DEFAULT, "data", "mine"), (OTHER, "data", "others"), (DEFAULT, "x", "others")):
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "volumeName": volume}
        world.do("POST", f"{namespace}/persistentvolumeclaims", {"metadata": {"name": claim}, "spec": spec})
    asked = Attributes(N1, verb, "", "persistentvolumes", name=name)
    assert node_authorizer.refusal(asked, "n1", world.state) == refusal


@pytest.mark.parametrize("verb", ["create", "get", "list", "watch"])
def test_a_node_asks_for_certificates(world, verb):
    asked = Attributes(N1, verb, "certificates.k8s.io", "certificatesigningrequests")
    assert node_authorizer.refusal(asked, "n1", world.state) is None
