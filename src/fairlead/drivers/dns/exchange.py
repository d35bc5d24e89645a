"""One exchange with one upstream server: over UDP, TCP or TLS, with EDNS where the server knows it.

A reply to another question or with another id is ignored, and a truncated one is asked again over TCP. A server
that answers EDNS with FORMERR, NOTIMP or BADVERS, or not at all, is asked again without, and so for a while (RFC 6891
section 6.2.2): what it said without is what counts.
"""

import time

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from fairlead.clusterdns.encoder import UDP_CAP
from fairlead.clusterdns.upstream_cache import CacheKey
from fairlead.clusterdns.upstreams import Upstream, UpstreamServer
from fairlead.drivers.dns.upstream_streams import UpstreamStreams

PLAIN_SECONDS = 900.0  # that a server which knows no EDNS is asked without
SILENCE_SHARE = 0.4  # of the time for an exchange, after which a silent server is tried without EDNS

FAULTS = (OSError, EOFError, dns.exception.DNSException)  # an exchange that came to nothing
_KNOWS_NO_EDNS = (dns.rcode.FORMERR, dns.rcode.NOTIMP, dns.rcode.BADVERS)


class Exchanges:
    """Exchanges with the servers of one group.

    Attributes:
        asked: questions that were sent.
    """

    def __init__(self, upstream: Upstream) -> None:
        self.asked = 0
        self._upstream = upstream
        self._streams = UpstreamStreams(upstream)
        self._plain: dict[UpstreamServer, float] = {}  # until when a server is asked without EDNS

    async def ask(self, key: CacheKey, server: UpstreamServer, over_tcp: bool = False) -> dns.message.Message:
        """Ask a server and return its reply.

        Raises:
            one of ``FAULTS``: nothing that can be used.
        """
        if time.monotonic() < self._plain.get(server, 0.0):
            return await self._converse(message_for(key, edns=False), server, over_tcp, self._upstream.timeout)
        reply = await self._with_edns(key, server, over_tcp)
        if reply is not None and reply.rcode() not in _KNOWS_NO_EDNS:
            return reply
        plain = await self._converse(message_for(key, edns=False), server, over_tcp, self._upstream.timeout)
        if plain.rcode() not in _KNOWS_NO_EDNS:
            self._plain[server] = time.monotonic() + PLAIN_SECONDS
        return plain

    def close(self) -> None:
        self._streams.close()

    async def _with_edns(self, key: CacheKey, server: UpstreamServer, over_tcp: bool) -> dns.message.Message | None:
        """A reply; None when a server is silent that may be so because of EDNS."""
        seconds = self._upstream.timeout
        if over_tcp or self._upstream.force_tcp or server.tls:
            return await self._converse(message_for(key), server, over_tcp, seconds)
        try:
            return await self._converse(message_for(key), server, over_tcp, seconds * SILENCE_SHARE)
        except dns.exception.Timeout:
            return None

    async def _converse(
        self, query: dns.message.Message, server: UpstreamServer, over_tcp: bool, seconds: float
    ) -> dns.message.Message:
        from dns import asyncquery  # costs most of this module's start-up, and a lab never forwards

        self.asked += 1
        if over_tcp or self._upstream.force_tcp or server.tls:
            return await self._over_stream(query, server, seconds)
        reply = await asyncquery.udp(
            query, server.address, seconds, server.port, ignore_unexpected=True, ignore_errors=True
        )
        if not reply.flags & dns.flags.TC:
            return reply
        try:
            return await self._over_stream(query, server, self._upstream.timeout)
        except FAULTS:
            return reply  # with TC set, so that the client knows that there is more

    async def _over_stream(
        self, query: dns.message.Message, server: UpstreamServer, seconds: float
    ) -> dns.message.Message:
        reply = dns.message.from_wire(await self._streams.exchange(server, query.to_wire(), seconds))
        if not query.is_response(reply):
            raise EOFError("a reply to another question")
        return reply


def message_for(key: CacheKey, edns: bool = True) -> dns.message.Message:
    """The query for a question; AD asks to be told whether the answer was verified (RFC 6840 section 5.7)."""
    name = dns.name.Name([label.encode("latin-1") for label in key.name] + [b""])
    rtype = dns.rdatatype.RdataType.make(key.qtype)
    query = dns.message.make_query(name, rtype, want_dnssec=edns and key.dnssec_ok)
    if edns:
        query.use_edns(0, dns.flags.DO if key.dnssec_ok else 0, UDP_CAP)
    query.flags |= dns.flags.AD | (dns.flags.CD if key.checking_disabled else 0)
    return query
