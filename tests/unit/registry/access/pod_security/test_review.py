"""Namespaces with Pod security labels, through requests of clients."""

import pytest

from fairlead.registry.requests import User
from tests.support.api_world import ADMIN, ApiWorld, pod

NAMESPACES, LABEL = "/api/v1/namespaces", "pod-security.kubernetes.io/"
PODS = f"{NAMESPACES}/n/pods"
MERGE = "application/merge-patch+json"
ESCALATES = (
    'allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false), '
    'unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"]), '
    'runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true), '
    'seccompProfile (pod or container "main" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
    '"Localhost")'
)


@pytest.fixture
def world():
    return ApiWorld()


def namespace(world, **labels):
    found = {LABEL + name.replace("_", "-"): value for name, value in labels.items()}
    world.do("POST", NAMESPACES, {"metadata": {"name": "n", "labels": found}})
    world.do("POST", f"{NAMESPACES}/n/serviceaccounts", {"metadata": {"name": "default"}})


def relabel(world, **labels):
    found = {LABEL + name.replace("_", "-"): value for name, value in labels.items()}
    return world.ask("PATCH", f"{NAMESPACES}/n", {"metadata": {"labels": found}}, content_type=MERGE)


@pytest.mark.parametrize("user", [ADMIN, User("boss", ("system:masters",))])
def test_a_pod_is_refused_in_upstreams_words_for_every_client(world, user):
    namespace(world, enforce="restricted")
    status = world.refused("POST", PODS, pod("p"), user=user)
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert status["message"] == f'pods "p" is forbidden: violates PodSecurity "restricted:latest": {ESCALATES}'


def test_versions_are_kept_to(world):
    namespace(world, enforce="restricted", enforce_version="v1.21")
    message = world.refused("POST", PODS, pod("p"))["message"]
    assert 'violates PodSecurity "restricted:v1.21"' in message
    assert "unrestricted capabilities" not in message


def test_without_labels_all_pods_are_admitted(world):
    namespace(world)
    assert world.ask("POST", PODS, pod("p")).warnings == ()


def test_warnings_of_pods_and_of_templates(world):
    namespace(world, warn="restricted", enforce="baseline")
    warning = f'would violate PodSecurity "restricted:latest": {ESCALATES}'
    assert world.ask("POST", PODS, pod("p")).warnings == (warning,)
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod("x")["spec"]}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    for kind, group in (("deployments", "apps/v1"), ("statefulsets", "apps/v1"), ("replicasets", "apps/v1")):
        found = world.ask("POST", f"/apis/{group}/namespaces/n/{kind}", {"metadata": {"name": "d"}, "spec": spec})
        assert found.warnings == (warning,), kind
    job = {"metadata": {"name": "j"}, "spec": {"template": {"spec": {**template["spec"], "restartPolicy": "Never"}}}}
    assert world.ask("POST", "/apis/batch/v1/namespaces/n/jobs", job).warnings == (warning,)


@pytest.mark.parametrize(
    ("labels", "audited", "warned"),
    [
        ({"audit": "restricted"}, True, False),
        ({"audit": "restricted", "warn": "restricted"}, True, True),
        ({"audit": "baseline", "warn": "restricted"}, False, True),
        ({"audit": "privileged"}, False, False),
        ({}, False, False),
    ],
)
def test_what_is_audited_of_pods_and_of_templates(world, labels, audited, warned):
    namespace(world, **labels)
    said = f'would violate PodSecurity "restricted:latest": {ESCALATES}'
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod("x")["spec"]}
    deployment = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
    for path, document in ((PODS, pod("p")), ("/apis/apps/v1/namespaces/n/deployments", deployment)):
        found = world.ask("POST", path, document)
        assert found.notes == (((f"{LABEL}audit-violations", said),) if audited else ())
        assert found.warnings == ((said,) if warned else ())


def test_templates_are_warned_of_and_never_refused(world):
    namespace(world, enforce="restricted")
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}}}
    spec["template"]["spec"] = pod("x")["spec"]
    url = "/apis/apps/v1/namespaces/n/deployments"
    assert world.ask("POST", url, {"metadata": {"name": "d"}, "spec": spec}).warnings == ()


def test_a_dry_run_is_refused_as_well(world):
    namespace(world, enforce="restricted")
    assert world.refused("POST", f"{PODS}?dryRun=All", pod("p"))["code"] == 403


def test_only_changes_that_matter_are_looked_at(world):
    namespace(world)
    world.do("POST", PODS, pod("p"))
    relabel(world, enforce="restricted")
    world.do("PATCH", f"{PODS}/p", {"metadata": {"labels": {"x": "y"}}}, content_type=MERGE)
    world.do("PATCH", f"{PODS}/p/status", {"status": {"phase": "Running"}}, content_type=MERGE)
    image = {"spec": {"containers": [{"name": "main", "image": "other"}]}}
    strategic = "application/strategic-merge-patch+json"
    assert world.refused("PATCH", f"{PODS}/p", image, content_type=strategic)["code"] == 403


@pytest.mark.parametrize(
    ("label", "value", "why"),
    [
        ("enforce", "strict", "must be one of privileged, baseline, restricted"),
        ("warn", "", "must be one of privileged, baseline, restricted"),
        ("audit-version", "1.25", 'must be "latest" or "v1.x"'),
        ("enforce-version", "v1.025", 'must be "latest" or "v1.x"'),
        ("warn-version", "v2.1", 'must be "latest" or "v1.x"'),
    ],
)
def test_labels_that_say_nothing_are_refused(world, label, value, why):
    body = {"metadata": {"name": "n", "labels": {LABEL + label: value}}}
    status = world.refused("POST", NAMESPACES, body)
    assert status["code"] == 422
    assert status["message"] == (
        f'Namespace "n" is invalid: metadata.labels[{LABEL}{label}]: Invalid value: "{value}": {why}'
    )
    namespace(world)
    assert world.refused("PATCH", f"{NAMESPACES}/n", body, content_type=MERGE)["code"] == 422


def test_a_namespace_that_becomes_stricter_tells_of_its_pods(world):
    namespace(world)
    for name in ("b", "a", "c"):
        world.do("POST", PODS, pod(name))
    host = pod("h")
    host["spec"]["hostNetwork"] = True
    world.do("POST", PODS, host)
    reasons = "allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile"
    assert relabel(world, enforce="restricted").warnings == (
        'existing pods in namespace "n" violate the new PodSecurity enforce level "restricted:latest"',
        f"a (and 2 other pods): {reasons}",
        f"h: host namespaces, {reasons}",
    )
    assert relabel(world, enforce="baseline").warnings == ()
    assert relabel(world, enforce="baseline", enforce_version="v1.20").warnings == (
        'existing pods in namespace "n" violate the new PodSecurity enforce level "baseline:v1.20"',
        "h: host namespaces",
    )
    assert relabel(world, enforce="privileged").warnings == ()
