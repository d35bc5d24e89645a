"""ConfigMaps and Secrets: what is stored of them, and what is refused."""

import pytest

from tests.support.api_world import ApiWorld

NAMESPACE = "/api/v1/namespaces/default"
MAPS, SECRETS = f"{NAMESPACE}/configmaps", f"{NAMESPACE}/secrets"


@pytest.fixture
def world():
    return ApiWorld()


def named(**fields):
    return {"metadata": {"name": "a"}, **fields}


def test_a_secret_stores_plain_values_encoded(world):
    made = world.do("POST", SECRETS, named(data={"a": "MQ==", "b": "MQ=="}, stringData={"b": "two", "c": "é"}))
    assert (made["type"], made["data"]) == ("Opaque", {"a": "MQ==", "b": "dHdv", "c": "w6k="})
    assert "stringData" not in made


KEYS = {
    "key.name": "",
    "...": "must not start with '..'",
    "..": "must not be '..'",
    "a/b": "a valid config key must consist of",
    "a" * 254: "must be no more than 253 bytes",
}


@pytest.mark.parametrize("key", KEYS)
def test_keys_are_file_names(world, key):
    if KEYS[key]:
        assert KEYS[key] in world.refused("POST", MAPS, named(data={key: ""}))["message"]
    else:
        world.do("POST", MAPS, named(data={key: ""}))


@pytest.mark.parametrize(("url", "field"), [(SECRETS, "data"), (MAPS, "binaryData")])
def test_octets_are_base64(world, url, field):
    status = world.refused("POST", url, named(**{field: {"a": "!"}}))
    assert (status["code"], "illegal base64 data" in status["message"]) == (400, True)


def test_a_key_stands_once(world):
    status = world.refused("POST", MAPS, named(data={"a": ""}, binaryData={"a": ""}))
    assert "duplicate of key present in binaryData" in status["message"]


def test_the_size_is_bounded(world):
    assert "Too long" in world.refused("POST", MAPS, named(data={"a": "x" * (1 << 20)}))["message"]


def test_immutable_objects_must_not_change(world):
    world.do("POST", MAPS, named(data={"a": "1"}, immutable=True))
    status = world.refused("PUT", f"{MAPS}/a", named(data={"a": "2"}))
    assert [cause["field"] for cause in status["details"]["causes"]] == ["immutable", "data"]
    labelled = {**named(data={"a": "1"}, immutable=True), "metadata": {"name": "a", "labels": {"b": "c"}}}
    assert world.do("PUT", f"{MAPS}/a", labelled)["metadata"]["labels"] == {"b": "c"}


def test_a_secret_keeps_its_type(world):
    world.do("POST", SECRETS, named(type="example.com/token"))
    status = world.refused("PATCH", f"{SECRETS}/a", {"type": "x"}, content_type="application/merge-patch+json")
    assert status["details"]["causes"][0]["field"] == "type"


@pytest.mark.parametrize(
    ("type_", "data", "missing"),
    [
        ("kubernetes.io/tls", {"tls.crt": "eA=="}, ["data[tls.key]"]),
        ("kubernetes.io/tls", {"tls.crt": "", "tls.key": ""}, []),
        ("kubernetes.io/dockerconfigjson", {}, ["data[.dockerconfigjson]"]),
        ("kubernetes.io/ssh-auth", {}, ["data[ssh-privatekey]"]),
        ("kubernetes.io/basic-auth", {}, ["data[username]", "data[password]"]),
        ("kubernetes.io/basic-auth", {"password": "eA=="}, []),
        ("example.com/own", {}, []),
    ],
)
def test_a_secret_holds_what_its_type_promises(world, type_, data, missing):
    body = named(type=type_, data=data)
    if missing:
        causes = world.refused("POST", SECRETS, body)["details"]["causes"]
        assert [(cause["field"], cause["message"]) for cause in causes] == [
            (path, "Required value") for path in missing
        ]
    else:
        world.do("POST", SECRETS, body)
