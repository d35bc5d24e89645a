"""Workloads, and the small kinds: Node, Namespace, Event, Lease."""

import copy

import pytest

from fairlead.registry.kinds import STRATEGIES
from fairlead.registry.status import ApiError
from tests.support.service_requests import NOW, Cluster, document

LABELS = {"app": "web"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "web", "image": "example/web:1"}]}}
SELECTOR = {"matchLabels": LABELS}


def workload(kind, **spec):
    return document(kind, "w", "apps/v1", spec={"selector": SELECTOR, "template": TEMPLATE, **spec})


def filled(kind, **spec):
    body = copy.deepcopy(workload(kind, **spec))
    STRATEGIES[kind].default(body)
    return body


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "Deployment",
            {
                "replicas": 1,
                "revisionHistoryLimit": 10,
                "progressDeadlineSeconds": 600,
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
                },
            },
        ),
        ("ReplicaSet", {"replicas": 1}),
        (
            "StatefulSet",
            {
                "replicas": 1,
                "revisionHistoryLimit": 10,
                "podManagementPolicy": "OrderedReady",
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            },
        ),
        (
            "DaemonSet",
            {
                "revisionHistoryLimit": 10,
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}},
            },
        ),
    ],
)
def test_a_workload_gets_its_defaults(kind, expected):
    spec = filled(kind)["spec"]
    assert {field: spec[field] for field in expected} == expected
    assert spec["template"]["spec"]["restartPolicy"] == "Always"


KINDS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")
NO_DEADLINE = "activeDeadlineSeconds in ReplicationController is not Supported"
NO_MATCH = "`selector` does not match template `labels`"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("spec", "path", "detail"),
    [
        ({"selector": {"matchLabels": {"app": "other"}}}, "spec.template.metadata.labels", NO_MATCH),
        ({"replicas": -1}, "spec.replicas", "must be greater than or equal to 0"),
        (
            {"template": TEMPLATE | {"spec": {"containers": []}}},
            "spec.template.spec.containers",
            "",
        ),
        (
            {"template": TEMPLATE | {"spec": TEMPLATE["spec"] | {"restartPolicy": "Never"}}},
            "spec.template.spec.restartPolicy",
            'supported values: "Always"',
        ),
    ],
)
def test_faults_of_any_workload(kind, spec, path, detail):
    (fault,) = STRATEGIES[kind].validate_create(filled(kind, **spec), None)
    assert (fault.path, fault.detail) == (path, detail)


@pytest.mark.parametrize(
    ("kind", "noun"),
    [
        ("Deployment", "deployment"),
        ("ReplicaSet", "deployment"),
        ("StatefulSet", "statefulset"),
        ("DaemonSet", "daemonset"),
    ],
)
def test_a_selector_must_select(kind, noun):
    (fault,) = STRATEGIES[kind].validate_create(filled(kind, selector={}), None)
    assert str(fault) == f"spec.selector: Invalid value: {{}}: empty selector is invalid for {noun}"
    body = filled(kind)
    del body["spec"]["selector"]
    faults = STRATEGIES[kind].validate_create(body, None)
    assert [fault.body for fault in faults] == ["Required value", f'Invalid value: {{"app":"web"}}: {NO_MATCH}']


def controller(**spec):
    """A ReplicationController, completed; None leaves a field out."""
    given = {field: value for field, value in {"template": TEMPLATE, **spec}.items() if value is not None}
    body = document("ReplicationController", "w", "v1", spec=copy.deepcopy(given))
    STRATEGIES["ReplicationController"].default(body)
    return body


def test_a_replication_controller_gets_defaults_from_its_template():
    body = controller()
    assert (body["spec"]["replicas"], body["spec"]["selector"], body["metadata"]["labels"]) == (1, LABELS, LABELS)
    assert body["spec"]["template"]["spec"]["restartPolicy"] == "Always"
    given = {"app": "web", "tier": "back"}
    assert controller(selector=given)["spec"]["selector"] == given


@pytest.mark.parametrize(
    ("spec", "faults"),
    [
        ({}, []),
        ({"template": {"spec": TEMPLATE["spec"]}}, ["spec.selector: Required value"]),
        ({"template": None}, ["spec.selector: Required value", "spec.template: Required value"]),
        (
            {"selector": {"app": "other"}},
            [f'spec.template.metadata.labels: Invalid value: {{"app":"web"}}: {NO_MATCH}'],
        ),
        (
            {"replicas": -1, "minReadySeconds": -1},
            [
                "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0",
                "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            ],
        ),
        (
            {"template": TEMPLATE | {"spec": TEMPLATE["spec"] | {"restartPolicy": "Never"}}},
            ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
        ),
        (
            {"template": TEMPLATE | {"spec": TEMPLATE["spec"] | {"activeDeadlineSeconds": 5}}},
            [f"spec.template.spec.activeDeadlineSeconds: Forbidden: {NO_DEADLINE}"],
        ),
    ],
)
def test_faults_of_a_replication_controller(spec, faults):
    found = STRATEGIES["ReplicationController"].validate_create(controller(**spec), None)
    assert [str(fault) for fault in found] == faults


def test_a_replication_controller_may_select_others():
    template = TEMPLATE | {"metadata": {"labels": {"app": "other"}}}
    other = controller(template=template)
    assert STRATEGIES["ReplicationController"].validate_update(other, controller(), None) == []


def updated(kind, strategy, **rolling):
    """A workload that is updated this way."""
    field = "strategy" if kind == "Deployment" else "updateStrategy"
    return filled(kind, **{field: {"type": strategy, **({"rollingUpdate": rolling} if rolling else {})}})


UPDATE = "spec.updateStrategy.rollingUpdate"
PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        (updated("Deployment", "RollingUpdate", maxSurge="150%", maxUnavailable="0%"), []),
        (updated("Deployment", "Recreate"), []),
        (
            updated("Deployment", "Recreate", maxSurge=1),
            ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
        ),
        (
            updated("Deployment", "RollingUpdate", maxSurge=0, maxUnavailable="0%"),
            [
                'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
            ],
        ),
        (
            updated("Deployment", "RollingUpdate", maxSurge="one", maxUnavailable="101%"),
            [
                'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
                f'spec.strategy.rollingUpdate.maxSurge: Invalid value: "one": {PERCENT}',
            ],
        ),
        (
            updated("Deployment", "RollingUpdate", maxSurge=-1, maxUnavailable="9" * 5000 + "%"),
            [
                f'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "{"9" * 5000}%": {PERCENT}',
                "spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: must be greater than or equal to 0",
            ],
        ),
        (updated("DaemonSet", "OnDelete"), []),
        (updated("DaemonSet", "RollingUpdate", maxSurge=1, maxUnavailable=0), []),
        (
            updated("DaemonSet", "RollingUpdate", maxSurge=1),
            [
                f"{UPDATE}.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero",
            ],
        ),
        (
            updated("DaemonSet", "RollingUpdate", maxUnavailable=0),
            [f"{UPDATE}.maxUnavailable: Required value: cannot be 0 when maxSurge is 0"],
        ),
        (
            updated("DaemonSet", "RollingUpdate", maxSurge="101%", maxUnavailable=0),
            ['spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "101%": must not be greater than 100%'],
        ),
        (updated("StatefulSet", "OnDelete"), []),
        (
            updated("StatefulSet", "OnDelete", partition=1),
            [
                f"{UPDATE}: Invalid value: {{\"partition\":1}}: only allowed for updateStrategy 'RollingUpdate'",
            ],
        ),
        (
            updated("StatefulSet", "RollingUpdate", partition=-1),
            [f"{UPDATE}.partition: Invalid value: -1: must be greater than or equal to 0"],
        ),
    ],
)
def test_the_limits_of_a_rolling_update(body, faults):
    assert [str(fault) for fault in STRATEGIES[body["kind"]].validate_create(body, None)] == faults


@pytest.mark.parametrize("kind", ["Deployment", "ReplicaSet", "DaemonSet"])
def test_the_selector_stays(kind):
    template = TEMPLATE | {"metadata": {"labels": {"app": "other"}}}
    other = filled(kind, selector={"matchLabels": {"app": "other"}}, template=template)
    (fault,) = STRATEGIES[kind].validate_update(other, filled(kind), None)
    assert (fault.path, fault.detail) == ("spec.selector", "field is immutable")


def test_most_of_a_stateful_set_stays():
    validate = STRATEGIES["StatefulSet"].validate_update
    assert validate(filled("StatefulSet", replicas=3), filled("StatefulSet"), None) == []
    (fault,) = validate(filled("StatefulSet", serviceName="web"), filled("StatefulSet"), None)
    assert str(fault) == (
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' "
        "are forbidden"
    )


def cells(kind, status, **spec):
    body = filled(kind, **spec) | {"status": status}
    body["metadata"]["creationTimestamp"] = NOW
    strategy = STRATEGIES[kind]
    return dict(zip((column.name for column in strategy.columns), strategy.row(body, NOW), strict=True))


WIDE = {"Containers": "web", "Images": "example/web:1"}


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        (
            "Deployment",
            {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1},
            {"Ready": "2/3", "Up-to-date": 3, "Available": 1, "Age": "0s", "Selector": "app=web", **WIDE},
        ),
        (
            "ReplicaSet",
            {"replicas": 2, "readyReplicas": 1},
            {"Desired": 3, "Current": 2, "Ready": 1, "Age": "0s", "Selector": "app=web", **WIDE},
        ),
        ("StatefulSet", {}, {"Ready": "0/3", "Age": "0s", **WIDE}),
        (
            "DaemonSet",
            {"desiredNumberScheduled": 2, "numberReady": 1},
            {
                "Desired": 2,
                "Current": 0,
                "Ready": 1,
                "Up-to-date": 0,
                "Available": 0,
                "Node Selector": "<none>",
                "Age": "0s",
                "Selector": "app=web",
                **WIDE,
            },
        ),
    ],
)
def test_columns(kind, status, expected):
    assert cells(kind, status, replicas=3) == {"Name": "w", **expected}


def test_a_deployment_is_stored_and_counts_changes_of_its_spec():
    cluster = Cluster()
    assert cluster.create(workload("Deployment"))["metadata"]["generation"] == 1
    assert cluster.put(workload("Deployment", replicas=2))["metadata"]["generation"] == 2
    assert cluster.put(workload("Deployment", replicas=2))["metadata"]["generation"] == 2


def test_a_namespace_is_active_and_carries_its_name():
    stored = Cluster().create(document("Namespace", "team"))
    assert stored["metadata"]["labels"] == {"kubernetes.io/metadata.name": "team"}
    assert (stored["spec"], stored["status"]) == ({"finalizers": ["kubernetes"]}, {"phase": "Active"})


def test_a_node_can_give_all_it_has():
    stored = Cluster().create(document("Node", "n", status={"capacity": {"cpu": "2"}}))
    assert stored["status"]["allocatable"] == {"cpu": "2"}


TAINT = {"key": "a", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (document("Node", "n", spec={"podCIDRs": ["10.0.0.0"]}), 'spec.podCIDRs[0]: Invalid value: "10.0.0.0"'),
        (
            document("Node", "n", spec={"podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.1.0/24"]}),
            "spec.podCIDRs[0]: Invalid value",
        ),
        (
            document("Node", "n", spec={"podCIDRs": ["10.0.0.0/24", "10.0.1.0/24"]}),
            "may specify no more than one CIDR for each IP family",
        ),
        (document("Node", "n", spec={"taints": [TAINT | {"effect": ""}]}), "spec.taints[0].effect: Required value"),
        (document("Node", "n", spec={"taints": [TAINT | {"effect": "X"}]}), "spec.taints[0].effect: Unsupported value"),
        (document("Node", "n", spec={"taints": [TAINT | {"key": ""}]}), "spec.taints[0].key: Invalid value"),
        (
            document("Event", "e", involvedObject={"kind": "Pod", "namespace": "other"}),
            'involvedObject.namespace: Invalid value: "other": does not match event.namespace',
        ),
        (
            document("Lease", "l", "coordination.k8s.io/v1", spec={"leaseDurationSeconds": 0}),
            "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
        ),
    ],
)
def test_refusals(body, message):
    with pytest.raises(ApiError) as refusal:
        Cluster().create(body)
    assert message in refusal.value.message


def test_a_node_keeps_the_addresses_of_its_pods():
    cluster = Cluster()
    cluster.create(document("Node", "n"))
    cluster.put(document("Node", "n", spec={"podCIDR": "10.0.0.0/24", "podCIDRs": ["10.0.0.0/24"]}))
    with pytest.raises(ApiError, match="node updates may not change podCIDR"):
        cluster.put(document("Node", "n", spec={"podCIDR": "10.0.1.0/24", "podCIDRs": ["10.0.1.0/24"]}))


def test_an_event_about_something_without_a_namespace_stands_in_the_default_one():
    assert Cluster().create(document("Event", "e", involvedObject={"kind": "Node", "name": "n"}))


@pytest.mark.parametrize(
    ("annotations", "first"), [({}, "1"), ({"deprecated.daemonset.template.generation": "5"}, "5")]
)
def test_a_daemon_set_counts_its_templates(annotations, first):
    cluster, name = Cluster(), "deprecated.daemonset.template.generation"
    body = workload("DaemonSet")
    body["metadata"]["annotations"] = annotations
    made = cluster.create(body)
    assert made["metadata"]["annotations"][name] == first
    made["metadata"]["annotations"][name] = "77"
    made["metadata"]["labels"] = {"a": "b"}
    assert cluster.put(made)["metadata"]["annotations"][name] == first
    changed = cluster.stored("DaemonSet", "w", "apps/v1")
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "example/web:2"
    assert cluster.put(changed)["metadata"]["annotations"][name] == str(int(first) + 1)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, {"backoffLimit": 6, "podReplacementPolicy": "TerminatingOrFailed"}),
        ({"backoffLimitPerIndex": 0}, {"backoffLimit": 2**31 - 1}),
        ({"podFailurePolicy": {"rules": []}}, {"podReplacementPolicy": "Failed"}),
    ],
)
def test_defaults_of_a_job(spec, expected):
    found = filled("Job", **spec)
    assert found["spec"] | expected == found["spec"]
