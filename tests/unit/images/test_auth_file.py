"""Credentials for registries, as Docker and Podman store them."""

import base64

import msgspec
import pytest

from fairlead.images.auth_file import (
    DOCKER_HUB_KEY,
    AuthFile,
    AuthFileError,
    Login,
    helper_for,
    login_for,
    read_auth_file,
    read_docker_cfg,
)
from fairlead.images.reference import DEFAULT_REGISTRY, parse_reference

TEAM = parse_reference("registry.example/team/web:1")
HUB = parse_reference("nginx")


def entry(user, password="secret"):
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def read(**fields):
    return read_auth_file(msgspec.json.encode(fields), "config.json")


@pytest.mark.parametrize(
    ("auths", "user"),
    [
        ({"registry.example": entry("all")}, "all"),
        ({"registry.example": entry("all"), "registry.example/team": entry("team")}, "team"),
        ({"registry.example/team": entry("team"), "registry.example/team/web": entry("web")}, "web"),
        ({"https://registry.example/v2/": entry("url")}, "url"),
        ({"registry.example": {"username": "plain", "password": "secret"}}, "plain"),
    ],
)
def test_the_longest_matching_entry_counts(auths, user):
    assert login_for(read(auths=auths), TEAM) == Login(user, "secret")


@pytest.mark.parametrize(
    "auths",
    [
        {},
        {"other.example": entry("other")},
        {"registry.example/te": entry("prefix")},
        {"registry.example": {}},
        {"registry.example": {"auth": "no base64"}},
        {"registry.example": {"auth": base64.b64encode(b"no colon").decode()}},
    ],
)
def test_other_entries_give_no_login(auths):
    assert login_for(read(auths=auths), TEAM) is None


@pytest.mark.parametrize("key", [DOCKER_HUB_KEY, "docker.io", "registry-1.docker.io"])
def test_docker_hub_has_several_names(key):
    assert login_for(read(auths={key: entry("hub")}), HUB) == Login("hub", "secret")


def test_an_identity_token_comes_before_a_password():
    both = {"registry.example": {**entry("user"), "identitytoken": "token"}}
    assert login_for(read(auths=both), TEAM) == Login(identity="token")


def test_helpers_are_chosen_by_registry():
    file = read(credHelpers={"registry.example": "pass"}, credsStore="desktop")
    assert helper_for(file, "registry.example") == ("pass", "registry.example")
    assert helper_for(file, "other.example") == ("desktop", "other.example")
    assert helper_for(file, DEFAULT_REGISTRY) == ("desktop", DOCKER_HUB_KEY)
    assert helper_for(AuthFile(), "other.example") is None


def test_the_older_format_has_entries_without_auths():
    old = read_docker_cfg(msgspec.json.encode({"registry.example": entry("old")}), "secret")
    assert login_for(old, TEAM) == Login("old", "secret")


@pytest.mark.parametrize("reader", [read_auth_file, read_docker_cfg])
@pytest.mark.parametrize("content", [b"", b"[]", b'{"auths": 3}', b"\xff"])
def test_invalid_files_are_refused_with_their_name(reader, content):
    with pytest.raises(AuthFileError, match=r"config\.json"):
        reader(content, "config.json")
