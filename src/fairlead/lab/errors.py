"""The errors of a lab that tests distinguish; each is a ``LabError``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fairlead.app.lab.fork import LabError as LabError  # noqa: PLC0414 - those that use it here

if TYPE_CHECKING:
    from fairlead.lab.results import Result


class NotReady(LabError):
    """A condition was not met before the timeout.

    Attributes:
        awaited: what was still missing, one line each.
    """

    def __init__(self, message: str, awaited: Sequence[str] = ()) -> None:
        super().__init__(message if not awaited else f"{message}; still waiting for {', '.join(awaited)}")
        self.awaited = tuple(awaited)


class CommandFailed(LabError):
    """A command in the lab ended with a nonzero exit code, or was killed after its timeout."""

    def __init__(self, arguments: Sequence[str], result: "Result", why: str = "") -> None:
        shown = "\n".join(filter(None, (result.stdout.rstrip(), result.stderr.rstrip())))
        super().__init__(f"{' '.join(arguments)}: {why or f'exit code {result.code}'}{shown and f':{chr(10)}{shown}'}")
        self.result = result
