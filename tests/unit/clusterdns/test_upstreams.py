"""Upstream servers: selection, caching, and the client's answer."""

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.clusterdns.encoder import ReplyLimits, encode
from fairlead.clusterdns.outside_reply import read_reply
from fairlead.clusterdns.query import parse_query
from fairlead.clusterdns.upstream_cache import FAILURE_LIFETIME, CacheKey, CachePolicy, UpstreamCache
from fairlead.clusterdns.upstreams import UpstreamHealth, UpstreamServer

A, B = UpstreamServer("192.0.2.1"), UpstreamServer("192.0.2.2")
KEY = CacheKey(("www", "example", "com"), 1, False, False)
SOA = "example.com. 900 IN SOA ns. host. 1 2 3 4 60"


def query(**options):
    return dns.message.make_query("www.example.com.", "A", **options)


def reply(*answers: str, rcode="NOERROR", authority=(), flags=0):
    message = dns.message.make_response(query())
    message.set_rcode(dns.rcode.from_text(rcode))
    message.flags |= flags
    for section, lines in ((message.answer, answers), (message.authority, authority)):
        for line in lines:
            owner, ttl, _, rtype, data = line.split(" ", 4)
            section.append(dns.rrset.from_text(owner, int(ttl), "IN", rtype, data))
    return read_reply(dns.message.from_wire(message.to_wire()), KEY.name)


POSITIVE = reply("www.example.com. 300 IN CNAME x.example.com.", "x.example.com. 60 IN A 192.0.2.9")


def test_servers_take_turns_and_those_that_fail_are_passed_over():
    health = UpstreamHealth()
    assert [health.order((A, B), turn)[0] for turn in range(3)] == [A, B, A]
    assert not health.failed(A)
    assert health.failed(A)
    assert not health.failed(A), "a server goes down once"
    assert health.order((A, B), 0) == [B]
    health.succeeded(A)
    assert health.order((A, B), 0) == [A, B]


def test_when_all_are_down_all_are_tried():
    health = UpstreamHealth()
    for server in (A, A, B, B):
        health.failed(server)
    assert health.order((A, B), 0) == [A, B]


@pytest.mark.parametrize(
    ("said", "lifetime"),
    [
        (POSITIVE, 60),
        (reply(rcode="NXDOMAIN", authority=[SOA]), 60),
        (reply(authority=[SOA]), 60),
        (reply(rcode="NXDOMAIN"), 0),
        (reply("www.example.com. 0 IN A 192.0.2.9"), 0),
    ],
)
def test_how_long_a_reply_may_be_kept(said, lifetime):
    assert said.lifetime == lifetime


@pytest.mark.parametrize(
    ("said", "age", "found"),
    [
        (POSITIVE, 59, "fresh"),
        (POSITIVE, 60, "stale"),
        (POSITIVE, 161, None),
        (reply("www.example.com. 9000 IN A 192.0.2.9"), 100, "stale"),
        (reply("www.example.com. 0 IN A 192.0.2.9"), 0, None),
        (reply(rcode="NXDOMAIN", authority=[SOA]), 29, "fresh"),
        (reply(rcode="NXDOMAIN", authority=[SOA]), 30, "stale"),
        (reply(rcode="SERVFAIL"), FAILURE_LIFETIME - 1, "fresh"),
        (reply(rcode="REFUSED"), 0, None),
        (reply("www.example.com. 60 IN A 192.0.2.9", flags=dns.flags.TC), 0, None),
    ],
)
def test_what_is_kept_and_for_how_long(said, age, found):
    cache = UpstreamCache(CachePolicy(positive_max=80, negative_max=30, stale_for=100))
    cache.put(KEY, said, 1000.0)
    hit = cache.find(KEY, 1000.0 + age)
    assert (hit and ("stale" if hit.stale else "fresh")) == found


def test_a_popular_reply_is_refreshed_before_its_end():
    cache = UpstreamCache(CachePolicy(prefetch_hits=2))
    cache.put(KEY, POSITIVE, 0.0)
    assert [cache.find(KEY, at).refresh for at in (10.0, 50.0, 54.0)] == [False, False, True]


def test_a_failure_does_not_displace_an_answer():
    cache = UpstreamCache(CachePolicy())
    cache.put(KEY, POSITIVE, 0.0)
    cache.put(KEY, reply(rcode="SERVFAIL"), 100.0)
    assert cache.find(KEY, 101.0).reply is POSITIVE


def test_the_least_recently_used_reply_goes_first():
    cache = UpstreamCache(CachePolicy(capacity=2))
    first, second, third = (KEY._replace(qtype=n) for n in (1, 2, 3))
    cache.put(first, POSITIVE, 0.0)
    cache.put(second, POSITIVE, 0.0)
    cache.find(first, 1.0)
    cache.put(third, POSITIVE, 1.0)
    assert [cache.find(key, 2.0) is not None for key in (first, second, third)] == [True, False, True]


@given(st.integers(0, 400), st.booleans(), st.booleans())
def test_a_client_gets_its_own_id_case_and_remaining_ttls(age, edns, dnssec):
    asked = dns.message.make_query("wWw.eXample.com.", "A", use_edns=0 if edns else None, want_dnssec=edns and dnssec)
    wire = encode(parse_query(asked.to_wire()), POSITIVE.aged(age), ReplyLimits(512))
    found = dns.message.from_wire(wire)
    assert (found.id, found.question[0].name.to_text()) == (asked.id, "wWw.eXample.com.")
    assert [rrset.ttl for rrset in found.answer] == [max(300 - age, 0), max(60 - age, 0)]
    assert found.edns == (0 if edns else -1)
    assert dns.flags.to_text(found.flags) == "QR RD RA"


def test_a_reply_too_large_holds_the_records_that_fit():
    """musl before 1.2.4 and busybox never ask over TCP: they live on what fits."""
    large = reply(*(f"www.example.com. 60 IN A 192.0.2.{n}" for n in range(100)))
    asked = parse_query(query().to_wire())
    found = dns.message.from_wire(encode(asked, large.aged(0), ReplyLimits(512)))
    assert found.flags & dns.flags.TC
    assert len(found.answer[0]) == 29
    assert len(dns.message.from_wire(encode(asked, large.aged(0), ReplyLimits(65535))).answer[0]) == 100


@pytest.mark.parametrize(
    ("edns", "seen"),
    [(True, dns.rcode.BADCOOKIE), (False, dns.rcode.SERVFAIL)],
)
def test_the_upper_bits_of_a_response_code_are_never_lost(edns, seen):
    asked = dns.message.make_query("www.example.com.", "A", use_edns=0 if edns else None)
    message = dns.message.make_response(dns.message.make_query("www.example.com.", "A", use_edns=0))
    message.set_rcode(dns.rcode.BADCOOKIE)
    said = read_reply(dns.message.from_wire(message.to_wire()), KEY.name)
    found = dns.message.from_wire(encode(parse_query(asked.to_wire()), said.answer, ReplyLimits(512)))
    assert found.rcode() == seen


@pytest.mark.parametrize(("options", "told"), [({}, False), ({"want_dnssec": True}, True), ({"flags": "AD RD"}, True)])
def test_clients_that_understand_it_learn_that_a_reply_was_verified(options, told):
    said = reply("www.example.com. 60 IN A 192.0.2.9", flags=dns.flags.AD)
    flags = {"flags": dns.flags.from_text(options["flags"])} if "flags" in options else options
    asked = parse_query(dns.message.make_query("www.example.com.", "A", **flags).to_wire())
    assert bool(dns.message.from_wire(encode(asked, said.answer, ReplyLimits(512))).flags & dns.flags.AD) == told


def test_the_names_in_a_reply_keep_their_case():
    said = reply("www.example.com. 60 IN CNAME Web-1.Other.NET.")
    found = dns.message.from_wire(encode(parse_query(query().to_wire()), said.answer, ReplyLimits(512)))
    assert found.answer[0][0].to_text() == "Web-1.Other.NET."


def test_every_type_of_record_is_handed_on_as_it_came():
    lines = (
        "www.example.com. 60 IN MX 10 Mail.example.com.",
        "www.example.com. 60 IN SRV 1 2 443 x.example.com.",
        'www.example.com. 60 IN TXT "one" "two"',
        'www.example.com. 60 IN CAA 0 issue "ca.example"',
        'www.example.com. 60 IN HTTPS 1 . alpn="h2"',
        "www.example.com. 60 IN TYPE65400 \\# 3 010203",
    )
    found = dns.message.from_wire(encode(parse_query(query().to_wire()), reply(*lines).answer, ReplyLimits(4096)))
    assert sorted(str(rrset) for rrset in found.answer) == sorted(lines)
