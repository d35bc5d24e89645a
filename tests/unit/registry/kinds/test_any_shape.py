"""Valid documents with parts replaced by anything of the same shape: each is stored or refused, and nothing breaks."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.registry.kinds import STRATEGIES
from fairlead.registry.resources import RESOURCES
from fairlead.registry.schemas.catalogue import INT_OR_STRING, QUANTITY, Cardinality, fields_of, type_of
from fairlead.registry.status import ApiError
from tests.support.full import some_of
from tests.support.service_requests import IPV4, IPV6, NOW, Cluster

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
TEXTS = (
    "",
    "a",
    "A b",
    "None",
    "10.96.0.5",
    "fd00::5",
    "10.0.0.0/8",
    "IPv6",
    "ClusterIP",
    "ExternalName",
    "Local",
    "ü",
)
NUMBERS = (-1, 0, 1, 53, 80, 30000, 65536, 2**31 - 1)
SCALARS = {
    "string": TEXTS,
    "boolean": (True, False),
    "int32": NUMBERS,
    "int64": NUMBERS,
    "number": NUMBERS,
    INT_OR_STRING: NUMBERS + TEXTS,
    QUANTITY: ("0", "1", "100m", "1Gi", "-1"),
    META + "Time": (NOW,),
    META + "MicroTime": (NOW,),
}
IDENTITY = {"apiVersion", "kind", "metadata"}
DEPTH = 3

CONTAINER = {
    "name": "c",
    "image": "x",
    "ports": [{"containerPort": 80, "name": "http"}],
    "env": [{"name": "A", "value": "b"}],
    "readinessProbe": {"httpGet": {"port": 80}},
}
RUNNING = {"name": "c", "image": "x", "imageID": "", "ready": True, "restartCount": 1, "state": {"running": {}}}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [CONTAINER]}}
WORKLOAD = {"spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE}}
BACKEND = {"service": {"name": "a", "port": {"number": 80}}}
VALID = {
    "DaemonSet": WORKLOAD,
    "Deployment": WORKLOAD,
    "EndpointSlice": {
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.0.0.1"], "hints": {"forZones": [{"name": "a"}]}}],
        "ports": [{"name": "a", "port": 80}],
    },
    "Endpoints": {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}]},
    "Ingress": {
        "spec": {
            "rules": [{"host": "a", "http": {"paths": [{"path": "/", "pathType": "Exact", "backend": BACKEND}]}}],
            "tls": [{"hosts": ["a"]}],
        },
    },
    "IngressClass": {"spec": {"controller": "a/b", "parameters": {"kind": "A", "name": "b"}}},
    "NetworkPolicy": {
        "spec": {
            "podSelector": {},
            "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 80}]}],
            "egress": [{"to": [{"podSelector": {}}]}],
        },
    },
    "Node": {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}, "status": {"capacity": {"cpu": "1"}}},
    "Pod": {
        "spec": {
            "containers": [CONTAINER],
            "initContainers": [{"name": "i", "image": "y", "restartPolicy": "Always"}],
            "volumes": [{"name": "v"}],
            "tolerations": [{"key": "a", "operator": "Exists"}],
        },
        "status": {"phase": "Running", "containerStatuses": [RUNNING], "initContainerStatuses": [RUNNING]},
    },
    "PodDisruptionBudget": {"spec": {"minAvailable": "50%", "selector": {}}},
    "ReplicaSet": WORKLOAD,
    "ReplicationController": {"spec": {"selector": {"a": "b"}, "template": TEMPLATE}},
    "Secret": {"type": "kubernetes.io/tls", "data": {"tls.crt": "", "tls.key": ""}},
    "Service": {"spec": {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [{"port": 80}]}},
    "ServiceCIDR": {"spec": {"cidrs": ["10.0.0.0/8"]}},
    "StatefulSet": WORKLOAD,
}


def anything(random, field, depth):
    if field.container is Cardinality.LIST:
        return [anything_of(random, field.name, depth) for _ in range(random.randrange(3))]
    if field.container is Cardinality.MAP:
        return {random.choice(TEXTS): anything_of(random, field.name, depth)}
    return anything_of(random, field.name, depth)


def anything_of(random, type_name, depth):
    if type_name in SCALARS:
        return random.choice(SCALARS[type_name])
    fields = fields_of(type_name) if depth < DEPTH else {}
    return {name: anything(random, field, depth + 1) for name, field in fields.items() if random.random() < 0.4}


def replace_a_part(random, document, type_name):
    """Go down a random way and put anything in the place where it ends, or nothing."""
    fields = fields_of(type_name)
    name = random.choice([name for name in fields if name not in IDENTITY] or list(fields))
    present = [name for name in document if name in fields and name not in IDENTITY]
    if present and random.random() < 0.7:
        name = random.choice(present)
    field, value = fields[name], document.get(name)
    parts = value if isinstance(value, list) else [value]
    if parts and isinstance(parts[0], dict) and field.container is not Cardinality.MAP and random.random() < 0.75:
        replace_a_part(random, random.choice(parts), field.name)
    elif name in document and random.random() < 0.3:
        del document[name]
    else:
        document[name] = anything(random, field, 0)


@pytest.mark.parametrize("resource", [row for row in RESOURCES if row.kind in VALID], ids=lambda row: row.kind)
@settings(max_examples=some_of(15, 40))
@given(random=st.randoms(use_true_random=False))
def test_a_part_of_any_value(resource, random):
    cluster, strategy = Cluster(IPV4, IPV6), STRATEGIES[resource.kind]
    body = {"apiVersion": resource.group_version, "kind": resource.kind, "metadata": {"name": "a"}}
    body |= copy.deepcopy(VALID[resource.kind])
    cluster.create(body)
    for side in (None, None, "status" if resource.subresource("status") else None):
        replace_a_part(random, body, type_of(resource.group_version, resource.kind))
        before = cluster.state
        outcome = outcome_of(cluster.put, body, side)
        if isinstance(outcome, ApiError):
            assert outcome.code in {400, 422, 500}
            assert cluster.state is before
        else:
            strategy.warnings(outcome, None)
            assert len(strategy.row(outcome, NOW)) == len(strategy.columns)
            assert all(isinstance(getter(outcome), str) for getter in strategy.fields.values())


def outcome_of(put, body, side):
    try:
        return put(body, subresource=side)
    except ApiError as refusal:
        return refusal
