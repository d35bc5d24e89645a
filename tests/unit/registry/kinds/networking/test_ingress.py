"""Ingresses and NetworkPolicies: manifests are refused and completed as on a cluster."""

import pytest

from tests.support.api_world import ApiWorld

INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
WEB = {"service": {"name": "web", "port": {"number": 80}}}
ONE = {"podSelector": {}}


@pytest.fixture
def world():
    return ApiWorld()


def rule(path="/", kind="Prefix", host="a.example", backend=WEB):
    each = {"path": path, "backend": backend, **({"pathType": kind} if kind else {})}
    return {"host": host, "http": {"paths": [each]}}


def causes(status):
    return [f"{cause['field']}: {cause['message']}" for cause in status["details"]["causes"]]


PATH = "spec.rules[0].http.paths[0]"


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ({}, "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"),
        ({"rules": [rule(kind=None)]}, f"{PATH}.pathType: Required value: pathType must be specified"),
        ({"rules": [rule(kind="Regex")]}, f'{PATH}.pathType: Unsupported value: "Regex": supported values: "Exact", '),
        ({"rules": [rule("a")]}, f'{PATH}.path: Invalid value: "a": must be an absolute path'),
        ({"rules": [rule("/a//b")]}, f"{PATH}.path: Invalid value: \"/a//b\": must not contain '//'"),
        ({"rules": [rule("/a/..")]}, f"{PATH}.path: Invalid value: \"/a/..\": cannot end with '/..'"),
        ({"rules": [rule(host="10.0.0.1")]}, 'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not'),
        ({"rules": [rule(host="a_b")]}, 'spec.rules[0].host: Invalid value: "a_b": a lowercase RFC 1123 subdomain'),
        ({"rules": [rule(host="a.*.b")]}, 'spec.rules[0].host: Invalid value: "a.*.b": a wildcard DNS-1123 subdomain'),
        ({"rules": [{"http": {}}]}, "spec.rules[0].http.paths: Required value"),
        ({"rules": [rule(backend={})]}, f'{PATH}.backend: Invalid value: "": resource or service backend is required'),
        (
            {"defaultBackend": WEB | {"resource": {}}},
            'spec.defaultBackend: Invalid value: "": cannot set both resource and service backends',
        ),
        (
            {"defaultBackend": {"service": {"name": "web"}}},
            "spec.defaultBackend: Required value: port name or number is required",
        ),
        (
            {"defaultBackend": {"service": {"name": "web", "port": {"number": 70000}}}},
            "spec.defaultBackend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ),
        ({"defaultBackend": WEB, "tls": [{"hosts": ["A"]}]}, 'spec.tls[0].hosts[0]: Invalid value: "A": a lowercase'),
        ({"defaultBackend": WEB}, None),
        ({"rules": [rule(host="*.example"), rule("", "ImplementationSpecific"), {"host": "b"}]}, None),
    ],
)
def test_valid_and_refused_fields_of_an_ingress(world, spec, fault):
    body = {"metadata": {"name": "i"}, "spec": spec}
    if fault is None:
        assert world.do("POST", INGRESSES, body)["metadata"]["generation"] == 1
    else:
        (cause,) = causes(world.refused("POST", INGRESSES, body))
        assert cause.startswith(fault)


@pytest.mark.parametrize(
    ("spec", "types"),
    [
        ({}, ["Ingress"]),
        ({"ingress": [{}]}, ["Ingress"]),
        ({"egress": [{"ports": [{"port": 53}]}]}, ["Ingress", "Egress"]),
        ({"policyTypes": ["Egress"]}, ["Egress"]),
    ],
)
def test_a_policy_gets_its_defaults(world, spec, types):
    made = world.do("POST", POLICIES, {"metadata": {"name": "p"}, "spec": ONE | spec})["spec"]
    assert made["policyTypes"] == types
    assert all(port["protocol"] == "TCP" for rule in made.get("egress", []) for port in rule.get("ports", []))


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ({"policyTypes": ["Both"]}, 'spec.policyTypes[0]: Unsupported value: "Both": supported values: "Egress", "In'),
        ({"ingress": [{"from": [{}]}]}, "spec.ingress[0].from[0]: Required value: must specify a peer"),
        (
            {"egress": [{"to": [ONE | {"ipBlock": {"cidr": "10.0.0.0/8"}}]}]},
            "spec.egress[0].to[0]: Forbidden: may not specify both ipBlock and another peer",
        ),
        (
            {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/33"}}]}]},
            'spec.egress[0].to[0].ipBlock.cidr: Invalid value: "10.0.0.0/33": must be a valid CIDR value',
        ),
        (
            {"ingress": [{"ports": [{"port": 0}]}]},
            "spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ),
        (
            {"ingress": [{"ports": [{"port": 80, "endPort": 79}]}]},
            "spec.ingress[0].ports[0].endPort: Invalid value: 79: must be greater than or equal to `port`",
        ),
        (
            {"ingress": [{"ports": [{"port": 80, "endPort": 65536}]}]},
            "spec.ingress[0].ports[0].endPort: Invalid value: 65536: must be between 1 and 65535, inclusive",
        ),
        (
            {"egress": [{"ports": [{"port": "http", "endPort": 80}]}]},
            "spec.egress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` is non-numeric",
        ),
        (
            {"egress": [{"ports": [{"endPort": 80}]}]},
            "spec.egress[0].ports[0].endPort: Invalid value: 80: may not be specified when `port` is not specified",
        ),
        *(
            (
                {"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": [inner]}}]}]},
                f'spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "{inner}": must be a strict subset of `cidr`',
            )
            for inner in ("11.0.0.0/16", "10.0.0.0/8", "fd00::/64")
        ),
    ],
)
def test_refused_fields_of_a_network_policy(world, spec, fault):
    (cause,) = causes(world.refused("POST", POLICIES, {"metadata": {"name": "p"}, "spec": ONE | spec}))
    assert cause.startswith(fault)


def test_their_tables(world):
    def cells(path, body):
        world.do("POST", path, body)
        table = world.do("GET", path, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        return [row["cells"][:-1] for row in table["rows"]]

    assert cells(POLICIES, {"metadata": {"name": "p"}, "spec": {"podSelector": {"matchLabels": {"a": "b"}}}}) == [
        ["p", "a=b"]
    ]
    parameters = {"apiGroup": "x.io", "kind": "K", "name": "n"}
    spec = {"controller": "x.io/c", "parameters": parameters}
    path = "/apis/networking.k8s.io/v1/ingressclasses"
    assert cells(path, {"metadata": {"name": "c"}, "spec": spec}) == [["c", "x.io/c", "K.x.io/n"]]


@pytest.mark.parametrize(
    ("spec", "annotations", "expected"),
    [
        ({}, {}, "young"),
        ({"ingressClassName": "mine"}, {}, "mine"),
        ({}, {"kubernetes.io/ingress.class": "nginx"}, None),
    ],
)
def test_an_ingress_without_a_class_is_of_the_youngest_default(world, spec, annotations, expected):
    classes = "/apis/networking.k8s.io/v1/ingressclasses"
    is_default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    for hour, name in enumerate(("old", "young")):
        world.at(f"2026-01-01T0{hour}:00:00Z")
        metadata = {"name": name, "annotations": is_default}
        world.do("POST", classes, {"metadata": metadata, "spec": {"controller": "example.com/c"}})
    world.do("POST", classes, {"metadata": {"name": "other"}, "spec": {"controller": "example.com/c"}})
    body = {"metadata": {"name": "d", "annotations": annotations}, "spec": {"defaultBackend": WEB, **spec}}
    made = world.do("POST", "/apis/networking.k8s.io/v1/namespaces/default/ingresses", body)
    assert made["spec"].get("ingressClassName") == expected
