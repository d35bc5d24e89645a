"""What is different between two versions of an object, in words."""

import pytest

from fairlead.explain.differences import DIFFERENCES
from fairlead.explain.languages import CHINESE, translated


def words(kind, old, new):
    return [str(cause.words) for cause in DIFFERENCES[kind](old, new)]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (None, {}, ["Service is new"]),
        ({"spec": {"type": "ClusterIP"}}, {"spec": {"type": "NodePort"}}, ["type: ClusterIP -> NodePort"]),
        (
            {"spec": {"ports": [{"port": 80, "targetPort": "http"}]}},
            {"spec": {"ports": [{"port": 80, "targetPort": 8080, "nodePort": 30080}, {"port": 443}]}},
            ["ports: 80->http -> 80->8080 (30080), 443"],
        ),
        ({"spec": {"selector": {"app": "web"}}}, {"spec": {}}, ["selector: app=web -> none"]),
        ({"spec": {"externalTrafficPolicy": "Local"}}, {"spec": {"externalTrafficPolicy": "Cluster"}},
         ["externalTrafficPolicy: Local -> Cluster"]),
        ({"status": {"loadBalancer": {}}}, {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}},
         ["loadBalancer: none -> 192.0.2.1"]),
        ({"spec": {"selector": {"a": "x" * 80}}}, {"spec": {}}, ["selector is different"]),
        ({"metadata": {"labels": {"a": "b"}}}, {"metadata": {}}, []),
        ({"spec": {"ports": "nonsense"}}, {"spec": {"ports": [None, 5]}}, ["ports: nonsense -> None, None"]),
    ],
)  # fmt: skip
def test_a_service(old, new, told):
    assert words("Service", old, new) == told


def test_a_policy():
    old, new = {"spec": {"podSelector": {}, "ingress": []}}, {"spec": {"podSelector": {}, "ingress": [{}]}}
    assert words("NetworkPolicy", old, new) == ["ingress: none -> {}"]


def test_in_chinese():
    (cause,) = DIFFERENCES["Service"]({"spec": {"selector": {"app": "web"}}}, {"spec": {}})
    assert translated(cause.words, CHINESE) == "selector：app=web -> 无"
