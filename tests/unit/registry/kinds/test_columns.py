"""The cells of ``kubectl get``, kind by kind."""

import pytest

from fairlead.registry.kinds import STRATEGIES
from fairlead.registry.kinds.cells import human_duration, since

NOW = "2026-01-02T00:00:00Z"
MADE = "2026-01-01T00:00:00Z"

MINUTE, HOUR, DAY = 60, 3600, 86400

WORKLOAD = {
    "template": {"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}},
    "selector": {"matchLabels": {"app": "web"}},
}


def row(kind, **fields):
    metadata = {"name": "x", "creationTimestamp": MADE, **fields.pop("metadata", {})}
    strategy = STRATEGIES[kind]
    cells = strategy.row({"metadata": metadata, **fields}, NOW)
    return dict(zip((column.name for column in strategy.columns), cells, strict=True))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (2 * MINUTE + 5, "2m5s"),
        (9 * MINUTE + 59, "9m59s"),
        (10 * MINUTE + 5, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + 20 * MINUTE, "3h20m"),
        (8 * HOUR + 20 * MINUTE, "8h"),
        (47 * HOUR, "47h"),
        (48 * HOUR, "2d"),
        (50 * HOUR, "2d2h"),
        (8 * DAY + HOUR, "8d"),
        (729 * DAY, "729d"),
        (2 * 365 * DAY, "2y"),
        (2 * 365 * DAY + 3 * DAY, "2y3d"),
        (9 * 365 * DAY, "9y"),
    ],
)
def test_ages_get_coarser(seconds, text):
    assert human_duration(seconds) == text


def test_a_time_that_is_not_known():
    assert since(None, NOW) == "<unknown>"
    assert since("2026-01-01T23:59:58.500000Z", NOW) == "1s"


SERVICE = {"type": "ClusterIP", "clusterIP": "10.96.0.5", "clusterIPs": ["10.96.0.5"]}


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({}, {}, {"Type": "ClusterIP", "Cluster-IP": "10.96.0.5", "External-IP": "<none>", "Port(s)": "<none>"}),
        ({"clusterIPs": ["None"]}, {}, {"Cluster-IP": "None"}),
        ({"externalIPs": ["1.2.3.4", "5.6.7.8"]}, {}, {"External-IP": "1.2.3.4,5.6.7.8"}),
        (
            {
                "type": "NodePort",
                "ports": [
                    {"port": 80, "nodePort": 30080, "protocol": "TCP"},
                    {"port": 53, "protocol": "UDP"},
                ],
            },
            {},
            {"Port(s)": "80:30080/TCP,53/UDP", "External-IP": "<none>"},
        ),
        ({"type": "LoadBalancer"}, {}, {"External-IP": "<pending>"}),
        (
            {"type": "LoadBalancer", "externalIPs": ["9.9.9.9"]},
            {"loadBalancer": {"ingress": [{"hostname": "lb.example"}, {"ip": "1.1.1.1"}, {"ip": "1.1.1.1"}]}},
            {"External-IP": "1.1.1.1,lb.example,9.9.9.9"},
        ),
        (
            {"type": "ExternalName", "clusterIPs": [], "externalName": "example.com"},
            {},
            {"Cluster-IP": "<none>", "External-IP": "example.com"},
        ),
        ({"selector": {"b": "2", "a": "1"}}, {}, {"Selector": "a=1,b=2"}),
        ({"selector": {}}, {}, {"Selector": "<none>", "Age": "24h"}),
    ],
)
def test_services(spec, status, expected):
    cells = row("Service", spec=SERVICE | spec, status=status)
    assert cells | expected == cells


def container(name="a", **fields):
    return {"name": name, "restartCount": 0, "ready": False, **fields}


def pod(statuses=(), init=(), spec=None, status=None, metadata=None):
    spec = {"containers": [{"name": "a"}], **(spec or {})}
    whole = {
        "phase": "Running",
        "containerStatuses": list(statuses),
        "initContainerStatuses": list(init),
        **(status or {}),
    }
    return row("Pod", spec=spec, status=whole, metadata=metadata or {})


RUNNING = {"ready": True, "state": {"running": {}}}
TWO = {"containers": [{"name": "a"}, {"name": "b"}]}
WITH_INIT = {"initContainers": [{"name": "i"}, {"name": "j"}]}
WITH_SIDECAR = {"initContainers": [{"name": "s", "restartPolicy": "Always"}]}
DELETED = {"deletionTimestamp": NOW}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"status": {"phase": "Pending"}}, {"Ready": "0/1", "Status": "Pending", "Restarts": "0"}),
        (
            {"statuses": [container(state={"waiting": {"reason": "ContainerCreating"}})]},
            {"Status": "ContainerCreating"},
        ),
        ({"statuses": [container(**RUNNING)]}, {"Ready": "1/1", "Status": "Running"}),
        (
            {
                "statuses": [
                    container(
                        restartCount=2,
                        state={"waiting": {"reason": "CrashLoopBackOff"}},
                        lastState={"terminated": {"finishedAt": "2026-01-01T23:59:55Z"}},
                    )
                ]
            },
            {"Status": "CrashLoopBackOff", "Restarts": "2 (5s ago)"},
        ),
        ({"statuses": [container(restartCount=3, **RUNNING)]}, {"Restarts": "3"}),
        ({"statuses": [container(state={"terminated": {"exitCode": 3}})]}, {"Status": "ExitCode:3"}),
        ({"statuses": [container(state={"terminated": {"exitCode": 0, "signal": 9}})]}, {"Status": "Signal:9"}),
        (
            {
                "status": {"phase": "Succeeded"},
                "statuses": [container(state={"terminated": {"exitCode": 0, "reason": "Completed"}})],
            },
            {"Status": "Completed", "Ready": "0/1"},
        ),
        (
            {
                "spec": TWO,
                "statuses": [
                    container("a", state={"terminated": {"reason": "Completed"}}),
                    container("b", **RUNNING),
                ],
            },
            {"Status": "NotReady", "Ready": "1/2"},
        ),
        (
            {
                "spec": TWO,
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
                "statuses": [
                    container("a", state={"terminated": {"reason": "Completed"}}),
                    container("b", **RUNNING),
                ],
            },
            {"Status": "Running"},
        ),
        (
            {
                "spec": TWO,
                "statuses": [
                    container("a", state={"waiting": {"reason": "ErrImagePull"}}),
                    container("b", state={"waiting": {"reason": "CrashLoopBackOff"}}),
                ],
            },
            {"Status": "ErrImagePull"},
        ),
        ({"metadata": DELETED, "statuses": [container(**RUNNING)]}, {"Status": "Terminating"}),
        ({"metadata": DELETED, "status": {"phase": "Failed", "reason": "Evicted"}}, {"Status": "Evicted"}),
        ({"metadata": DELETED, "status": {"reason": "NodeLost"}}, {"Status": "Unknown"}),
        (
            {
                "status": {
                    "phase": "Pending",
                    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}],
                }
            },
            {"Status": "SchedulingGated"},
        ),
        (
            {"spec": WITH_INIT, "init": [container("i", state={"running": {}}), container("j")]},
            {"Status": "Init:0/2"},
        ),
        (
            {
                "spec": WITH_INIT,
                "init": [
                    container("i", state={"terminated": {"exitCode": 0}}),
                    container("j", state={"terminated": {"exitCode": 1}}),
                ],
            },
            {"Status": "Init:ExitCode:1"},
        ),
        (
            {"spec": WITH_INIT, "init": [container("i", state={"waiting": {"reason": "PodInitializing"}})]},
            {"Status": "Init:0/2"},
        ),
        (
            {"spec": WITH_INIT, "init": [container("i", state={"waiting": {"reason": "ImagePullBackOff"}})]},
            {"Status": "Init:ImagePullBackOff"},
        ),
        (
            {
                "spec": WITH_SIDECAR,
                "init": [container("s", started=True, restartCount=1, **RUNNING)],
                "statuses": [container(restartCount=2, **RUNNING)],
            },
            {"Status": "Running", "Ready": "2/2", "Restarts": "3"},
        ),
        (
            {"status": {"podIPs": [{"ip": "10.244.1.7"}]}, "spec": {"nodeName": "node-1"}},
            {"IP": "10.244.1.7", "Node": "node-1", "Nominated Node": "<none>", "Readiness Gates": "<none>"},
        ),
        (
            {
                "spec": {"readinessGates": [{"conditionType": "x/a"}, {"conditionType": "x/b"}]},
                "status": {"conditions": [{"type": "x/a", "status": "True"}]},
            },
            {"Readiness Gates": "1/2"},
        ),
    ],
)
def test_pods(given, expected):
    cells = pod(**given)
    assert cells | expected == cells


def ready(status):
    return {"conditions": [{"type": "Ready", "status": status}]}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"status": ready("True")}, {"Status": "Ready", "Roles": "<none>", "Internal-IP": "<none>"}),
        ({"status": ready("Unknown"), "spec": {"unschedulable": True}}, {"Status": "NotReady,SchedulingDisabled"}),
        ({}, {"Status": "Unknown", "OS-Image": "<unknown>", "Age": "24h"}),
        (
            {"metadata": {"labels": {"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "edge"}}},
            {"Roles": "edge,worker"},
        ),
        (
            {
                "status": {
                    "addresses": [
                        {"type": "Hostname", "address": "n"},
                        {"type": "InternalIP", "address": "192.168.64.11"},
                    ],
                    "nodeInfo": {
                        "kubeletVersion": "v1.33.0",
                        "osImage": "Debian",
                        "kernelVersion": "6.1",
                        "containerRuntimeVersion": "lab://1",
                    },
                }
            },
            {
                "Version": "v1.33.0",
                "Internal-IP": "192.168.64.11",
                "External-IP": "<none>",
                "OS-Image": "Debian",
                "Kernel-Version": "6.1",
                "Container-Runtime": "lab://1",
            },
        ),
    ],
)
def test_nodes(given, expected):
    cells = row("Node", **given)
    assert cells | expected == cells


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("Namespace", {"status": {"phase": "Active"}}, {"Name": "x", "Status": "Active", "Age": "24h"}),
        (
            "EndpointSlice",
            {"addressType": "IPv4", "ports": [], "endpoints": []},
            {"AddressType": "IPv4", "Ports": "<unset>", "Endpoints": "<unset>"},
        ),
        (
            "EndpointSlice",
            {
                "addressType": "IPv4",
                "ports": [{"port": 80}, {"name": "any"}, {}],
                "endpoints": [{"addresses": [f"10.0.0.{last}"]} for last in range(1, 6)],
            },
            {"Ports": "80,any,*", "Endpoints": "10.0.0.1,10.0.0.2,10.0.0.3 + 2 more..."},
        ),
        ("Endpoints", {}, {"Endpoints": "<none>"}),
        ("Endpoints", {"subsets": [{"notReadyAddresses": [{"ip": "10.0.0.1"}]}]}, {"Endpoints": ""}),
        ("Endpoints", {"subsets": [{"addresses": [{"ip": "10.0.0.1"}]}]}, {"Endpoints": "10.0.0.1"}),
        (
            "Endpoints",
            {
                "subsets": [
                    {
                        "addresses": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}],
                        "ports": [{"port": 80}, {"port": 81}],
                    }
                ]
            },
            {"Endpoints": "10.0.0.1:80,[fd00::1]:80,10.0.0.1:81 + 1 more..."},
        ),
        (
            "Deployment",
            {"spec": {"replicas": 3, **WORKLOAD}, "status": {"readyReplicas": 2, "updatedReplicas": 1}},
            {
                "Ready": "2/3",
                "Up-to-date": 1,
                "Available": 0,
                "Containers": "a,b",
                "Images": "x,y",
                "Selector": "app=web",
            },
        ),
        (
            "ReplicaSet",
            {"spec": {"replicas": 3, **WORKLOAD}, "status": {"replicas": 2, "readyReplicas": 1}},
            {"Desired": 3, "Current": 2, "Ready": 1},
        ),
        (
            "ReplicationController",
            {"spec": {"replicas": 3, **WORKLOAD, "selector": {"app": "web"}}, "status": {"replicas": 2}},
            {"Desired": 3, "Current": 2, "Ready": 0, "Containers": "a,b", "Images": "x,y", "Selector": "app=web"},
        ),
        ("StatefulSet", {"spec": {"replicas": 1, **WORKLOAD}}, {"Ready": "0/1", "Containers": "a,b"}),
        ("Ingress", {}, {"Class": "<none>", "Hosts": "*", "Address": "", "Ports": "80"}),
        (
            "Ingress",
            {
                "spec": {"ingressClassName": "c", "rules": [{"host": h} for h in "abcd"], "tls": [{}]},
                "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "lb"}]}},
            },
            {"Class": "c", "Hosts": "a,b,c + 1 more...", "Address": "192.0.2.1,lb", "Ports": "80, 443"},
        ),
        ("ConfigMap", {"data": {"a": ""}, "binaryData": {"b": ""}}, {"Data": 2}),
        ("Secret", {"type": "Opaque", "data": {"a": ""}}, {"Type": "Opaque", "Data": 1}),
        ("ServiceAccount", {}, {"Secrets": 0}),
        ("Lease", {"spec": {"holderIdentity": "me"}}, {"Holder": "me"}),
        (
            "Event",
            {
                "involvedObject": {"kind": "Pod", "name": "web-0", "fieldPath": "spec.containers{a}"},
                "type": "Warning",
                "reason": "BackOff",
                "message": " back-off \n",
                "source": {"component": "kubelet", "host": "node-1"},
                "firstTimestamp": MADE,
                "lastTimestamp": "2026-01-01T23:59:00Z",
                "count": 4,
            },
            {
                "Last Seen": "60s",
                "Object": "pod/web-0",
                "Subobject": "spec.containers{a}",
                "Source": "kubelet, node-1",
                "Message": "back-off",
                "First Seen": "24h",
                "Count": 4,
                "Name": "x",
            },
        ),
        (
            "Event",
            {"involvedObject": {"kind": "Node"}, "eventTime": "2026-01-01T23:59:00.000000Z", "reportingComponent": "c"},
            {"Last Seen": "60s", "First Seen": "60s", "Object": "node", "Source": "c", "Count": 1},
        ),
        (
            "Event",
            {"eventTime": MADE, "series": {"count": 7, "lastObservedTime": "2026-01-01T23:59:59.000000Z"}},
            {"Last Seen": "1s", "First Seen": "24h", "Count": 7},
        ),
    ],
)
def test_other_kinds(kind, given, expected):
    cells = row(kind, **given)
    assert cells | expected == cells
