"""Events of a container, and the effects that its node performs.

``attempt`` is the number of the start that an event or an effect belongs to.
"""

from typing import NamedTuple

from fairlead.model.events import EventText
from fairlead.nodeagent.records import Running, Terminated, Waiting


class Begin(NamedTuple):
    """The container can start now."""


class Found(NamedTuple):
    """Its process runs in the sandbox; an earlier agent of the node started it."""

    state: Running


class Started(NamedTuple):
    """Its process runs; ``image_id`` is its image by digest, empty for a command of this machine; ``is_fresh``: that
    was fetched, and its Event has been written."""

    attempt: int
    at: str
    image_id: str = ""
    is_fresh: bool = False


class Blocked(NamedTuple):
    """It cannot be started at present."""

    attempt: int
    state: Waiting


class NotStarted(NamedTuple):
    """The start was abandoned; it has left no process."""

    attempt: int


class Ended(NamedTuple):
    """Its process has ended after so many seconds, or failed to start."""

    attempt: int
    end: Terminated
    ran_for: float


class StartupDone(NamedTuple):
    """Its postStart hook and its startup probe have succeeded."""

    attempt: int


class Ready(NamedTuple):
    """The result of its readiness probe."""

    attempt: int
    verdict: bool


class Unhealthy(NamedTuple):
    """A failed probe or hook requires that it ends within ``grace`` seconds, and restarts as its policy says."""

    attempt: int
    what: str
    grace: float


class DelayOver(NamedTuple):
    """Its waiting time is over."""

    attempt: int


class Stop(NamedTuple):
    """It must end permanently, within ``grace`` seconds."""

    grace: float


class NoRestart(NamedTuple):
    """Its process can continue, but must not restart: the Pod is ending."""


class SandboxLost(NamedTuple):
    """Its sandbox has ended, and its process with it; it can begin again in another one."""

    at: str


ContainerEvent = (
    Begin
    | Found
    | Started
    | Blocked
    | NotStarted
    | Ended
    | StartupDone
    | Ready
    | Unhealthy
    | DelayOver
    | Stop
    | NoRestart
    | SandboxLost
)


class Start(NamedTuple):
    """Create its process."""

    attempt: int


class Follow(NamedTuple):
    """Follow the existing process; answered by ``Ended``."""

    attempt: int


class CancelStart(NamedTuple):
    """Abandon the start; answered as the start is."""

    attempt: int


class Terminate(NamedTuple):
    """Run its hook and end its process, within ``grace`` seconds from now or a shorter time that was set before."""

    attempt: int
    grace: float


class DelayStart(NamedTuple):
    """Send ``DelayOver`` after this many seconds."""

    attempt: int
    after: float


ContainerEffect = Start | Follow | CancelStart | Terminate | DelayStart | EventText
