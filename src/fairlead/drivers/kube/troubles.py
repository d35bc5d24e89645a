"""Says in the log what is wrong between a part and its API server, with verb, resource and identity."""

import logging
import time
from collections.abc import Callable

from fairlead.drivers.kube.errors import KubeError, Unreachable
from fairlead.watching.notices import Notices

log = logging.getLogger(__name__)

_SERVER = ""  # what concerns every request, not one resource


class Troubles:
    """The troubles of one client: each is one line at once, then ever more rarely, and one when it is over.

    Args:
        server: the API server's URL, as the log names it.
        identity: as whom the client makes its requests.
        now: seconds on a clock that only goes forward.
    """

    def __init__(self, server: str, identity: str, now: Callable[[], float] = time.monotonic) -> None:
        self._server, self._identity, self._now = server, identity, now
        self._notices = Notices()

    def met(self, error: Exception, verb: str, resource: str) -> None:
        """A request, or what came back, was not as it should be. Unless it is said, it is still there for ``-v``."""
        about = _SERVER if isinstance(error, Unreachable) else resource
        is_news = self._notices.trouble(about, _cause(error), self._now())
        log.log(
            logging.WARNING if is_news else logging.INFO,
            "cannot %s %s at %s as %s: %s", verb, resource, self._server, self._identity, error_text(error),
        )  # fmt: skip

    def over(self, resource: str) -> None:
        """The server has answered a request about a resource, and as it should."""
        for about, text in ((_SERVER, self._server), (resource, f"{resource} at {self._server}")):
            seconds = self._notices.relief(about, self._now())
            if seconds is not None:
                log.warning("%s: well again after %.0f s", text, seconds)


def error_text(error: Exception) -> str:
    """An error in one line, with the HTTP status where there is one."""
    if isinstance(error, KubeError):
        return f"{error.code} {error.reason}: {error}".replace("\n", " ")
    return str(error).replace("\n", " ")


def _cause(error: Exception) -> str:
    """What makes two errors the same trouble: the status, or the kind of failure, without what differs each time."""
    return f"{error.code} {error.reason}" if isinstance(error, KubeError) else str(error)
