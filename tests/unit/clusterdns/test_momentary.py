"""Popular replies from upstream answers are prepared for a moment, and counted at its end."""

import dns.message
import pytest

from fairlead.clusterdns.outside_reply import OutsideReply
from fairlead.clusterdns.records import Answer, Origin, Rcode, Reason, RRset
from fairlead.clusterdns.responder import Pending, Responder
from fairlead.clusterdns.server_blocks import ServerBlocks
from fairlead.clusterdns.upstream_cache import MOMENT, CacheKey, CachePolicy, UpstreamCache
from tests.support.corefiles import configured, synced

NAME = ("www", "example", "com")
PACKET = dns.message.make_query("www.example.com.", "A").to_wire()
ADDRESSES = tuple(bytes([192, 0, 2, n]) for n in range(3))


def said(ttl=60, **more):
    return Answer(Rcode.NOERROR, Origin(Reason.UPSTREAM), (RRset(NAME, 1, ttl, ADDRESSES),), **more)


def responder_of(more=""):
    text = f". {{\n{more}\nforward . 192.0.2.1\ncache\nloadbalance\n}}"
    return Responder(ServerBlocks(configured(text).blocks, synced()))


def waiting(responder):
    pending = responder.respond(PACKET)
    assert isinstance(pending, Pending)
    return pending


def test_a_momentary_reply_is_prepared_until_its_end_and_then_counted():
    responder, told = responder_of(), []
    pending = waiting(responder)
    answer = pending.run.resume(said())
    assert responder.suits_a_moment(pending, answer)
    responder.finish_for_a_moment(PACKET, pending, answer, (told.append,))
    prepared = responder.prepared.young[PACKET[2:]]
    prepared.hits += 7
    orders = {dns.message.from_wire(PACKET[:2] + next(prepared.turns)).answer[0][0].address for _ in range(9)}
    assert len(orders) == len(ADDRESSES)
    assert sum(responder.tally().values()) == 8
    responder.forget_momentary()
    assert (len(responder.prepared), responder.has_momentary, told) == (0, False, [7])
    assert sum(responder.tally().values()) == 8
    assert isinstance(responder.respond(PACKET), Pending)


@pytest.mark.parametrize(
    ("more", "answer"),
    [
        ("", said(ttl=1)),  # it could be over
        ("", said(ttl=0)),
        ("", said(private=True)),
        ("", Answer(Rcode.SERVFAIL, Origin(Reason.UPSTREAM), failure="no server")),
        ("", Answer(Rcode.NXDOMAIN, Origin(Reason.UPSTREAM))),  # nothing says for how long
        ("log", said()),  # each is to be told of
        ("acl {\n block net 192.0.2.99\n}", said()),  # not for everybody
        ("rewrite ttl www.example.com 1", said()),
    ],
)
def test_replies_that_are_not_prepared(more, answer):
    responder = responder_of(more)
    pending = waiting(responder)
    assert not responder.suits_a_moment(pending, pending.run.resume(answer))


def test_a_name_is_popular_when_it_was_asked_for_a_moment_ago():
    cache, key = UpstreamCache(CachePolicy()), CacheKey(NAME, 1, False, False)
    cache.put(key, OutsideReply(said(), denies=False, lifetime=60), 0.0)
    asked = (MOMENT * 2, MOMENT * 2.5, MOMENT * 4)
    assert [cache.find(key, at).soon for at in asked] == [False, True, False]
    cache.found_again(False, 5)
    assert cache.hits["success"] == 8
