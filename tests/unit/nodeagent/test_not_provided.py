"""What is told of a Pod's wishes that its node does not fulfil."""

import pytest

from fairlead.model.decode import decode
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.not_provided import not_provided


def paths(spec, **container):
    containers = [{"name": "c", **container}]
    return not_provided(decode(RunPod, {"metadata": {"name": "p"}, "spec": {"containers": containers, **spec}}))


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
        ({}, {"restartPolicyRules": [{"action": "Restart"}]}, ["spec.containers{c}.restartPolicyRules"]),
        (
            {"initContainers": [{"name": "i", "securityContext": {"privileged": True}}]},
            {},
            ["spec.initContainers{i}.securityContext.privileged"],
        ),
    ],
)
def test_each_wish_is_named_by_its_path(spec, container, expected):
    assert paths(spec, **container) == expected
