"""How a question passes through the plugins of a server block, in a fixed order, without any I/O.

Each plugin gets a request and the rest of the chain. It answers, or passes the request on, and can change both the
request and the answer. Plugins are coroutines that wait for one thing only: an ``Ask``, a question for upstream
servers. So a question that needs no upstream server completes in one step, and its reply can be prepared; any other
stops at the ``Ask``, and the code that drives it sends the answer in.
"""

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import NamedTuple, Protocol

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.query import IN
from fairlead.clusterdns.records import Answer, Origin, Question, Rcode, Reason
from fairlead.clusterdns.upstream_cache import CachePolicy
from fairlead.clusterdns.upstreams import Upstream

DEPTH_MAX = 10  # times that answering a question may ask the whole server about another name


class SocketServer(Protocol):
    """The server blocks of one socket, as plugins know them."""

    @property
    def authority(self) -> Authority:
        """The cluster's objects, and the zone that is built from them."""

    async def ask_about(self, question: Question, request: "DnsRequest") -> Answer:
        """The answer of the whole server to another question."""


class DnsRequest(NamedTuple):
    """A question on its way.

    Attributes:
        question: what is asked now; plugins before may have changed it.
        server: the server blocks of the socket, for questions about other names.
        client: the client's address, as text; empty if there is no client.
        proto: ``udp`` or ``tcp``.
        dnssec_ok, checking_disabled: the bits DO and CD of the query.
        lot: a random number, for plugins that draw one.
        cache: how replies of upstream servers may be kept; None not at all.
        patience: seconds that an upstream server can take; None for the configured time.
        depth: how many questions led to this one.
    """

    question: Question
    server: SocketServer
    client: str = ""
    proto: str = "udp"
    qclass: int = IN
    dnssec_ok: bool = False
    checking_disabled: bool = False
    lot: int = 0
    cache: CachePolicy | None = None
    patience: float | None = None
    depth: int = 0


class Ask(NamedTuple):
    """A question for upstream servers. Awaiting it gives their answer; an answer with ``failure`` set if none comes."""

    upstream: Upstream
    question: Question
    request: DnsRequest

    def __await__(self) -> Generator["Ask", Answer, Answer]:
        return (yield self)


Answering = Coroutine[Ask, Answer, Answer]
Lookup = Callable[[DnsRequest], Answering]


class Plugin(Protocol):
    """One link of the chain. A plugin that handles classes other than IN has an attribute ``any_class``."""

    def serve(self, request: DnsRequest, rest: Lookup) -> Answering:
        """The answer, from this plugin or from the rest of the chain."""


async def unanswered(_: DnsRequest) -> Answer:
    """The end of every chain: no plugin knew the name. REFUSED sends a client on to its next server."""
    return Answer(Rcode.REFUSED, Origin(Reason.OUTSIDE), unanswered=True)


def linked(plugins: tuple[Plugin, ...]) -> Lookup:
    """The plugins as one."""
    lookup: Lookup = unanswered
    for plugin in reversed(plugins):
        link = partial(plugin.serve, rest=lookup)
        lookup = link if getattr(plugin, "any_class", False) else partial(_internet_only, link, lookup)
    return lookup


def _internet_only(lookup: Lookup, rest: Lookup, request: DnsRequest) -> Answering:
    return lookup(request) if request.qclass == IN else rest(request)


class Run:
    """A question in progress. ``step`` is its current result: the answer, or a question for upstream servers."""

    def __init__(self, answering: Answering) -> None:
        self._answering = answering
        self.step: Answer | Ask = self._advance(None)

    def resume(self, answer: Answer) -> Answer | Ask:
        """Continue with the answer to the ``Ask``."""
        self.step = self._advance(answer)
        return self.step

    def close(self) -> None:
        """Abandon the question."""
        self._answering.close()

    def _advance(self, answer: Answer | None) -> Answer | Ask:
        try:
            return self._answering.send(answer)  # type: ignore[arg-type]  # None begins a coroutine
        except StopIteration as end:
            found: Answer = end.value
            return found
