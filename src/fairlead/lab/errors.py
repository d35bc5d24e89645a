"""What can go wrong in a lab that a test wants to tell apart; each is a ``LabError``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fairlead.app.lab.fork import LabError as LabError  # noqa: PLC0414 - those that use it here

if TYPE_CHECKING:
    from fairlead.lab.results import Result


class NotReady(LabError):
    """Something was not as wanted when the time was up.

    Attributes:
        awaited: what was still lacking, a line each.
    """

    def __init__(self, message: str, awaited: Sequence[str] = ()) -> None:
        super().__init__(message if not awaited else f"{message}; still waiting for {', '.join(awaited)}")
        self.awaited = tuple(awaited)


class CommandFailed(LabError):
    """A command in the lab ended with another exit code than 0, or was killed when its time was up."""

    def __init__(self, arguments: Sequence[str], result: "Result", why: str = "") -> None:
        shown = "\n".join(filter(None, (result.stdout.rstrip(), result.stderr.rstrip())))
        super().__init__(f"{' '.join(arguments)}: {why or f'exit code {result.code}'}{shown and f':{chr(10)}{shown}'}")
        self.result = result
