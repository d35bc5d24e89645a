"""The initial states of a Pod and its containers: those that an earlier agent of the node left in the API."""

from collections.abc import Iterable, Sequence

from fairlead.model.document import Doc
from fairlead.nodeagent.life.container_life import ContainerLife
from fairlead.nodeagent.life.pod_life import PodLife
from fairlead.nodeagent.life.restarts import restart_policy
from fairlead.nodeagent.manifest import Container, RunPod
from fairlead.nodeagent.records import record_of


def begin(pod: RunPod, called: str) -> PodLife:
    """A Pod's life.

    Args:
        called: what messages call the Pod.
    """
    spec, status = pod.spec, pod.status
    return PodLife(
        inits=_lives(spec.init_containers or (), status.init_container_statuses, pod, called),
        mains=_lives(spec.containers, status.container_statuses, pod, called),
        extras=_lives(spec.ephemeral_containers or (), status.ephemeral_container_statuses, pod, called),
        grace=spec.termination_grace_period_seconds,
    )


def life_of(container: Container, statuses: Sequence[Doc] | None, pod: RunPod, called: str) -> ContainerLife:
    """A container's life.

    Args:
        statuses: what was published of the Pod's containers.
    """
    return ContainerLife(record_of(container, statuses), restart_policy(container, pod), called)


def _lives(
    containers: Iterable[Container], statuses: Sequence[Doc] | None, pod: RunPod, called: str
) -> tuple[ContainerLife, ...]:
    return tuple(life_of(each, statuses, pod, called) for each in containers)
