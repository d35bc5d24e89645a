"""Events of a Pod on its node, and the effects that the node performs."""

from collections.abc import Mapping
from typing import NamedTuple

from fairlead.model.events import EventText
from fairlead.nodeagent.life.container_events import (
    ContainerEffect,
    ContainerEvent,
)
from fairlead.nodeagent.life.container_life import ContainerLife
from fairlead.nodeagent.records import Failure, Running


class BeginPod(NamedTuple):
    """This node must run the Pod."""


class Adopted(NamedTuple):
    """The Pod's sandbox, from an earlier agent, runs with these containers, by name."""

    running: Mapping[str, Running]


class Opened(NamedTuple):
    """The sandbox exists."""


class NotOpened(NamedTuple):
    """It could not be created; nothing is left of it."""

    trouble: str


class Lost(NamedTuple):
    """The sandbox has ended unexpectedly, and every process in it."""

    at: str


class Retry(NamedTuple):
    """The waiting time before the next attempt is over."""


class Closed(NamedTuple):
    """The sandbox and all processes have ended."""


class DeletePod(NamedTuple):
    """The Pod must end within ``grace`` seconds, and be deleted from the API if it still exists there."""

    grace: float


class Fail(NamedTuple):
    """The Pod must end, and stay in the API as Failed; its Event is Normal or a Warning."""

    failure: Failure
    type: str = "Normal"


class GraceOver(NamedTuple):
    """The Pod's grace period is over."""


class Add(NamedTuple):
    """An ephemeral container was added to the Pod."""

    life: ContainerLife


class Left(NamedTuple):
    """The Pod no longer exists in the API."""


class OfContainer(NamedTuple):
    """An event of one container."""

    name: str
    event: ContainerEvent


PodEvent = (
    BeginPod
    | Adopted
    | Opened
    | NotOpened
    | Lost
    | Retry
    | Closed
    | DeletePod
    | Fail
    | GraceOver
    | Add
    | Left
    | OfContainer
)


class Open(NamedTuple):
    """Create the sandbox; answered by ``Opened`` or ``NotOpened``."""


class Close(NamedTuple):
    """Remove the sandbox, if there is one, and everything that was created for it; answered by ``Closed``."""


class Leave(NamedTuple):
    """Publish the last status, remove the volumes, delete the Pod from the API; answered by ``Left``."""


class RetryAfter(NamedTuple):
    """Send ``Retry`` after this many seconds."""

    seconds: float


class GraceAfter(NamedTuple):
    """Send ``GraceOver`` after this many seconds."""

    seconds: float


class ForContainer(NamedTuple):
    """Carry out an action for one container."""

    name: str
    effect: ContainerEffect


PodEffect = Open | Close | Leave | RetryAfter | GraceAfter | ForContainer | EventText
