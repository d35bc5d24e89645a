"""Each control of the Pod security standards, in upstream's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.registry.access.pod_security.pods import CheckedPod
from fairlead.registry.access.pod_security.policy import BASELINE, LATEST, LEVELS, PRIVILEGED, RESTRICTED, Standard
from fairlead.registry.access.pod_security.standards import violations

HARD = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def container(name="a", hard=True, **fields):
    security = {**(HARD if hard else {}), **fields.pop("security", {})}
    return {"name": name, "image": "i", **({"securityContext": security} if security else {}), **fields}


def pod(*containers, annotations=None, **spec):
    return CheckedPod({"annotations": annotations or {}}, {"containers": containers or (container(),), **spec})


def said(found, level=RESTRICTED, version=LATEST):
    return [str(violation) for violation in violations(found, Standard(level, version))]


def secured(**security):
    return pod(container(security=security))


TYPE = "securityContext.seccompProfile.type"
# What a Pod does -> what baseline and restricted say.
BASELINE_CASES = [
    (pod(hostNetwork=True, hostPID=True), "host namespaces (hostNetwork=true, hostPID=true)"),
    (pod(hostIPC=True), "host namespaces (hostIPC=true)"),
    (secured(privileged=True), 'privileged (container "a" must not set securityContext.privileged=true)'),
    (
        pod(container("a", security={"privileged": True}), container("b", security={"privileged": True})),
        'privileged (containers "a", "b" must not set securityContext.privileged=true)',
    ),
    (
        pod(container(ports=[{"hostPort": 80}, {"containerPort": 1}])),
        'hostPort (container "a" uses hostPort 80)',
    ),
    (
        pod(container("a", ports=[{"hostPort": 80}]), container("b", ports=[{"hostPort": 81}])),
        'hostPort (containers "a", "b" use hostPorts 80, 81)',
    ),
    (
        pod(container(livenessProbe={"httpGet": {"host": "127.0.0.1"}})),
        'probe or lifecycle host (container "a" uses probe or lifecycle host "127.0.0.1")',
    ),
    (
        pod(
            container("b", lifecycle={"preStop": {"tcpSocket": {"host": "y"}}}),
            container("a", readinessProbe={"tcpSocket": {"host": "x"}}),
        ),
        'probe or lifecycle host (containers "a", "b" use probe or lifecycle hosts "x", "y")',
    ),
    (
        secured(procMount="Unmasked"),
        'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ),
    (
        secured(appArmorProfile={"type": "Unconfined"}),
        'forbidden AppArmor profile (container "a" must not set AppArmor profile type to "Unconfined")',
    ),
    (
        pod(annotations={"container.apparmor.security.beta.kubernetes.io/a": "unconfined"}),
        (
            "forbidden AppArmor profile (annotation must not set AppArmor profile type to "
            '"container.apparmor.security.beta.kubernetes.io/a="unconfined"")'
        ),
    ),
    (
        pod(securityContext={"seLinuxOptions": {"type": "t", "user": "u"}}),
        'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "t"; user may not be set)',
    ),
    (
        secured(seLinuxOptions={"role": "r"}),
        'seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: role may not be set)',
    ),
    (
        secured(seccompProfile={"type": "Unconfined"}),
        f'seccompProfile (container "a" must not set {TYPE} to "Unconfined")',
    ),
    (
        pod(securityContext={"seccompProfile": {"type": "Unconfined"}}),
        f'seccompProfile (pod must not set {TYPE} to "Unconfined")',
    ),
    (
        pod(securityContext={"sysctls": [{"name": "kernel.msgmax"}, {"name": "net.ipv4.tcp_rmem"}]}),
        "forbidden sysctls (kernel.msgmax)",
    ),
    (
        pod(
            container(security={"windowsOptions": {"hostProcess": True}}),
            securityContext={"windowsOptions": {"hostProcess": True}},
        ),
        'hostProcess (pod and container "a" must not set securityContext.windowsOptions.hostProcess=true)',
    ),
]


@pytest.mark.parametrize(("found", "message"), BASELINE_CASES, ids=[message[:40] for _, message in BASELINE_CASES])
def test_restricted_forbids_all_that_baseline_forbids(found, message):
    assert said(found, BASELINE) == said(found, RESTRICTED) == [message]
    assert said(found, PRIVILEGED) == []


def test_controls_with_other_words_in_restricted():
    added = secured(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN", "CHOWN"]})
    assert said(added, BASELINE) == [
        'non-default capabilities (container "a" must not include "NET_ADMIN" in securityContext.capabilities.add)'
    ]
    assert said(added) == [
        (
            'unrestricted capabilities (container "a" must not include "CHOWN", "NET_ADMIN" in '
            "securityContext.capabilities.add)"
        )
    ]
    host = pod(volumes=[{"name": "h", "hostPath": {"path": "/"}}, {"name": "e", "emptyDir": {}}])
    assert said(host, BASELINE) == ['hostPath volumes (volume "h")']
    assert said(host) == ['restricted volume types (volume "h" uses restricted volume type "hostPath")']
    several = pod(volumes=[{"name": "h", "hostPath": {"path": "/"}}, {"name": "n", "nfs": {}}])
    assert said(several) == ['restricted volume types (volumes "h", "n" use restricted volume types "hostPath", "nfs")']


def test_an_ordinary_pod():
    assert said(pod(container(hard=False)), BASELINE) == []
    assert said(pod(container(hard=False)), RESTRICTED) == [
        'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)',
        'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"])',
        'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
        f'seccompProfile (pod or container "a" must set {TYPE} to "RuntimeDefault" or "Localhost")',
    ]


def test_the_pods_settings_apply_to_its_containers():
    shared = {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}}
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}
    assert said(pod(container(hard=False, security=own), securityContext=shared)) == []
    contradicted = pod(container(hard=False, security={**own, "runAsNonRoot": False}), securityContext=shared)
    assert said(contradicted) == [
        'runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false)'
    ]
    root = pod(container(security={"runAsUser": 0}), securityContext={**shared, "runAsUser": 0})
    assert said(root) == ['runAsUser=0 (pod and container "a" must not set runAsUser=0)']


def test_all_kinds_of_containers_are_looked_at():
    bad = {"security": {"privileged": True}}
    found = pod(
        container("main", **bad), initContainers=[container("i", **bad)], ephemeralContainers=[container("e", **bad)]
    )
    assert said(found) == ['privileged (containers "i", "main", "e" must not set securityContext.privileged=true)']


VERSIONS = [
    (secured(seccompProfile={"type": "Unconfined"}), BASELINE, 18, 19),
    (secured(runAsUser=0), RESTRICTED, 22, 23),
    (secured(capabilities={}), RESTRICTED, 21, 22),
    (secured(allowPrivilegeEscalation=True), RESTRICTED, 7, 8),
    (pod(container(livenessProbe={"httpGet": {"host": "x"}})), BASELINE, 33, 34),
]


@pytest.mark.parametrize(("found", "level", "before", "since"), VERSIONS)
def test_controls_that_came_later(found, level, before, since):
    assert said(found, level, before) == []
    assert len(said(found, level, since)) == len(said(found, level)) == 1


LAXER = [
    (pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_rmem"}]}), BASELINE, 31, 32),
    (secured(seLinuxOptions={"type": "container_engine_t"}), BASELINE, 30, 31),
    (pod(container(security={"procMount": "Unmasked"}), hostUsers=False), BASELINE, 34, 35),
    (pod(container(security={"runAsUser": 0, "runAsNonRoot": False}), hostUsers=False), RESTRICTED, 34, 35),
    (pod(container(security={"allowPrivilegeEscalation": None}), os={"name": "windows"}), RESTRICTED, 24, 25),
]


@pytest.mark.parametrize(("found", "level", "before", "since"), LAXER)
def test_controls_that_became_laxer(found, level, before, since):
    assert said(found, level, before)
    assert said(found, level, since) == said(found, level) == []


def test_seccomp_annotations_of_long_ago():
    found = pod(annotations={"seccomp.security.alpha.kubernetes.io/pod": "unconfined"})
    assert said(found, BASELINE, 18) == [
        'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")'
    ]
    assert said(found, BASELINE) == []


@given(st.integers(0, 60), st.sampled_from([found for found, _ in BASELINE_CASES]))
def test_a_stricter_level_never_lets_in_what_a_laxer_one_does_not(version, found):
    counts = [len(said(found, level, version)) for level in LEVELS]
    assert counts[0] == 0
    assert not counts[1] or counts[2]
