"""The life of one container: started, followed, ended, started again.

| phase | the node | leaves it by |
|---|---|---|
| IDLE | has nothing to do | ``Begin``, ``Found`` |
| STARTING | makes its process | ``Started``, ``Blocked``, ``NotStarted``, ``Ended`` |
| RUNNING | follows its process | ``Ended``, ``Unhealthy``, ``Stop`` |
| ENDING | ends its process, or gives up making one | ``Ended``, ``NotStarted`` |
| WAITING | waits before another start | ``DelayOver`` |
| ENDED | is finished with it | nothing |

``Stop`` and ``SandboxLost`` can come in every phase. Each start has a number, its attempt, and the events of this start
carry it: an event with an older number is late and is ignored. The node answers each ``Start`` with one of the four
events of STARTING, and each ``Started`` is followed by an ``Ended``, so only RUNNING can last.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from fairlead.model.events import EventText
from fairlead.nodeagent.life.container_events import (
    Begin,
    Blocked,
    CancelStart,
    ContainerEffect,
    ContainerEvent,
    DelayOver,
    DelayStart,
    Ended,
    Follow,
    Found,
    NoRestart,
    NotStarted,
    Ready,
    SandboxLost,
    Start,
    Started,
    StartupDone,
    Stop,
    Terminate,
    Unhealthy,
)
from fairlead.nodeagent.life.restarts import NO_RESTARTS, next_delay, restarts
from fairlead.nodeagent.manifest import Container
from fairlead.nodeagent.records import CREATING, ContainerRecord, Running, State, Terminated, Waiting

# Seconds until something that is not there is looked for again, doubling: what a new namespace lacks comes in no time.
FIRST_BLOCKED_RETRY, LAST_BLOCKED_RETRY = 0.1, 2.0
_TOLD_ALREADY = ("ErrImagePull", "ImagePullBackOff")  # an Event of the pull itself says why
_KILLED = 137  # the exit code of a process whose sandbox has gone: 128 + SIGKILL


class Phase(enum.Enum):
    """The phases of a container; see the module."""

    IDLE = enum.auto()
    STARTING = enum.auto()
    RUNNING = enum.auto()
    ENDING = enum.auto()
    WAITING = enum.auto()
    ENDED = enum.auto()


@dataclass(frozen=True)
class ContainerLife:
    """The state of a container in its life.

    Attributes:
        record: the data for its status.
        policy: its restart policy.
        pod: the name of its Pod in messages.
        attempt: number of the newest start.
        delay: seconds that the newest restart waited; None before the first.
        retry: seconds until the next check for missing objects.
        grace: seconds within which it must end permanently; None if it need not end.
    """

    record: ContainerRecord
    policy: str
    pod: str = ""
    phase: Phase = Phase.IDLE
    attempt: int = 0
    delay: float | None = None
    retry: float = FIRST_BLOCKED_RETRY
    grace: float | None = None

    @property
    def name(self) -> str:
        return self.record.container.name

    @property
    def is_sidecar(self) -> bool:
        return self.record.container.restart_policy == "Always"

    @property
    def is_settled(self) -> bool:
        """Whether it has started and passed its startup probe, or has ended and will not restart."""
        return self.record.started or self.phase is Phase.ENDED

    @property
    def has_succeeded(self) -> bool:
        """Whether it has succeeded and will not restart."""
        state = self.record.state
        return self.phase is Phase.ENDED and isinstance(state, Terminated) and state.exit_code == 0

    @property
    def is_over(self) -> bool:
        """Whether there is nothing of it in the sandbox, and nothing on its way there."""
        return self.phase in (Phase.IDLE, Phase.ENDED)


Step = tuple[ContainerLife, tuple[ContainerEffect, ...]]


def step_container(life: ContainerLife, event: ContainerEvent) -> Step:
    """The container after an event, and the effects to perform, in order."""
    attempt = getattr(event, "attempt", life.attempt)
    if life.phase is Phase.ENDED or attempt != life.attempt:
        return life, ()
    handler = _HANDLERS.get((life.phase, type(event))) or _IN_ANY_PHASE.get(type(event))
    return handler(life, event) if handler else (life, ())


def _begin(life: ContainerLife, event: Any) -> Step:
    """What an earlier sandbox or agent has left ended is started again only if its policy says so."""
    state = life.record.state
    return _after_end(life, state) if isinstance(state, Terminated) else _start(life)


def _start(life: ContainerLife, event: Any = None) -> Step:
    started = replace(life, phase=Phase.STARTING, attempt=life.attempt + 1)
    return started, (Start(started.attempt),)


def _resume(life: ContainerLife, event: Found) -> Step:
    """Whether it has started, and is ready, may have been found by the earlier agent, or not yet."""
    found, record = replace(life, phase=Phase.RUNNING, attempt=life.attempt + 1), life.record
    started = record.started or _starts_at_once(record.container)
    ready = record.ready or (started and record.container.readiness_probe is None)
    return _with_state(found, event.state, started=started, ready=ready), (Follow(found.attempt),)


def _started(life: ContainerLife, event: Started) -> Step:
    container = life.record.container
    started = _starts_at_once(container)
    ready = started and container.readiness_probe is None
    present = EventText("Pulled", f'Container image "{container.image}" already present on machine')
    told = (
        *(() if event.is_fresh else (present,)),
        EventText("Created", f"Created container: {container.name}"),
        EventText("Started", f"Started container {container.name}"),
    )
    record = replace(life.record, image_id=event.image_id)
    running = replace(life, record=record, phase=Phase.RUNNING, retry=FIRST_BLOCKED_RETRY)
    return _with_state(running, Running(event.at), started=started, ready=ready), told


def _starts_at_once(container: Container) -> bool:
    """Whether a container has started when its process runs."""
    return container.startup_probe is None and not (container.lifecycle and container.lifecycle.post_start)


def _started_too_late(life: ContainerLife, event: Started) -> Step:
    return _with_state(life, Running(event.at)), (Terminate(life.attempt, life.grace or 0),)


def _blocked(life: ContainerLife, event: Blocked) -> Step:
    waiting = replace(
        _with_state(life, event.state), phase=Phase.WAITING, retry=min(2 * life.retry, LAST_BLOCKED_RETRY)
    )
    new = event.state != life.record.state
    reason, message = event.state
    failure = EventText("Failed", f"Error: {reason}: {message}", "Warning")
    if reason in _TOLD_ALREADY:
        failure = EventText("Failed", f"Error: {reason}", "Warning")
    if reason == CREATING.reason:  # a volume: a real node does not get as far as the container
        failure = EventText("FailedMount", message, "Warning")
    return waiting, (*([failure] if new else []), DelayStart(life.attempt, life.retry))


def _not_started(life: ContainerLife, event: Any) -> Step:
    """Nobody gave the start up for us: it is as good as one that can be tried again."""
    return replace(life, phase=Phase.WAITING), (DelayStart(life.attempt, life.retry),)


def _start_failed(life: ContainerLife, event: Ended) -> Step:
    life, effects = _ended(life, event)
    return life, (EventText("Failed", f"Error: {event.end.message}", "Warning"), *effects)


def _ended(life: ContainerLife, event: Ended) -> Step:
    return _after_end(_with_state(life, event.end), event.end, event.ran_for)


def _after_end(life: ContainerLife, end: Terminated, ran_for: float = 0.0) -> Step:
    """Another start, after a while, or none; the first restart is at once."""
    rules = life.record.container.restart_policy_rules or ()
    if life.grace is not None or not restarts(life.policy, end.exit_code, rules):
        return replace(life, phase=Phase.ENDED), ()
    delay = next_delay(life.delay, ran_for)
    record = replace(life.record, last=end, restart_count=life.record.restart_count + 1)
    life = replace(life, record=record, phase=Phase.WAITING, delay=delay)
    if not delay:
        return _start(_with_state(life, CREATING))
    message = f"back-off {delay:.0f}s restarting failed container={life.name} pod={life.pod}"
    failure = EventText("BackOff", f"Back-off restarting failed container {life.name} in pod {life.pod}", "Warning")
    return _with_state(life, Waiting("CrashLoopBackOff", message)), (failure, DelayStart(life.attempt, delay))


def _startup_done(life: ContainerLife, event: Any) -> Step:
    return _with_state(life, life.record.state, started=True, ready=life.record.container.readiness_probe is None), ()


def _ready(life: ContainerLife, event: Ready) -> Step:
    return _with_state(life, life.record.state, started=life.record.started, ready=event.verdict), ()


def _unhealthy(life: ContainerLife, event: Unhealthy) -> Step:
    failure = EventText("Killing", f"Container {life.name} failed {event.what}, will be restarted")
    return replace(life, phase=Phase.ENDING), (failure, Terminate(life.attempt, event.grace))


def _stop_nothing(life: ContainerLife, event: Stop) -> Step:
    """The container has no process and will not start one."""
    return replace(life, phase=Phase.ENDED, grace=event.grace), ()


def _stop_starting(life: ContainerLife, event: Stop) -> Step:
    return replace(life, phase=Phase.ENDING, grace=event.grace), (CancelStart(life.attempt),)


def _stop_running(life: ContainerLife, event: Stop) -> Step:
    """The process stays ready until it has ended: traffic that is on its way is still served."""
    stopping = replace(life, phase=Phase.ENDING, grace=event.grace)
    return stopping, (EventText("Killing", f"Stopping container {life.name}"), Terminate(life.attempt, event.grace))


def _stop_sooner(life: ContainerLife, event: Stop) -> Step:
    grace = event.grace if life.grace is None else min(event.grace, life.grace)
    return replace(life, grace=grace), (Terminate(life.attempt, grace),)


def _no_restart(life: ContainerLife, event: Any) -> Step:
    return replace(life, policy=NO_RESTARTS), ()


def _end_for_good(life: ContainerLife, event: Any) -> Step:
    return replace(life, phase=Phase.ENDED), ()


def _sandbox_lost(life: ContainerLife, event: SandboxLost) -> Step:
    """What comes late of the attempt that was under way is not listened to."""
    state = life.record.state
    if isinstance(state, Running):
        life = _with_state(life, Terminated(_KILLED, "Error", state.started_at, event.at))
    phase = Phase.IDLE if life.grace is None else Phase.ENDED
    under_way = (CancelStart(life.attempt),) if life.phase is Phase.STARTING else ()
    return replace(life, phase=phase, attempt=life.attempt + 1), under_way


def _with_state(life: ContainerLife, state: State, *, started: bool = False, ready: bool = False) -> ContainerLife:
    return replace(life, record=replace(life.record, state=state, started=started, ready=ready))


_Handler = Callable[[ContainerLife, Any], Step]

_HANDLERS: dict[tuple[Phase, type], _Handler] = {
    (Phase.IDLE, Begin): _begin,
    (Phase.IDLE, Found): _resume,
    (Phase.IDLE, Stop): _stop_nothing,
    (Phase.STARTING, Started): _started,
    (Phase.STARTING, Blocked): _blocked,
    (Phase.STARTING, NotStarted): _not_started,
    (Phase.STARTING, Ended): _start_failed,
    (Phase.STARTING, Stop): _stop_starting,
    (Phase.RUNNING, Ended): _ended,
    (Phase.RUNNING, StartupDone): _startup_done,
    (Phase.RUNNING, Ready): _ready,
    (Phase.RUNNING, Unhealthy): _unhealthy,
    (Phase.RUNNING, Stop): _stop_running,
    (Phase.RUNNING, NoRestart): _no_restart,
    (Phase.ENDING, Started): _started_too_late,
    (Phase.ENDING, Blocked): _end_for_good,
    (Phase.ENDING, NotStarted): _end_for_good,
    (Phase.ENDING, Ended): _ended,
    (Phase.ENDING, Ready): _ready,
    (Phase.ENDING, Stop): _stop_sooner,
    (Phase.ENDING, NoRestart): _no_restart,
    (Phase.WAITING, DelayOver): _start,
    (Phase.WAITING, Stop): _stop_nothing,
}
_IN_ANY_PHASE: dict[type, _Handler] = {SandboxLost: _sandbox_lost}
