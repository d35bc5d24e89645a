"""Pods that a node does not take: in upstream's words, and without anything being made for them."""

from fairlead.nodeagent.admission import out_of_pods, without_address
from fairlead.nodeagent.life import pod_life as life
from fairlead.nodeagent.life.container_life import ContainerLife, Phase, Tell
from fairlead.nodeagent.manifest import Container
from fairlead.nodeagent.status import ContainerRecord


def test_there_is_room_until_all_is_used():
    assert out_of_pods(109, 110) is None
    assert out_of_pods(110, 110) == (
        "OutOfpods",
        "Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 110, capacity: 110",
    )


def test_a_pod_that_is_not_taken_ends_before_it_has_begun():
    refusal = without_address("no address left")
    main = ContainerLife(ContainerRecord(Container("main")), "Always")
    pod, effects = life.step_pod(life.PodLife((), (main,), 30.0), life.Fail(refusal, "Warning"), 0.0)
    assert [each for each in effects if not isinstance(each, life.GraceAfter)] == [
        Tell("UnexpectedAdmissionError", "Pod was rejected: no address left", "Warning"),
        life.Close(),
    ]
    pod, effects = life.step_pod(pod, life.BeginPod(), 0.0)
    assert (effects, pod.mains[0].phase) == ((), Phase.ENDED)
    pod, effects = life.step_pod(pod, life.Closed(), 0.0)
    assert (effects, pod.is_finished, pod.failure) == ((), True, refusal)
    pod, effects = life.step_pod(pod, life.Delete(0), 0.0)
    assert effects == (life.Leave(),)
