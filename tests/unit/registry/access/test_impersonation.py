"""Impersonation: the resulting user, who may impersonate, and the resulting permissions."""

import pytest

from fairlead.registry.access.checks import check_path
from fairlead.registry.access.impersonation import acting_user
from fairlead.registry.requests import User
from fairlead.registry.status import ApiError
from tests.support.api_world import ADMIN, ApiWorld

RBAC = "/apis/rbac.authorization.k8s.io/v1"
MAPS = "/api/v1/namespaces/default/configmaps"
JOE = User("system:serviceaccount:default:joe", ("system:serviceaccounts", "system:authenticated"))
BECOMES = [
    ([("impersonate-user", "jane")], User("jane", ("system:authenticated",))),
    (
        [("impersonate-user", "jane"), ("impersonate-group", "a"), ("impersonate-group", "b,c")],
        User("jane", ("a", "b,c", "system:authenticated")),
    ),
    (
        [("impersonate-user", "system:serviceaccount:n:s")],
        User(
            "system:serviceaccount:n:s",
            ("system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated"),
        ),
    ),
    (
        [("impersonate-user", "system:anonymous")],
        User("system:anonymous", ("system:unauthenticated",)),
    ),
    (
        [
            ("impersonate-user", "jane"),
            ("impersonate-uid", "7"),
            ("impersonate-extra-acme.com%2fproject", "x"),
            ("impersonate-extra-acme.com%2fproject", "y"),
        ],
        User("jane", ("system:authenticated",), "7", {"acme.com/project": ("x", "y")}),
    ),
    ([("accept", "application/json")], ADMIN),
]


@pytest.fixture
def world():
    return ApiWorld()


@pytest.mark.parametrize(("headers", "user"), BECOMES)
def test_the_impersonated_user(world, headers, user):
    assert acting_user(ADMIN, headers, world.state) == user


def test_a_user_must_be_named(world):
    with pytest.raises(ApiError, match="without impersonating a user") as refusal:
        acting_user(ADMIN, [("impersonate-group", "system:masters")], world.state)
    assert refusal.value.code == 400


def grant(world, subject, **rule):
    name = f"r{world.state.version}"
    world.do("POST", f"{RBAC}/clusterroles", {"metadata": {"name": name}, "rules": [rule]})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    binding = {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}
    world.do("POST", f"{RBAC}/clusterrolebindings", binding)


def test_permissions_of_an_impersonated_user(world):
    jane = acting_user(ADMIN, [("impersonate-user", "jane")], world.state)
    refusal = world.refused("GET", MAPS, user=jane)
    assert 'User "jane" cannot list resource "configmaps"' in refusal["message"]
    grant(world, {"kind": "User", "name": "jane"}, verbs=["list"], apiGroups=[""], resources=["configmaps"])
    assert world.do("GET", MAPS, user=jane)["kind"] == "ConfigMapList"
    with pytest.raises(ApiError):
        check_path(jane, "GET", "/metrics", world.state)
    master = acting_user(ADMIN, [("impersonate-user", "x"), ("impersonate-group", "system:masters")], world.state)
    check_path(master, "GET", "/metrics", world.state)


REFUSALS = [
    ([("impersonate-user", "bob")], 'users "bob" is forbidden'),
    ([("impersonate-user", "jane"), ("impersonate-group", "system:masters")], 'groups "system:masters" is forbidden'),
    ([("impersonate-user", "jane"), ("impersonate-uid", "1")], 'uids.authentication.k8s.io "1" is forbidden'),
    ([("impersonate-user", "jane"), ("impersonate-extra-a", "1")], 'userextras.authentication.k8s.io "1" is forb'),
    ([("impersonate-user", "system:serviceaccount:n:s")], 'serviceaccounts "s" is forbidden'),
]


@pytest.mark.parametrize(("headers", "text"), REFUSALS)
def test_a_service_account_needs_the_verb_for_each_part(world, headers, text):
    subject = {"kind": "ServiceAccount", "name": "joe", "namespace": "default"}
    grant(world, subject, verbs=["impersonate"], apiGroups=[""], resources=["users"], resourceNames=["jane"])
    assert acting_user(JOE, [("impersonate-user", "jane")], world.state).name == "jane"
    with pytest.raises(ApiError) as refusal:
        acting_user(JOE, headers, world.state)
    assert refusal.value.code == 403
    assert text in refusal.value.message
