"""What a node has no room for, and what Pods may use at most; in upstream's words."""

import pytest

from fairlead.model.decode import decode
from fairlead.nodeagent.life import pod_events as events
from fairlead.nodeagent.life import pod_life as life
from fairlead.nodeagent.life.container_events import Tell
from fairlead.nodeagent.life.container_life import ContainerLife, Phase
from fairlead.nodeagent.limits import memory_limits, out_of_pods, size_limits, too_large, without_address
from fairlead.nodeagent.manifest import Container, RunPod
from fairlead.nodeagent.records import ContainerRecord


def test_there_is_room_until_all_is_used():
    assert out_of_pods(109, 110) is None
    assert out_of_pods(110, 110) == (
        "OutOfpods",
        "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 110, capacity: 110",
    )


def test_a_pod_that_is_not_taken_ends_before_it_has_begun():
    refusal = without_address("no address left")
    main = ContainerLife(ContainerRecord(Container("main")), "Always")
    pod, effects = life.step_pod(life.PodLife((), (main,), 30.0), events.Fail(refusal, "Warning"), 0.0)
    assert [each for each in effects if not isinstance(each, events.GraceAfter)] == [
        Tell("UnexpectedAdmissionError", "Pod was rejected: no address left", "Warning"),
        events.Close(),
    ]
    pod, effects = life.step_pod(pod, events.BeginPod(), 0.0)
    assert (effects, pod.mains[0].phase) == ((), Phase.ENDED)
    pod, effects = life.step_pod(pod, events.Closed(), 0.0)
    assert (effects, pod.is_finished, pod.failure) == ((), True, refusal)
    pod, effects = life.step_pod(pod, events.DeletePod(0), 0.0)
    assert effects == (events.Leave(),)


LIMITED = decode(
    RunPod,
    {
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {
            "containers": [
                {"name": "small", "resources": {"limits": {"memory": "1Ki", "cpu": "1"}}},
                {"name": "free", "resources": {"requests": {"memory": "1Ki"}}},
            ],
            "initContainers": [{"name": "first", "resources": {"limits": {"memory": "2k"}}}],
            "volumes": [
                {"name": "v", "emptyDir": {"sizeLimit": "1Mi"}},
                {"name": "w", "emptyDir": {}},
                {"name": "x", "hostPath": {"path": "/"}},
            ],
        },
    },
)


def test_what_has_a_limit():
    assert memory_limits(LIMITED) == {"small": 1024, "first": 2000}
    assert size_limits(LIMITED) == {"v": 1 << 20}


@pytest.mark.parametrize(("sizes", "evicted"), [({"v": 1 << 20}, False), ({"v": (1 << 20) + 1}, True), ({}, False)])
def test_an_empty_directory_that_is_too_large(sizes, evicted):
    told = ("Evicted", 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ')
    assert too_large(LIMITED, sizes) == (told if evicted else None)
