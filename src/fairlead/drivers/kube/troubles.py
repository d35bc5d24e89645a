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

    def met(self, error: Exception, deed: str, about: str) -> None:
        """A request, or what came back, was not as it should be. What is not said is still there for ``-v``.

        Args:
            deed: what could not be done, such as ``list services``.
            about: what the trouble is over with: a resource, or the deed itself.
        """
        is_news = self._notices.trouble(
            _SERVER if isinstance(error, Unreachable) else about, _cause(error), self._now()
        )
        log.log(
            logging.WARNING if is_news else logging.INFO,
            "cannot %s at %s as %s: %s", deed, self._server, self._identity, error_text(error),
        )  # fmt: skip

    def over(self, about: str) -> None:
        """The server has answered a request as it should."""
        for ended, text in ((_SERVER, self._server), (about, f"{about} at {self._server}")):
            seconds = self._notices.relief(ended, self._now())
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
