"""Node ports as one request sees them: those that Services hold, and those that it has taken itself.

One number serves all protocols: a Service may use it for TCP and UDP, two Services never share it. Health-check node
ports come from the same range. Nothing is allocated permanently here; the numbers in ``taken`` are stored with the
Service.
Upstream: pkg/registry/core/service/portallocator, operation.go.
"""

from collections.abc import Callable

from fairlead.allocation.bands import Bands, choose_free, static_size

STATIC_SHARE = 32
STATIC_LIMIT = 128
DRY_RUN_BEFORE_FIRST = 32768  # upstream shows 32769 and up, which lie outside the usual range


class PortRefused(Exception):
    """The node port that was asked for cannot be given; the text says why."""


def bands(first: int, last: int) -> Bands:
    """The range of node ports; with the usual one the lower band is 30000-30085."""
    return Bands(first, last, static_size(last - first + 1, STATIC_SHARE, STATIC_LIMIT))


class NodePorts:
    """A request's own view of the range. Read it from ``taken`` when the request succeeds; else throw it away."""

    def __init__(self, port_range: Bands, is_held: Callable[[int], bool], choose: Callable[[int], int]) -> None:
        self._range = port_range
        self._is_held = is_held
        self._choose = choose
        self.taken: dict[int, None] = {}  # in the order of taking

    def take(self, port: int) -> None:
        """Take the port that the user asked for.

        Raises:
            PortRefused: it is outside the range, or in use.
        """
        if port not in self._range:
            valid = f"{self._range.first}-{self._range.last}"
            raise PortRefused(f"provided port is not in the valid range. The range of valid ports is {valid}")
        self._check_free(port)
        self.taken[port] = None

    def take_any(self) -> int:
        """Take a free port.

        Raises:
            RangeFull: none is free.
        """
        port = choose_free(self._range, self._is_used, self._choose)
        self.taken[port] = None
        return port

    def _is_used(self, port: int) -> bool:
        return port in self.taken or self._is_held(port)

    def _check_free(self, port: int) -> None:
        if self._is_used(port):
            raise PortRefused("provided port is already allocated")


class DryRunNodePorts(NodePorts):
    """The view of a dry run: a port that the user asks for must be free, the others are made up."""

    _last = DRY_RUN_BEFORE_FIRST

    def take(self, port: int) -> None:
        self._check_free(port)
        self.taken[port] = None

    def take_any(self) -> int:
        self._last += 1
        self.taken[self._last] = None
        return self._last
