"""Requests and limits of a Pod: containers run together, init containers one by one beside earlier sidecars."""

from fractions import Fraction

import pytest

from fairlead.registry.kinds.core.pod.amounts import pod_amounts


def container(cpu, **fields):
    return {"resources": {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}}, **fields}


def sidecar(cpu):
    return container(cpu, restartPolicy="Always")


@pytest.mark.parametrize(
    ("containers", "inits", "cpu"),
    [
        (["1", "500m"], [], "3/2"),
        (["1"], [container("3"), container("2")], "3"),
        (["1"], [sidecar("1")], "2"),
        (["1"], [sidecar("1"), container("3")], "4"),
        (["1"], [container("3"), sidecar("1")], "3"),
        (["4"], [sidecar("1"), container("3")], "5"),
    ],
)
def test_the_greatest_need_at_any_time_counts(containers, inits, cpu):
    spec = {"containers": [container(each) for each in containers], "initContainers": inits}
    assert pod_amounts(spec, "requests") == pod_amounts(spec, "limits") == {"cpu": Fraction(cpu)}


def test_overhead_is_part_of_the_requests_only():
    spec = {"containers": [container("1")], "overhead": {"cpu": "250m", "memory": "1Mi"}}
    assert pod_amounts(spec, "requests") == {"cpu": Fraction(5, 4), "memory": 2**20}
    assert pod_amounts(spec, "limits") == {"cpu": 1}


def test_a_pod_without_resources_has_none():
    assert pod_amounts({"containers": [{"name": "a"}, {"name": "b", "resources": {}}]}, "requests") == {}
