"""Reviews of identity and access, and tokens of ServiceAccounts."""

import pytest

from fairlead.drivers.identity.signing import TokenSigner
from fairlead.registry.access.service_account_tokens import user_of_claims
from tests.support.api_world import NOW, ApiWorld

REVIEWS = "/apis/authentication.k8s.io/v1"
ACCESS = "/apis/authorization.k8s.io/v1"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"


@pytest.fixture
def world():
    return ApiWorld()


def test_an_administrator_may_do_everything(world):
    spec = {"resourceAttributes": {"verb": "delete", "resource": "pods"}}
    assert world.do("POST", f"{ACCESS}/selfsubjectaccessreviews", {"spec": spec})["status"]["allowed"] is True
    rules = world.do("POST", f"{ACCESS}/selfsubjectrulesreviews", {"spec": {"namespace": "default"}})["status"]
    assert rules["resourceRules"][0]["verbs"] == ["*"]
    assert world.refused("POST", f"{ACCESS}/selfsubjectaccessreviews", {"spec": {}})["code"] == 422


def test_a_review_of_the_own_user(world):
    info = world.do("POST", f"{REVIEWS}/selfsubjectreviews", {})["status"]["userInfo"]
    assert info == {"username": "admin", "groups": ["system:masters"]}


@pytest.mark.parametrize(("token", "known"), [("known", True), ("other", False), ("", False)])
def test_token_reviews(world, token, known):
    status = world.do("POST", f"{REVIEWS}/tokenreviews", {"spec": {"token": token}})["status"]
    assert status.get("authenticated", False) is known


def request_token(world, **spec):
    world.do("POST", ACCOUNTS, {"metadata": {"name": "joe"}})
    return world.do("POST", f"{ACCOUNTS}/joe/token", {"spec": spec})


def test_a_token_identifies_its_account_until_it_expires_or_the_account_is_deleted(world):
    answer = request_token(world, expirationSeconds=600)
    assert answer["status"]["expirationTimestamp"] == "2026-01-01T00:10:00Z"
    claims = answer["status"]["token"].encode()
    user = user_of_claims(claims, world.state, NOW)
    assert user.name == "system:serviceaccount:default:joe"
    assert "system:serviceaccounts:default" in user.groups
    assert user_of_claims(claims, world.state, "2026-01-01T00:10:00Z") is None
    world.do("DELETE", f"{ACCOUNTS}/joe")
    assert user_of_claims(claims, world.state, NOW) is None
    world.do("POST", ACCOUNTS, {"metadata": {"name": "joe"}})
    assert user_of_claims(claims, world.state, NOW) is None, "another account of the same name"


def test_tokens_that_are_not_given(world):
    assert world.refused("POST", f"{ACCOUNTS}/nobody/token", {})["code"] == 404
    world.do("POST", ACCOUNTS, {"metadata": {"name": "joe"}})
    status = world.refused("POST", f"{ACCOUNTS}/joe/token", {"spec": {"expirationSeconds": 5}})
    assert "may not specify a duration less than 10 minutes" in status["message"]


@pytest.mark.io
def test_only_what_was_signed_is_believed(tmp_path):
    signer = TokenSigner(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0
    token = signer.sign(b'{"a":1}')
    assert TokenSigner(tmp_path / "key").verified(token) == b'{"a":1}'
    header, claims, signature = token.split(".")
    forged = [
        f"{header}.{claims}x.{signature}",
        f"{header}.{claims}.",
        "",
        "a.b.c",
        f"{header}.{claims}.{signature}x",
        "é",
    ]
    assert [signer.verified(text) for text in forged] == [None] * len(forged)
