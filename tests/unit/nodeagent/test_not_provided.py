"""Reports of unsupported fields of a Pod."""

import pytest

from fairlead.model.decode import decode
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.not_provided import not_provided

LOCAL, STRICT = {"type": "Localhost", "localhostProfile": "p"}, {"supplementalGroupsPolicy": "Strict"}
SHARED = {"mountPropagation": "HostToContainer"}


def pod(spec, **container):
    containers = [{"name": "c", **container}]
    return decode(RunPod, {"metadata": {"name": "p"}, "spec": {"containers": containers, **spec}})


def paths(spec, **container):
    return not_provided(pod(spec, **container))


@pytest.mark.parametrize(
    ("spec", "container", "expected"),
    [
        ({}, {}, []),
        ({"hostPID": False, "hostUsers": True}, {"securityContext": {"privileged": False, "capabilities": {}}}, []),
        ({"hostPID": True, "hostIPC": True}, {}, ["spec.hostPID", "spec.hostIPC"]),
        ({"hostUsers": False}, {}, ["spec.hostUsers"]),
        ({"runtimeClassName": "gvisor"}, {}, ["spec.runtimeClassName"]),
        ({"setHostnameAsFQDN": True}, {}, ["spec.setHostnameAsFQDN"]),
        ({"resourceClaims": [{"name": "gpu"}]}, {}, ["spec.resourceClaims"]),
        ({"securityContext": {"sysctls": [{"name": "a", "value": "1"}]}}, {}, ["spec.securityContext.sysctls"]),
        ({}, {"securityContext": {"privileged": True}}, ["spec.containers{c}.securityContext.privileged"]),
        (
            {},
            {"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}},
            ["spec.containers{c}.securityContext.capabilities.add"],
        ),
        ({}, {"volumeDevices": [{"name": "d"}]}, ["spec.containers{c}.volumeDevices"]),
        ({}, {"restartPolicyRules": [{"action": "RestartAllContainers"}]}, ["spec.containers{c}.restartPolicyRules"]),
        ({}, {"restartPolicyRules": [{"action": "Restart"}]}, []),
        (
            {"securityContext": {"seccompProfile": LOCAL, "appArmorProfile": LOCAL, **STRICT}},
            {"securityContext": {"seccompProfile": LOCAL, "appArmorProfile": LOCAL, "procMount": "Unmasked"}},
            [
                "spec.securityContext.supplementalGroupsPolicy",
                "spec.securityContext.seccompProfile",
                "spec.securityContext.appArmorProfile",
                "spec.containers{c}.securityContext.procMount",
                "spec.containers{c}.securityContext.seccompProfile",
                "spec.containers{c}.securityContext.appArmorProfile",
            ],
        ),
        (
            {"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, "supplementalGroupsPolicy": "Merge"}},
            {"volumeMounts": [{"name": "v", "mountPath": "/v", "mountPropagation": "None"}]},
            [],
        ),
        (
            {},
            {"volumeMounts": [{"name": "v", "mountPath": "/v", "recursiveReadOnly": "IfPossible", **SHARED}]},
            ["spec.containers{c}.volumeMounts.mountPropagation"],
        ),
        (
            {},
            {"volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": True, "recursiveReadOnly": "Enabled"}]},
            ["spec.containers{c}.volumeMounts.recursiveReadOnly"],
        ),
        (
            {"initContainers": [{"name": "i", "securityContext": {"privileged": True}}]},
            {},
            ["spec.initContainers{i}.securityContext.privileged"],
        ),
    ],
)
def test_each_unsupported_field_is_named_by_its_path(spec, container, expected):
    assert paths(spec, **container) == expected


@pytest.mark.parametrize(
    ("security", "expected"),
    [
        ({"privileged": True}, ["spec.containers{c}.securityContext.privileged beyond NET_ADMIN"]),
        ({"capabilities": {"add": ["NET_ADMIN"]}}, []),
        ({"capabilities": {"add": ["NET_RAW", "NET_BIND_SERVICE"]}}, []),
        ({"capabilities": {"add": ["NET_ADMIN", "SYS_TIME"]}}, ["spec.containers{c}.securityContext.capabilities.add"]),
    ],
)
def test_what_is_given_in_the_network_of_a_lab_s_node_is_not_named(security, expected):
    assert not_provided(pod({"hostNetwork": True}, securityContext=security), gives_network=True) == expected
