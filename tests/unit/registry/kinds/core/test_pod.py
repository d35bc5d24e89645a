"""Pods: what is filled in, what is refused, what may change."""

from fractions import Fraction

import pytest

from fairlead.model.quantities import quantity
from fairlead.registry.status import ApiError
from tests.support.service_requests import Cluster, document

WEB = {"name": "web", "image": "example/web:1"}


def pod(**spec):
    return document("Pod", "p", spec={"containers": [WEB], **spec})


def container(**fields):
    return pod(containers=[WEB | fields])


def test_a_pod_gets_its_defaults():
    stored = Cluster().create(pod(automountServiceAccountToken=False))
    assert stored["spec"] == {
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": "web",
                "image": "example/web:1",
                "imagePullPolicy": "IfNotPresent",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "enableServiceLinks": True,
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "preemptionPolicy": "PreemptLowerPriority",
        "priority": 0,
        "tolerations": [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        ],
    }
    assert stored["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert stored["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("web", "Always"),
        ("web:latest", "Always"),
        ("web:1", "IfNotPresent"),
        ("registry:5000/web", "Always"),
        ("registry:5000/web:1", "IfNotPresent"),
        ("web@sha256:0123", "IfNotPresent"),
    ],
)
def test_an_image_without_a_fixed_version_is_looked_up_each_time(image, policy):
    stored = Cluster().create(container(image=image))
    assert stored["spec"]["containers"][0]["imagePullPolicy"] == policy


PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ports": [{"containerPort": 80}]}, {"ports": [{"containerPort": 80, "protocol": "TCP"}]}),
        (
            {"readinessProbe": {"httpGet": {"port": "http"}, "periodSeconds": 1}},
            {
                "readinessProbe": PROBE
                | {"httpGet": {"port": "http", "path": "/", "scheme": "HTTP"}, "periodSeconds": 1}
            },
        ),
        ({"livenessProbe": {"tcpSocket": {"port": 1}}}, {"livenessProbe": PROBE | {"tcpSocket": {"port": 1}}}),
        (
            {"env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]},
            {"env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP", "apiVersion": "v1"}}}]},
        ),
        (
            {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}},
            {
                "resources": {
                    "limits": {"cpu": "1", "memory": "1Gi"},
                    "requests": {"cpu": "500m", "memory": "1Gi"},
                }
            },
        ),
    ],
)
def test_a_container_gets_its_defaults(fields, expected):
    stored = Cluster().create(container(**fields))["spec"]["containers"][0]
    assert {name: stored[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({}, {"emptyDir": {}}),
        ({"secret": {"secretName": "s"}}, {"secret": {"secretName": "s", "defaultMode": 420}}),
        ({"configMap": {"name": "c", "defaultMode": 256}}, {"configMap": {"name": "c", "defaultMode": 256}}),
        ({"hostPath": {"path": "/tmp"}}, {"hostPath": {"path": "/tmp", "type": ""}}),
        (
            {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
            {
                "projected": {
                    "sources": [{"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}],
                    "defaultMode": 420,
                }
            },
        ),
    ],
)
def test_a_volume_gets_its_defaults(volume, expected):
    stored = Cluster().create(pod(automountServiceAccountToken=False, volumes=[{"name": "v", **volume}]))
    assert stored["spec"]["volumes"] == [{"name": "v", **expected}]


def test_a_pod_in_the_hosts_network_has_its_ports():
    stored = Cluster().create(pod(hostNetwork=True, containers=[WEB | {"ports": [{"containerPort": 80}]}]))
    assert stored["spec"]["containers"][0]["ports"][0]["hostPort"] == 80


FIRST = "spec.containers[0]"
PORT_RANGE = "must be between 1 and 65535, inclusive"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (pod(containers=[]), "spec.containers: Required value"),
        (container(name=""), f"{FIRST}.name: Required value"),
        (container(name="A"), f'{FIRST}.name: Invalid value: "A": a lowercase RFC 1123 label'),
        (container(image=""), f"{FIRST}.image: Required value"),
        (
            container(image=" web"),
            f'{FIRST}.image: Invalid value: " web": must not have leading or trailing whitespace',
        ),
        (container(imagePullPolicy="Often"), f'{FIRST}.imagePullPolicy: Unsupported value: "Often": supported values'),
        (pod(containers=[WEB, WEB]), 'spec.containers[1].name: Duplicate value: "web"'),
        (pod(initContainers=[WEB]), 'spec.initContainers[0].name: Duplicate value: "web"'),
        (container(ports=[{}]), f"{FIRST}.ports[0].containerPort: Required value"),
        (
            container(ports=[{"containerPort": 70000}]),
            f"{FIRST}.ports[0].containerPort: Invalid value: 70000: {PORT_RANGE}",
        ),
        (
            container(ports=[{"name": "p", "containerPort": 1}, {"name": "p", "containerPort": 2}]),
            f'{FIRST}.ports[1].name: Duplicate value: "p"',
        ),
        (
            container(ports=[{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 80}]),
            f'{FIRST}.ports[1].hostPort: Duplicate value: "TCP//80"',
        ),
        (
            pod(hostNetwork=True, containers=[WEB | {"ports": [{"containerPort": 80, "hostPort": 81}]}]),
            f"{FIRST}.ports[0].containerPort: Invalid value: 80: must match `hostPort` when `hostNetwork` is true",
        ),
        (container(env=[{"name": ""}]), f"{FIRST}.env[0].name: Required value"),
        (
            container(env=[{"name": "A", "value": "b", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]),
            f'{FIRST}.env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
        ),
        (
            container(volumeMounts=[{"name": "v", "mountPath": "/v"}]),
            f'{FIRST}.volumeMounts[0].name: Not found: "v"',
        ),
        (
            container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}}),
            f'{FIRST}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1500m',
        ),
        (container(readinessProbe={}), f"{FIRST}.readinessProbe: Required value: must specify a handler type"),
        (
            container(readinessProbe={"exec": {"command": ["true"]}, "tcpSocket": {"port": 1}}),
            f"{FIRST}.readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
        ),
        (
            container(livenessProbe={"tcpSocket": {"port": 1}, "successThreshold": 2}),
            f"{FIRST}.livenessProbe.successThreshold: Invalid value: 2: must be 1",
        ),
        (container(readinessProbe={"tcpSocket": {"port": 0}}), f"{FIRST}.readinessProbe.tcpSocket.port: Invalid value"),
        (
            container(restartPolicy="Maybe"),
            f'{FIRST}.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "Never", "OnFailure"',
        ),
        (
            container(restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "In", "values": [3]}}]),
            f"{FIRST}.restartPolicy: Required value: must specify restartPolicy when restart rules are used",
        ),
        (
            container(restartPolicy="Never", restartPolicyRules=[{"action": "Stop", "exitCodes": {"operator": "In"}}]),
            f'{FIRST}.restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart"',
        ),
        (
            container(
                restartPolicy="Never", restartPolicyRules=[{"action": "Restart", "exitCodes": {"operator": "Equals"}}]
            ),
            f'{FIRST}.restartPolicyRules[0].exitCodes.operator: Unsupported value: "Equals": supported values: "In"',
        ),
        (pod(restartPolicy="Maybe"), 'spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always"'),
        (pod(dnsPolicy="None"), "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver"),
        (pod(dnsPolicy="Mine"), 'spec.dnsPolicy: Unsupported value: "Mine"'),
        (pod(hostname="a.b"), 'spec.hostname: Invalid value: "a.b": must not contain dots'),
        (pod(subdomain="A"), 'spec.subdomain: Invalid value: "A": a lowercase RFC 1123 label'),
        (pod(volumes=[{"name": "v"}, {"name": "v"}]), 'spec.volumes[1].name: Duplicate value: "v"'),
        (
            pod(volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]),
            "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
        ),
        (pod(terminationGracePeriodSeconds=-1), "spec.terminationGracePeriodSeconds: Invalid value: -1"),
        (pod(hostAliases=[{"ip": "x"}]), 'spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address'),
        (pod(tolerations=[{"value": "x"}]), 'spec.tolerations[0].operator: Invalid value: "": operator must be Exists'),
        (pod(readinessGates=[{"conditionType": "a b"}]), 'spec.readinessGates[0].conditionType: Invalid value: "a b"'),
        (pod(nodeSelector={"a b": "c"}), 'spec.nodeSelector: Invalid value: "a b"'),
        (
            pod(securityContext={"fsGroup": -1}),
            "spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and",
        ),
        (
            pod(securityContext={"supplementalGroups": [1, 2**31]}),
            "spec.securityContext.supplementalGroups[1]: Invalid",
        ),
        (
            pod(
                volumes=[{"name": "v"}],
                containers=[{**WEB, "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "a/../b"}]}],
            ),
            f"{FIRST}.volumeMounts[0].subPath: Invalid value: \"a/../b\": must not contain '..'",
        ),
        (container(securityContext={"runAsUser": -1}), f"{FIRST}.securityContext.runAsUser: Invalid value: -1"),
    ],
)
def test_refusals(body, message):
    with pytest.raises(ApiError) as refusal:
        Cluster().create(body)
    assert refusal.value.code == 422
    assert message in refusal.value.message


def changed(**spec):
    cluster = Cluster()
    cluster.create(pod(tolerations=[{"key": "a", "operator": "Exists"}], activeDeadlineSeconds=60))
    body = cluster.stored("Pod", "p")
    body["spec"] |= spec
    return cluster, body


@pytest.mark.parametrize(
    "spec",
    [
        {"activeDeadlineSeconds": 30},
        {"tolerations": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}]},
    ],
)
def test_the_few_fields_that_may_change(spec):
    cluster, body = changed(**spec)
    stored = cluster.put(body)
    for toleration in spec.pop("tolerations", ()):
        assert toleration in stored["spec"]["tolerations"]
    assert stored["spec"] | spec == stored["spec"]
    assert stored["metadata"]["generation"] == 2


def test_the_image_of_a_container_may_change():
    cluster, body = changed()
    body["spec"]["containers"][0]["image"] = "example/web:2"
    assert cluster.put(body)["spec"]["containers"][0]["image"] == "example/web:2"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"nodeName": "n"}, "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`"),
        ({"hostname": "h"}, '- hostname: null\n+ hostname: "h"'),
        ({"containers": [WEB, WEB | {"name": "b"}]}, "spec.containers: Forbidden: pod updates may not add or remove"),
        ({"tolerations": []}, "spec.tolerations: Forbidden: existing toleration can not be modified except its"),
        ({"activeDeadlineSeconds": 90}, "spec.activeDeadlineSeconds: Invalid value: 90: must be less than or equal to"),
        ({"activeDeadlineSeconds": None}, "must not update from a positive integer to nil value"),
    ],
)
def test_immutable_fields_of_a_pod(spec, message):
    cluster, body = changed(**spec)
    with pytest.raises(ApiError) as refusal:
        cluster.put(body)
    assert message in refusal.value.message


def test_a_status_report_leaves_the_class_alone():
    cluster = Cluster()
    body = cluster.create(pod()) | {"status": {"phase": "Running"}}
    assert cluster.put(body, subresource="status")["status"] == {"phase": "Running", "qosClass": "BestEffort"}


def test_the_class_of_a_pod_follows_from_all_its_containers():
    asking = {"name": "first", "image": "i", "resources": {"requests": {"cpu": "1"}}}
    assert Cluster().create(pod(initContainers=[asking]))["status"]["qosClass"] == "Burstable"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1),
        ("100m", Fraction(1, 10)),
        ("1.5Gi", 3 * 2**29),
        ("2e3", 2000),
        ("5E", 5 * 10**18),
        (".5", Fraction(1, 2)),
        ("-1k", -1000),
        ("lots", None),
        ("", None),
        ("1 Gi", None),
    ],
)
def test_quantities(text, number):
    assert quantity(text) == number
