"""The life of a Pod on its node: a sandbox, init containers one by one, then the others, and a graceful end.

| stage | the node | leaves it by |
|---|---|---|
| NEW | has just been given the Pod | ``Begin``, ``Adopted`` |
| OPENING | makes its sandbox | ``Opened``, ``NotOpened`` |
| BLOCKED | waits before it tries again | ``Retry`` |
| OPEN | runs its containers | all of them being over, ``Lost`` |
| CLOSING | removes the sandbox, and every process in it | ``Closed`` |
| CLOSED | keeps its status | ``DeletePod`` |
| LEAVING | deletes it from the API | ``Left`` |
| GONE | has dropped it | nothing |

``DeletePod`` and ``Fail`` can come in every stage. The node answers each ``Open``, ``Close`` and ``Leave``, so a Pod
that must end does end: it leaves OPEN when all its containers have ended, and each of them ends by itself
(``container_life``).
"""

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fairlead.model.events import EventText
from fairlead.nodeagent.life.container_events import (
    Begin,
    ContainerEvent,
    Found,
    NoRestart,
    SandboxLost,
    Stop,
)
from fairlead.nodeagent.life.container_life import ContainerLife, Phase, step_container
from fairlead.nodeagent.life.pod_events import (
    Add,
    Adopted,
    BeginPod,
    Close,
    Closed,
    DeletePod,
    Fail,
    ForContainer,
    GraceAfter,
    GraceOver,
    Leave,
    Left,
    Lost,
    NotOpened,
    OfContainer,
    Open,
    Opened,
    PodEffect,
    PodEvent,
    Retry,
    RetryAfter,
)
from fairlead.nodeagent.records import ContainerRecord, Failure

RETRY = 1.0  # seconds between attempts to make a sandbox
MIN_GRACE = 2.0  # seconds that a sidecar always gets to end; upstream's minimum


class Stage(enum.Enum):
    """The stages of a Pod; see the module."""

    NEW = enum.auto()
    OPENING = enum.auto()
    BLOCKED = enum.auto()
    OPEN = enum.auto()
    CLOSING = enum.auto()
    CLOSED = enum.auto()
    LEAVING = enum.auto()
    GONE = enum.auto()


@dataclass(frozen=True)
class PodLife:
    """The state of a Pod in its life.

    Attributes:
        inits: its init containers, in order.
        mains: its containers.
        extras: its ephemeral containers, which nothing waits for.
        grace: default grace period in seconds.
        deadline: when it must have ended (monotonic seconds); None if it need not end.
        is_deleted: it must also be deleted from the API.
        trouble: why its sandbox cannot be made.
        failure: why the node has ended it, if it has.
    """

    inits: tuple[ContainerLife, ...]
    mains: tuple[ContainerLife, ...]
    grace: float
    extras: tuple[ContainerLife, ...] = ()
    stage: Stage = Stage.NEW
    deadline: float | None = None
    is_deleted: bool = False
    trouble: str = ""
    failure: Failure | None = None

    @property
    def containers(self) -> tuple[ContainerLife, ...]:
        return (*self.inits, *self.mains, *self.extras)

    @property
    def is_finished(self) -> bool:
        """Whether all containers have ended and will not restart, and the sandbox is closed."""
        return self.stage in (Stage.CLOSED, Stage.LEAVING, Stage.GONE)


def with_records(life: PodLife, records: Mapping[str, ContainerRecord]) -> PodLife:
    """A new life whose containers have these records, by name; the others keep theirs."""

    def changed(lives: tuple[ContainerLife, ...]) -> tuple[ContainerLife, ...]:
        return tuple(replace(each, record=records.get(each.name, each.record)) for each in lives)

    return replace(life, inits=changed(life.inits), mains=changed(life.mains), extras=changed(life.extras))


_Effects = list[PodEffect]
_WITH_PROCESS = (Phase.RUNNING, Phase.ENDING)


def step_pod(life: PodLife, event: PodEvent, now: float) -> tuple[PodLife, tuple[PodEffect, ...]]:
    """The Pod after an event, and the effects to perform, in order.

    Args:
        now: monotonic seconds.
    """
    effects: _Effects = []
    if life.stage is not Stage.GONE:
        life = _HANDLERS[type(event)](life, event, effects, now)
        life = _advance(life, effects, now)
    return life, tuple(effects)


def _open(life: PodLife, event: Any, effects: _Effects, now: float) -> PodLife:
    if life.stage not in (Stage.NEW, Stage.BLOCKED):
        return life
    effects.append(Open())
    return replace(life, stage=Stage.OPENING)


def _adopted(life: PodLife, event: Adopted, effects: _Effects, now: float) -> PodLife:
    if life.stage is not Stage.NEW:
        return life
    life = replace(life, stage=Stage.OPEN)
    for name, state in event.running.items():
        life = _tell_container(life, name, Found(state), effects)
    return life


def _opened(life: PodLife, event: Any, effects: _Effects, now: float) -> PodLife:
    return replace(life, stage=Stage.OPEN, trouble="") if life.stage is Stage.OPENING else life


def _not_opened(life: PodLife, event: NotOpened, effects: _Effects, now: float) -> PodLife:
    if life.stage is not Stage.OPENING:
        return life
    effects += [
        EventText("FailedCreatePodSandBox", f"Failed to create pod sandbox: {event.trouble}", "Warning"),
        RetryAfter(RETRY),
    ]
    return replace(life, stage=Stage.BLOCKED, trouble=event.trouble)


def _lost(life: PodLife, event: Lost, effects: _Effects, now: float) -> PodLife:
    """Another sandbox, unless the Pod is to end: then this one has only gone earlier than it was to."""
    if life.stage is not Stage.OPEN:
        return life
    for container in life.containers:
        life = _tell_container(life, container.name, SandboxLost(event.at), effects)
    if life.deadline is not None or _is_work_over(life):
        return life
    effects.append(Open())
    return replace(life, stage=Stage.OPENING)


def _closed(life: PodLife, event: Any, effects: _Effects, now: float) -> PodLife:
    return replace(life, stage=Stage.CLOSED) if life.stage is Stage.CLOSING else life


def _delete(life: PodLife, event: DeletePod, effects: _Effects, now: float) -> PodLife:
    return _end(replace(life, is_deleted=True), event.grace, effects, now)


def _fail(life: PodLife, event: Fail, effects: _Effects, now: float) -> PodLife:
    if life.deadline is not None or life.is_finished or life.stage is Stage.CLOSING:
        return life
    effects.append(EventText(*event.failure, event.type))
    return _end(replace(life, failure=event.failure), life.grace, effects, now)


def _end(life: PodLife, grace: float, effects: _Effects, now: float) -> PodLife:
    """End all processes; an earlier deadline is never extended. Sidecars end after the other containers."""
    if life.is_finished or life.stage is Stage.CLOSING:
        return life
    deadline = now + grace
    if life.deadline is not None and life.deadline <= deadline:
        return life
    effects.append(GraceAfter(grace))
    life = replace(life, deadline=deadline)
    goes_on = [c.name for c in life.inits if c.is_sidecar and c.grace is None and c.phase in _WITH_PROCESS]
    for name in goes_on:
        life = _tell_container(life, name, NoRestart(), effects)
    return _stop(life, [c.name for c in life.containers if c.name not in goes_on], grace, effects)


def _grace_over(life: PodLife, event: Any, effects: _Effects, now: float) -> PodLife:
    """Stop the sidecars that have not been stopped yet because the other containers took too long."""
    if life.deadline is None or now < life.deadline:
        return life
    return _stop(life, (c.name for c in life.inits if c.is_sidecar and c.grace is None), MIN_GRACE, effects)


def _add(life: PodLife, event: Add, effects: _Effects, now: float) -> PodLife:
    if any(container.name == event.life.name for container in life.containers):
        return life
    life = replace(life, extras=(*life.extras, event.life))
    return life if life.deadline is None else _stop(life, [event.life.name], 0, effects)


def _left(life: PodLife, event: Any, effects: _Effects, now: float) -> PodLife:
    return replace(life, stage=Stage.GONE) if life.stage is Stage.LEAVING else life


def _of_container(life: PodLife, event: OfContainer, effects: _Effects, now: float) -> PodLife:
    return _tell_container(life, event.name, event.event, effects)


_Handler = Callable[[PodLife, Any, _Effects, float], PodLife]

_HANDLERS: dict[type, _Handler] = {
    BeginPod: _open,
    Retry: _open,
    Adopted: _adopted,
    Opened: _opened,
    NotOpened: _not_opened,
    Lost: _lost,
    Closed: _closed,
    DeletePod: _delete,
    Fail: _fail,
    GraceOver: _grace_over,
    Add: _add,
    Left: _left,
    OfContainer: _of_container,
}


def _advance(life: PodLife, effects: _Effects, now: float) -> PodLife:
    """What follows by itself from where the Pod is now."""
    if life.stage is Stage.OPEN:
        if life.deadline is not None:
            life = _stop_sidecars(life, effects, now)
        elif not _is_work_over(life):
            life = _begin_due(life, effects)
        if _is_work_over(life):
            life = _stop_others(life, effects)
        if _is_work_over(life) and all(container.is_over for container in life.containers):
            life = _close(life, effects)
    elif life.stage in (Stage.NEW, Stage.BLOCKED) and life.deadline is not None:
        life = _close(life, effects)
    elif life.stage is Stage.CLOSED and life.is_deleted:
        effects.append(Leave())
        life = replace(life, stage=Stage.LEAVING)
    return life


def _close(life: PodLife, effects: _Effects) -> PodLife:
    effects.append(Close())
    return replace(life, stage=Stage.CLOSING)


def _begin_due(life: PodLife, effects: _Effects) -> PodLife:
    """Init containers one after the other, a sidecar only until it has started; then all others together."""
    for name in [container.name for container in life.extras]:
        life = _tell_container(life, name, Begin(), effects)
    for place in range(len(life.inits)):
        life = _tell_container(life, life.inits[place].name, Begin(), effects)
        init = life.inits[place]
        if not (init.is_settled if init.is_sidecar else init.has_succeeded):
            return life
    for name in [container.name for container in life.mains]:
        life = _tell_container(life, name, Begin(), effects)
    return life


def _is_work_over(life: PodLife) -> bool:
    """Whether the Pod's work is over: all containers have ended and will not restart, or an init container has
    failed."""
    failed = any(c.phase is Phase.ENDED and not (c.is_sidecar or c.has_succeeded) for c in life.inits)
    return failed or all(container.phase is Phase.ENDED for container in life.mains)


def _stop_others(life: PodLife, effects: _Effects) -> PodLife:
    """Sidecars and ephemeral containers do not outlast the work."""
    others = (c for c in (*life.inits, *life.extras) if c.grace is None and c.phase is not Phase.ENDED)
    return life if life.deadline is not None else _stop(life, [c.name for c in others], life.grace, effects)


def _stop_sidecars(life: PodLife, effects: _Effects, now: float) -> PodLife:
    """The last one first, each when those that came after it have ended, in what is left of the time."""
    if not all(c.is_over for c in life.containers if not c.is_sidecar):
        return life
    for sidecar in reversed([c for c in life.inits if c.is_sidecar]):
        if sidecar.grace is None:
            left = max((life.deadline or now) - now, MIN_GRACE)
            life = _stop(life, [sidecar.name], left, effects)
        if not next(c for c in life.inits if c.name == sidecar.name).is_over:
            return life
    return life


def _stop(life: PodLife, names: Iterable[str], grace: float, effects: _Effects) -> PodLife:
    for name in list(names):
        life = _tell_container(life, name, Stop(grace), effects)
    return life


def _tell_container(life: PodLife, name: str, event: ContainerEvent, effects: _Effects) -> PodLife:
    """Send an event to one container; nothing if there is none of that name."""
    for group in ("inits", "mains", "extras"):
        lives: tuple[ContainerLife, ...] = getattr(life, group)
        for place, container in enumerate(lives):
            if container.name == name:
                stepped, wanted = step_container(container, event)
                effects += [each if isinstance(each, EventText) else ForContainer(name, each) for each in wanted]
                return replace(life, **{group: (*lives[:place], stepped, *lives[place + 1 :])})  # type: ignore[arg-type]
    return life
