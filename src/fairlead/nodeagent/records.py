"""A node's records of its Pods and containers, some of them from the status that an earlier agent published."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from fairlead.model.document import Doc
from fairlead.nodeagent.manifest import Container, RunPod


class Waiting(NamedTuple):
    """Not yet running, or not yet running again."""

    reason: str
    message: str = ""


class Running(NamedTuple):
    """Running since ``started_at`` (RFC 3339)."""

    started_at: str


class Terminated(NamedTuple):
    """Ended; ``exit_code`` is 128 + n for signal n."""

    exit_code: int
    reason: str
    started_at: str
    finished_at: str
    message: str = ""


State = Waiting | Running | Terminated

CREATING = Waiting("ContainerCreating")


@dataclass(frozen=True)
class ContainerRecord:
    """The state of one container.

    Attributes:
        last: how it ended before the current state.
        started: its startup probe has succeeded, or it has none and runs.
        image_id: its image by digest; empty for a command of this machine.
    """

    container: Container
    state: State = CREATING
    last: Terminated | None = None
    restart_count: int = 0
    ready: bool = False
    started: bool = False
    image_id: str = ""


class Addresses(NamedTuple):
    """The addresses of a Pod and its node, in each IP family, the primary one first; a Pod may have none yet."""

    host_ips: tuple[str, ...]
    pod_ips: tuple[str, ...] = ()


class Failure(NamedTuple):
    """Why the node ended a Pod; it is Failed once its containers have ended, with any exit code."""

    reason: str
    message: str


DEADLINE_EXCEEDED = Failure("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")


@dataclass(frozen=True)
class PodRecord:
    """The state of one Pod.

    Attributes:
        start_time: when the node accepted it (RFC 3339).
        connected: its namespaces and network are there.
        trouble: why they cannot be made.
        failure: why the node has ended it, if it has.
        unready: why it counts as not ready, whatever its containers are.
    """

    addresses: Addresses
    start_time: str
    containers: tuple[ContainerRecord, ...]
    init_containers: tuple[ContainerRecord, ...] = ()
    ephemeral_containers: tuple[ContainerRecord, ...] = ()
    connected: bool = False
    trouble: str = ""
    failure: Failure | None = None
    unready: str = ""


def seconds_until_deadline(pod: RunPod, start_time: str, now: datetime) -> float | None:
    """How long the Pod may still be active; None when there is no limit."""
    if pod.spec.active_deadline_seconds is None:
        return None
    return pod.spec.active_deadline_seconds - (now - datetime.fromisoformat(start_time)).total_seconds()


def record_of_found(
    container: Container, statuses: Sequence[Doc] | None, run: int, state: Running | Terminated
) -> ContainerRecord:
    """What is known of a container that an earlier agent of this node started as run number ``run``: that, and what was
    published last of the same run."""
    status = next((s for s in statuses or () if s.get("name") == container.name), {})
    is_same_run = "running" in status.get("state", {}) and status.get("restartCount") == run
    is_running = isinstance(state, Running)
    return ContainerRecord(
        container,
        state,
        last=_terminated(status.get("lastState", {})),
        restart_count=run,
        ready=is_running and is_same_run and bool(status.get("ready")),
        started=is_running and is_same_run and bool(status.get("started")),
        image_id=status.get("imageID", ""),
    )


def record_of(container: Container, statuses: Sequence[Doc] | None) -> ContainerRecord:
    """What an earlier agent of this node last published of a container, whose process has gone with that agent."""
    status = next((s for s in statuses or () if s.get("name") == container.name), None)
    if status is None:
        return ContainerRecord(container)
    count, image_id = int(status.get("restartCount", 0)), status.get("imageID", "")
    end = _terminated(status.get("state", {})) or _terminated(status.get("lastState", {}))
    if "running" in status.get("state", {}):
        started_at = status["state"]["running"].get("startedAt", "")
        end = Terminated(137, "ContainerStatusUnknown", started_at, started_at, "The node agent was restarted.")
    if "waiting" in status.get("state", {}) and end:  # it was about to start again, and was counted
        return ContainerRecord(container, last=end, restart_count=count, image_id=image_id)
    if end is None:
        return ContainerRecord(container, restart_count=count, image_id=image_id)
    return ContainerRecord(container, state=end, restart_count=count, image_id=image_id)


def _terminated(state: Doc) -> Terminated | None:
    document = state.get("terminated")
    if document is None:
        return None
    return Terminated(
        int(document.get("exitCode", 0)),
        document.get("reason", ""),
        document.get("startedAt", ""),
        document.get("finishedAt", ""),
        document.get("message", ""),
    )
