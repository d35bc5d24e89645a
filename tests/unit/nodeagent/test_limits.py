"""What a node has no room for, and what Pods may use at most; in upstream's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.model.decode import decode
from fairlead.model.events import EventText
from fairlead.nodeagent.life import pod_events as events
from fairlead.nodeagent.life import pod_life as life
from fairlead.nodeagent.life.container_life import ContainerLife, Phase
from fairlead.nodeagent.limits import (
    StorageUse,
    counted_volumes,
    limits_containers,
    memory_limits,
    out_of_pods,
    over_limit,
    without_address,
)
from fairlead.nodeagent.manifest import Container, RunPod
from fairlead.nodeagent.records import ContainerRecord


def test_there_is_room_until_all_is_used():
    assert out_of_pods(109, 110) is None
    assert out_of_pods(110, 110) == (
        "OutOfpods",
        "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 110, capacity: 110",
    )


def test_a_rejected_pod_ends_before_it_begins():
    refusal = without_address("no address left")
    main = ContainerLife(ContainerRecord(Container("main")), "Always")
    pod, effects = life.step_pod(life.PodLife((), (main,), 30.0), events.Fail(refusal, "Warning"), 0.0)
    assert [each for each in effects if not isinstance(each, events.GraceAfter)] == [
        EventText("UnexpectedAdmissionError", "Pod was rejected: no address left", "Warning"),
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
        },
    },
)


def test_what_has_a_limit_of_memory():
    assert memory_limits(LIMITED) == {"small": 1024, "first": 2000}


MI = 1 << 20
VOLUMES = [
    {"name": "bounded", "emptyDir": {"sizeLimit": "1Mi"}},
    {"name": "free", "emptyDir": {}},
    {"name": "memory", "emptyDir": {"medium": "Memory"}},
    {"name": "settings", "configMap": {"name": "settings"}},
    {"name": "machine", "hostPath": {"path": "/"}},
]


def container(name, limit="", **fields):
    limits = {"ephemeral-storage": limit} if limit else {"memory": "1Gi"}
    return {"name": name, "resources": {"limits": limits}, **fields}


def pod(*containers, inits=(), volumes=VOLUMES):
    spec = {"containers": containers, "initContainers": inits, "volumes": volumes}
    return decode(RunPod, {"metadata": {"name": "a", "namespace": "b"}, "spec": spec})


def told(of, volumes=None, containers=None):
    failure = over_limit(of, StorageUse(volumes or {}, containers or {}))
    assert failure is None or failure.reason == "Evicted"
    return failure and failure.message


TWO = pod(container("a", "2Mi"), container("b", "1Mi"))
ONE_OF_TWO = pod(container("a", "2Mi"), container("b"))
TOTAL = "Pod ephemeral local storage usage exceeds the total limit of containers {}. "
OF_A = 'Container a exceeded its local ephemeral storage limit "2Mi". '
OF_V = 'Usage of EmptyDir volume "bounded" exceeds the limit "1Mi". '


@pytest.mark.parametrize(
    ("of", "volumes", "containers", "expected"),
    [
        (TWO, {}, {}, None),
        (TWO, {"bounded": MI}, {"a": MI, "b": MI}, None),
        (TWO, {"bounded": MI + 1}, {}, OF_V),
        (TWO, {"bounded": MI + 1}, {"a": 9 * MI}, OF_V),
        (TWO, {}, {"a": 2 * MI}, None),
        (TWO, {}, {"a": 2 * MI + 1}, OF_A),
        (TWO, {}, {"a": 2 * MI + 1, "b": MI}, TOTAL.format("3Mi")),
        (TWO, {"free": 3 * MI + 1}, {}, TOTAL.format("3Mi")),
        (TWO, {"settings": 3 * MI + 1}, {}, TOTAL.format("3Mi")),
        (TWO, {"memory": 9 * MI, "machine": 9 * MI}, {}, None),
        (ONE_OF_TWO, {}, {"b": 2 * MI}, None),
        (ONE_OF_TWO, {}, {"b": 2 * MI + 1}, TOTAL.format("2Mi")),
        (pod(container("a")), {"free": 9 * MI, "bounded": MI}, {"a": 9 * MI}, None),
        (pod(container("a")), {"bounded": MI + 1}, {}, OF_V),
        (pod(container("a", "1k"), container("b", "1500")), {"free": 2501}, {}, TOTAL.format("2500")),
        (pod(container("a", "1Mi"), inits=[container("i", "4Mi")]), {"free": 4 * MI + 1}, {}, TOTAL.format("4Mi")),
        (
            pod(container("a", "1Mi"), inits=[container("s", "4Mi", restartPolicy="Always")]),
            {"free": 5 * MI + 1},
            {},
            TOTAL.format("5Mi"),
        ),
        (pod(container("a", "2Mi"), volumes=[]), {}, {"a": 2 * MI + 1}, TOTAL.format("2Mi")),
    ],
)
def test_who_is_evicted(of, volumes, containers, expected):
    assert told(of, volumes, containers) == expected


def test_what_is_measured():
    assert counted_volumes(TWO) == ("bounded", "free", "settings")
    assert counted_volumes(pod(container("a"))) == ("bounded",)
    assert [limits_containers(each) for each in (TWO, ONE_OF_TWO, pod(container("a")))] == [True, True, False]


@given(st.dictionaries(st.sampled_from("ab"), st.integers(0, 4 * MI)), st.integers(0, 4 * MI))
def test_more_is_never_better(containers, free):
    """A Pod that is evicted is evicted with more as well."""
    if told(TWO, {"free": free}, containers):
        assert told(TWO, {"free": free + 1}, {name: size + 1 for name, size in containers.items()})
