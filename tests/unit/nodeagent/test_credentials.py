"""The user and groups of a container."""

import json

import pytest

from fairlead.model.decode import decode
from fairlead.nodeagent.credentials import AS_ROOT, ProcessCredentials, credentials_from, passwd_with
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.security_context import CredentialsError, credentials_of, given_capabilities, with_capabilities

PASSWD = "root:x:0:0:root:/root:/bin/bash\npostgres:x:105:113::/var/lib/postgresql:/bin/bash\n"


def found(pod_context=None, container_context=None):
    container = {"name": "c", **({} if container_context is None else {"securityContext": container_context})}
    spec = {"containers": [container], **({} if pod_context is None else {"securityContext": pod_context})}
    pod = decode(RunPod, {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})
    return credentials_of(pod.spec.containers[0], pod)


@pytest.mark.parametrize(
    ("pod", "container", "credentials"),
    [
        (None, None, AS_ROOT),
        ({}, {}, AS_ROOT),
        ({"runAsUser": 1}, None, ProcessCredentials(1)),
        ({"runAsUser": 1, "runAsGroup": 2}, {"runAsUser": 3}, ProcessCredentials(3, 2)),
        ({"runAsUser": 1, "runAsGroup": 2}, {"runAsGroup": 0}, ProcessCredentials(1, 0)),
        ({"runAsUser": 1}, {"runAsUser": 0}, AS_ROOT),
        ({"fsGroup": 7}, None, ProcessCredentials(0, 0, (7,))),
        ({"fsGroup": 7, "supplementalGroups": [8, 7]}, {"runAsUser": 1}, ProcessCredentials(1, 0, (8, 7))),
        ({"runAsNonRoot": True, "runAsUser": 1}, None, ProcessCredentials(1)),
        ({"runAsNonRoot": True}, {"runAsNonRoot": False}, AS_ROOT),
    ],
)
def test_the_containers_setting_takes_precedence(pod, container, credentials):
    assert found(pod, container) == credentials


@pytest.mark.parametrize(("pod", "container"), [({"runAsNonRoot": True}, None), ({}, {"runAsNonRoot": True})])
def test_root_that_must_not_be_root_is_refused(pod, container):
    with pytest.raises(CredentialsError, match="set runAsUser"):
        found(pod, container)


def test_a_user_without_a_name_gets_one():
    text = passwd_with(PASSWD, ProcessCredentials(7001, 7002))
    assert text == PASSWD + "7001:x:7001:7002:7001 user:/:/sbin/nologin\n"


def test_a_user_that_has_a_name_keeps_it():
    assert passwd_with(PASSWD, ProcessCredentials(105)) is None


@pytest.mark.parametrize(
    ("security", "is_given"),
    [
        (None, False),
        ({"privileged": False}, False),
        ({"privileged": True}, True),
        ({"privileged": True, "capabilities": {"drop": ["ALL"]}}, True),
        ({"capabilities": {"add": ["NET_ADMIN"]}}, True),
        ({"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}}, True),
        ({"capabilities": {"add": ["NET_RAW", "SYS_ADMIN"]}}, False),
        ({"capabilities": {"add": ["ALL"]}}, True),
        ({"capabilities": {"add": ["ALL"], "drop": ["NET_ADMIN"]}}, False),
    ],
)
@pytest.mark.parametrize("in_node", [True, False])
def test_who_asks_for_it_in_the_node_s_network_may_write_rules_there(security, is_given, in_node):
    container = {"name": "c", **({"securityContext": security} if security else {})}
    pod = decode(RunPod, {"metadata": {"name": "p"}, "spec": {"hostNetwork": in_node, "containers": [container]}})
    expected = ("NET_ADMIN",) if is_given and in_node else ()
    assert given_capabilities(pod.spec.containers[0], pod) == expected


def test_credentials_survive_json():
    given = with_capabilities(ProcessCredentials(3, 4, (5,)), ("NET_ADMIN",))
    assert given.capabilities == (12,)
    assert credentials_from(json.loads(json.dumps(given))) == given
