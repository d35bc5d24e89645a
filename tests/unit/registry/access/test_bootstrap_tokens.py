"""Users of bootstrap tokens."""

import base64

import pytest

from fairlead.registry.access.bootstrap_tokens import user_of_bootstrap_token
from fairlead.registry.requests import User
from tests.support.api_world import NOW, ApiWorld

TOKEN = "abcdef.0123456789abcdef"
DATA = {"token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true"}
USER = User("system:bootstrap:abcdef", ("system:bootstrappers", "system:authenticated"))


def user_of(token=TOKEN, type_="bootstrap.kubernetes.io/token", **data):
    world = ApiWorld()
    told = DATA | {key.replace("_", "-"): text for key, text in data.items()}
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in told.items()}
    secret = {"metadata": {"name": "bootstrap-token-abcdef"}, "type": type_, "data": encoded}
    world.do("POST", "/api/v1/namespaces/kube-system/secrets", secret)
    return user_of_bootstrap_token(token, world.state, NOW)


def test_a_bootstrap_token_is_a_user_of_its_group():
    assert user_of() == USER


def test_a_bootstrap_token_can_have_more_groups():
    user = user_of(auth_extra_groups="system:bootstrappers:kubeadm:default-node-token,system:bootstrappers:a")
    assert user.groups == (
        "system:bootstrappers",
        "system:bootstrappers:a",
        "system:bootstrappers:kubeadm:default-node-token",
        "system:authenticated",
    )


def test_a_bootstrap_token_is_valid_until_it_expires():
    assert user_of(expiration="2026-01-01T00:00:01Z") == USER


NOBODY = [
    {"token": "abcdef.0123456789abcdeg"},
    {"token": "abcdeg.0123456789abcdef"},
    {"token": "abcdef"},
    {"token": f"{TOKEN}0"},
    {"type_": "Opaque"},
    {"token_id": "abcdeg"},
    {"usage_bootstrap_authentication": "false"},
    {"expiration": NOW},
    {"expiration": "tomorrow"},
    {"auth_extra_groups": "system:masters"},
]


@pytest.mark.parametrize("case", NOBODY)
def test_an_invalid_bootstrap_token_has_no_user(case):
    assert user_of(**case) is None
