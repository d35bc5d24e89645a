"""The life of a session with one peer (RFC 4271 section 8), without its sockets and clocks.

The caller says what has happened (``connected``, ``received``, ``lost``, ``tick``), and what is to be announced
(``announce``); ``actions`` says what is to be done about it. A session always calls its peer and is never called, so
two connections never collide. Whatever a peer sends, a session either goes on or ends with a NOTIFICATION and is tried
again later, each time after twice the pause.

Graceful restart (RFC 4724) works by itself: the rules of a node forward on while its announcer is away, so every OPEN
says that forwarding is preserved. A peer keeps the routes of a speaker that was killed until the next session has
announced what is true then, or its time has passed. It drops them at once when the speaker ends the session
(``stop``), or where nothing was heard for the hold time: then the node itself may be dead.
"""

import enum
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple

from fairlead.bgp import errors, messages
from fairlead.bgp.capabilities import Capabilities, Restart
from fairlead.bgp.errors import BgpError, NotificationCode
from fairlead.bgp.messages import Keepalive, Message, Notification, OpenMessage, RouteRefresh, UpdateMessage
from fairlead.bgp.terms import Terms
from fairlead.bgp.updates import PathAttributes, announcements, end_of_rib, withdrawals
from fairlead.model.addresses import IPFamily, family_of

CONNECT_TIME = 5.0  # seconds for a peer to answer
OPEN_TIME = 30.0  # seconds for a peer to say its OPEN; RFC 4271 section 8.2.2 suggests four minutes
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0  # seconds between two attempts
LEAVING_TEXT = b"the announcer ends"


class SessionState(enum.IntEnum):
    """As RFC 4271 names them; Active is missing, since sessions accept no connections."""

    IDLE = 1
    CONNECT = 2
    OPEN_SENT = 4
    OPEN_CONFIRM = 5
    ESTABLISHED = 6

    def __str__(self) -> str:
        return self.name.title().replace("_", "")


class Connect(NamedTuple):
    """Connect to the peer."""


class Send(NamedTuple):
    """Send these octets."""

    octets: bytes


class Disconnect(NamedTuple):
    """Close the connection, or give up making one."""


class StateChanged(NamedTuple):
    """The session has come to another state; the reason is "" where there is nothing to say."""

    state: SessionState
    reason: str = ""


Action = Connect | Send | Disconnect | StateChanged


@dataclass
class Counts:
    """Counters of a session since it was created."""

    established: int = 0
    updates_sent: int = 0
    notifications_sent: int = 0
    notifications_received: int = 0


@dataclass
class Session:
    """One session, again and again.

    Args:
        draw: a random number from 0 to 1, so that not all speakers of a cluster try at the same time.
    """

    terms: Terms
    draw: Callable[[], float]
    state: SessionState = SessionState.IDLE
    counts: Counts = field(default_factory=Counts)
    reason: str = ""  # why there is no session now, or was none last

    _actions: list[Action] = field(default_factory=list)
    _octets: bytes = b""
    _wanted: frozenset[str] = frozenset()
    _next_hops: Mapping[IPFamily, str] = field(default_factory=dict)
    _local: str = ""
    _peer: OpenMessage | None = None
    _told: dict[str, str] = field(default_factory=dict)  # next hops by network
    _pause: float = FIRST_PAUSE
    _due: float = 0.0  # when the state's own time has passed: of a pause, a connection, a silence
    _keepalive_due: float = float("inf")
    _established_at: float = 0.0

    # --- what the caller reads ---

    def actions(self) -> Iterator[Action]:
        """The actions due now; each is returned once."""
        while self._actions:
            yield self._actions.pop(0)

    def due(self) -> float:
        """When ``tick`` is to be called next."""
        return min(self._due, self._keepalive_due)

    @property
    def announced(self) -> Collection[str]:
        """The networks announced to the peer."""
        return self._told.keys()

    # --- what has happened ---

    def announce(self, networks: Collection[str], next_hops: Mapping[IPFamily, str]) -> None:
        """Announce exactly these networks from now on.

        Args:
            next_hops: this speaker's addresses; in the family of the connection, its own end counts if it can.
        """
        self._wanted, self._next_hops = frozenset(networks), dict(next_hops)
        self._tell()

    def connected(self, local: str, now: float) -> None:
        """Begin on a new connection, from this local address."""
        address = ip_address(local.partition("%")[0])
        self._local = "" if address.is_link_local or address.is_loopback else local
        self._octets = b""
        self._enter(SessionState.OPEN_SENT)
        self._due = now + OPEN_TIME
        self._send(messages.encode_open(self._open()))

    def lost(self, reason: str, now: float) -> None:
        """The connection could not be made, or has been closed by the peer or by the network."""
        if self.state == SessionState.CONNECT:
            self._end(reason, now)
        elif self.state != SessionState.IDLE:
            self._end(f"connection lost in {self.state}: {reason}", now)

    def received(self, octets: bytes, now: float) -> None:
        """The peer has sent something."""
        self._octets += octets
        try:
            while self.state > SessionState.CONNECT and (found := messages.next_message(self._octets)):
                message, self._octets = found
                self._take(message, now)
        except BgpError as error:
            self._refuse(error, now)

    def tick(self, now: float) -> None:
        """Time has passed."""
        if now >= self._due:
            self._time_is_up(now)
        if now >= self._keepalive_due:
            self._send(messages.KEEPALIVE)
            self._keepalive_due = now + self._hold_time / 3

    def stop(self, now: float) -> None:
        """End the session: the peer removes all routes at once."""
        if self.state > SessionState.CONNECT:
            text = bytes([len(LEAVING_TEXT)]) + LEAVING_TEXT
            self._notify(Notification(NotificationCode.CEASE, errors.SHUTDOWN, text))
        self._end("stopped", now)
        self._due = float("inf")

    # --- inside ---

    def _time_is_up(self, now: float) -> None:
        if self.state == SessionState.IDLE:
            self._enter(SessionState.CONNECT)
            self._due = now + CONNECT_TIME
            self._actions.append(Connect())
        elif self.state == SessionState.CONNECT:
            hint = "; the password may differ, or be missing there" if self.terms.has_password else ""
            self._end(f"no answer within {CONNECT_TIME:.0f} s{hint}", now)
        else:
            self._refuse(BgpError(NotificationCode.HOLD_TIMER), now)

    def _take(self, message: Message, now: float) -> None:
        match self.state, message:
            case _, Notification():
                self.counts.notifications_received += 1
                self._end(f"the peer ends the session: {message}", now)
            case SessionState.OPEN_SENT, OpenMessage():
                self._take_open(message, now)
            case SessionState.OPEN_CONFIRM, Keepalive():
                self._establish(now)
            case SessionState.ESTABLISHED, Keepalive() | UpdateMessage():
                self._restart_hold_timer(now)
            case SessionState.ESTABLISHED, RouteRefresh(family):
                self._restart_hold_timer(now)
                self._told = {each: hop for each, hop in self._told.items() if family_of(hop) != family}
                self._tell()
            case _:
                unexpected = {
                    SessionState.OPEN_SENT: errors.IN_OPEN_SENT,
                    SessionState.OPEN_CONFIRM: errors.IN_OPEN_CONFIRM,
                    SessionState.ESTABLISHED: errors.IN_ESTABLISHED,
                }
                raise BgpError(NotificationCode.STATE_MACHINE, unexpected[self.state], detail=type(message).__name__)

    def _take_open(self, message: OpenMessage, now: float) -> None:
        terms = self.terms
        if message.asn != terms.peer_asn:
            detail = f"it says {message.asn}, expected {terms.peer_asn}"
            raise BgpError(NotificationCode.OPEN, errors.BAD_PEER_AS, detail=detail)
        if self._is_internal and message.identifier == terms.identifier:
            raise BgpError(NotificationCode.OPEN, errors.BAD_IDENTIFIER, detail=f"{message.identifier} is ours")
        self._peer = message
        if not self._families:
            raise BgpError(
                NotificationCode.OPEN, errors.UNSUPPORTED_CAPABILITY, detail="it exchanges no routes of our families"
            )
        self._enter(SessionState.OPEN_CONFIRM)
        self._send(messages.KEEPALIVE)
        self._restart_hold_timer(now)
        self._keepalive_due = now + self._hold_time / 3 if self._hold_time else float("inf")

    def _establish(self, now: float) -> None:
        self._restart_hold_timer(now)
        self.counts.established += 1
        self._established_at, self.reason = now, ""
        self._enter(SessionState.ESTABLISHED, f"{' and '.join(self._families)}, hold time {self._hold_time} s")
        self._tell()
        if self._peer and self._peer.capabilities.restart:
            for family in self._families:
                self._send(end_of_rib(family))

    def _tell(self) -> None:
        """Announce and withdraw what the peer does not know yet."""
        if self.state != SessionState.ESTABLISHED:
            return
        for family in self._families:
            is_own = self._local and family_of(self._local) == family
            hop = self._local if is_own else self._next_hops.get(family, "")
            told = {each for each in self._told if _family(each) == family}
            wanted = {each for each in self._wanted if _family(each) == family} if hop else set()
            new = [each for each in wanted if self._told.get(each) != hop]
            gone = told - wanted
            self._update(withdrawals(gone, family))
            if new:
                self._update(announcements(new, hop, self._attributes()))
            self._told = {each: known for each, known in self._told.items() if each not in gone}
            self._told |= dict.fromkeys(new, hop)

    def _update(self, updates: Iterator[bytes]) -> None:
        for octets in updates:
            self.counts.updates_sent += 1
            self._send(octets)

    def _attributes(self) -> PathAttributes:
        assert self._peer is not None
        has_four_octets = self._peer.capabilities.asn is not None
        terms = self.terms
        return PathAttributes(terms.asn, self._is_internal, has_four_octets, terms.local_pref, terms.communities)

    def _open(self) -> OpenMessage:
        terms = self.terms
        restart = None
        if terms.restart_time:
            restart = Restart(terms.restart_time, self.counts.established == 0, terms.families)
        can = Capabilities(terms.families, terms.asn, restart, refresh=True)
        return OpenMessage(terms.asn, terms.hold_time, terms.identifier, can)

    def _refuse(self, error: BgpError, now: float) -> None:
        self._notify(Notification(error.code, error.subcode, error.data))
        self._end(str(error), now)

    def _notify(self, notification: Notification) -> None:
        self.counts.notifications_sent += 1
        self._send(messages.encode_notification(notification))

    def _end(self, reason: str, now: float) -> None:
        """End what there is of a session, and try again after a pause."""
        if self.state == SessionState.ESTABLISHED and now - self._established_at >= self._pause:
            self._pause = FIRST_PAUSE
        self.reason = reason
        self._actions.append(Disconnect())
        self._enter(SessionState.IDLE, reason)
        self._peer, self._told, self._octets = None, {}, b""
        self._keepalive_due = float("inf")
        self._due = now + self._pause * (0.75 + 0.25 * self.draw())
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _enter(self, state: SessionState, reason: str = "") -> None:
        if self.state != state:
            self.state = state
            self._actions.append(StateChanged(state, reason))

    def _send(self, octets: bytes) -> None:
        self._actions.append(Send(octets))

    def _restart_hold_timer(self, now: float) -> None:
        self._due = now + self._hold_time if self._hold_time else float("inf")

    @property
    def _hold_time(self) -> int:
        assert self._peer is not None
        return min(self.terms.hold_time, self._peer.hold_time)

    @property
    def _families(self) -> list[IPFamily]:
        """The address families that both sides have agreed on."""
        theirs = self._peer.capabilities.families if self._peer else ()
        return [family for family in self.terms.families if family in theirs]

    @property
    def _is_internal(self) -> bool:
        return self.terms.asn == self.terms.peer_asn


def _family(network: str) -> IPFamily:
    return family_of(network.partition("/")[0])
