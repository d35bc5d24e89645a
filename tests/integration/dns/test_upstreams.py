"""Names outside the zones: upstream servers that work, are dead, slow, truncating or lying; and what clients get."""

import asyncio
import contextlib
import ssl
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.plugins.cache import Cache
from fairlead.clusterdns.plugins.forward import Forward
from fairlead.clusterdns.upstream_cache import CachePolicy
from fairlead.clusterdns.upstreams import ServerPolicy, TlsIdentity, Upstream, UpstreamServer
from fairlead.clusterdns.zone import Outside
from fairlead.drivers.dns.forward_metrics import ForwardCollector
from fairlead.drivers.dns.metrics import new_registry, render
from fairlead.drivers.dns.outside import OutsideForwarders as World
from tests.support.dns_cases import CLUSTER, SUFFIX, ZONE
from tests.support.dns_certificates import certificates
from tests.support.dns_servers import HOST, block_over, serving
from tests.support.dns_upstreams import answering, knowing_no_edns, silent, stream_server, upstream

WWW = "www.example.com."
RECORD = f"{WWW} 60 IN A 93.184.216.34"
CACHED = CachePolicy()
PATIENCE = 60  # seconds; nothing waits for so long on purpose
QUICK = {"timeout": 0.3}  # where a server is silent


def lying(query):
    """A reply to another question, one with another id, junk, and only then the truth."""
    (truth,) = answering(RECORD)(query)
    (other,) = answering()(dns.message.make_query("evil.example.", "A", id=query.id))
    return [other, bytes([truth[0] ^ 1]) + truth[1:], b"junk", truth]


@contextlib.asynccontextmanager
async def forwarding(*upstreams, cache=CACHED, **options):
    """A server in front of upstreams; yields a function that asks it, and the forwarder."""
    zone = replace(ZONE, outside=Outside.FORWARD)
    authority = Authority(zone)
    for object_ in CLUSTER:
        authority.change(None, object_, 0)
    authority.finish_sync(0)
    servers = tuple(u.server for u in upstreams)
    given = {"policy": ServerPolicy.ROUND_ROBIN, "timeout": PATIENCE, "deadline": PATIENCE, **options}
    group = Upstream(servers, **given)
    block = block_over(zone, *((Cache(((),), cache),) if cache else ()), behind=(Forward(((),), group),))
    async with serving(authority, block) as server:
        forwarder = server.udp[0].services.outside.forwarders[group]

        async def ask(name=WWW, qtype="A", tcp=False, patience=PATIENCE, **query):
            send = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
            return await send(dns.message.make_query(name, qtype, **query), HOST, port=server.port, timeout=patience)

        yield ask, forwarder


def outside_of(forwarder) -> World:
    world = World()
    world.forwarders[forwarder.upstream] = forwarder
    return world


def data(reply):
    return [rdata.to_text() for rrset in reply.answer for rdata in rrset]


def test_a_name_outside_is_answered_once_by_upstream_and_then_from_the_cache():
    async def run():
        async with upstream(answering(RECORD)) as up, forwarding(up) as (ask, _):
            replies = [await ask(), await ask(), await ask(tcp=True), await ask("WWW.example.COM.")]
            assert [data(reply) for reply in replies] == [["93.184.216.34"]] * 4
            assert up.asked == 1
            assert dns.flags.to_text(replies[1].flags) == "QR RD RA"
            assert replies[3].question[0].name.to_text() == "WWW.example.COM."

    asyncio.run(run())


def test_a_popular_name_is_ready_for_a_moment_and_each_reply_is_counted():
    async def run():
        async with upstream(answering(RECORD)) as up, forwarding(up) as (ask, forwarder):
            replies = [await ask(tcp=tcp) for tcp in (False, True) for _ in range(10)]
            assert [data(reply) for reply in replies] == [["93.184.216.34"]] * 20
            assert up.asked == 1
            for _ in range(200):
                if forwarder.caches[CACHED].hits["success"] == 19:
                    break
                await asyncio.sleep(0.05)
            assert forwarder.caches[CACHED].hits["success"] == 19

    asyncio.run(run())


def test_equal_questions_at_once_are_one_exchange():
    async def run():
        async with upstream(answering(RECORD)) as up, forwarding(up) as (ask, _):
            await asyncio.gather(*(ask() for _ in range(20)))
            assert up.asked == 1

    asyncio.run(run())


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize(
    ("number", "manner", "qtype", "flags", "rcode", "found"),
    [
        (38, answering(RECORD), "A", "QR AA RD", "NOERROR", [WWW, "93.184.216.34"]),
        (39, answering(), "AAAA", "QR AA RD", "NOERROR", [WWW]),
        (41, answering(RECORD, flags=dns.flags.TC), "A", "QR AA TC RD", "NOERROR", [WWW, "93.184.216.34"]),
        (42, answering(rcode="NXDOMAIN"), "A", "QR AA RD", "NXDOMAIN", [WWW]),
        (42, silent, "A", "QR RD RA", "SERVFAIL", []),
    ],
)
def test_the_target_of_an_external_name(number, manner, qtype, flags, rcode, found, tcp):
    """Cases 38, 39, 41 and 42, for which an upstream server is needed."""

    async def run():
        waiting = QUICK if manner is silent else {}
        async with upstream(manner) as up, forwarding(up, **waiting) as (ask, _):
            reply = await ask(f"ext.{SUFFIX}", qtype, tcp)
            assert (data(reply), dns.rcode.to_text(reply.rcode())) == (found, rcode)
            assert dns.flags.to_text(reply.flags) == flags

    asyncio.run(run())


def test_an_unknown_address_is_asked_of_upstream_and_a_known_one_is_not():
    async def run():
        pointer = "8.8.8.8.in-addr.arpa. 60 IN PTR dns.google."
        async with upstream(answering(pointer)) as up, forwarding(up) as (ask, _):
            assert data(await ask("8.8.8.8.in-addr.arpa.", "PTR")) == ["dns.google."]
            assert data(await ask("1.0.0.10.in-addr.arpa.", "PTR")) == [f"svc1.{SUFFIX}"]
            assert up.asked == 1

    asyncio.run(run())


def test_a_truncated_reply_is_asked_again_over_tcp():
    async def run():
        many = [f"{WWW} 60 IN A 192.0.2.{n}" for n in range(1, 60)]
        cut, whole = answering(flags=dns.flags.TC), answering(*many)
        async with upstream(cut, whole) as up, forwarding(up) as (ask, _):
            assert len(data(await ask(use_edns=0, payload=4096))) == 59
            small = await ask()
            assert small.flags & dns.flags.TC
            assert len(data(small)) == 29
            assert len(data(await ask(tcp=True))) == 59

    asyncio.run(run())


def test_forged_replies_are_ignored():
    async def run():
        async with upstream(lying) as up, forwarding(up) as (ask, _):
            assert data(await ask()) == ["93.184.216.34"]

    asyncio.run(run())


def test_a_dead_server_is_passed_over_and_comes_back():
    async def run():
        async with (
            upstream(silent) as dead,
            upstream(answering(RECORD)) as alive,
            forwarding(dead, alive, **QUICK) as (ask, forwarder),
        ):
            for n in range(4):
                assert (await ask(f"n{n}.example.")).rcode() == dns.rcode.NOERROR
            assert forwarder.health.is_down(dead.server)
            dead.manner = answering(RECORD)
            async with asyncio.timeout(PATIENCE):
                while forwarder.health.is_down(dead.server):  # noqa: ASYNC110 - nobody is told but the health itself
                    await asyncio.sleep(0.05)

    asyncio.run(run())


def test_cluster_names_never_suffer_from_a_dead_upstream():
    async def run():
        async with upstream(silent) as dead, forwarding(dead) as (ask, _):
            outside = [asyncio.ensure_future(ask(f"n{n}.example.")) for n in range(50)]
            assert data(await ask(f"svc1.{SUFFIX}")) == ["10.0.0.1"]
            assert not any(asked.done() for asked in outside)
            for asked in outside:
                asked.cancel()
            await asyncio.gather(*outside, return_exceptions=True)

    asyncio.run(run())


def test_a_stale_answer_is_better_than_none():
    async def run():
        brief = f"{WWW} 1 IN A 93.184.216.34"
        async with upstream(answering(brief)) as up, forwarding(up, timeout=0.1) as (ask, forwarder):
            async with asyncio.timeout(PATIENCE):
                while not (found := data(await ask())):  # so short a time may pass on a busy machine
                    pass
            assert found == ["93.184.216.34"]
            up.manner = silent
            await asyncio.sleep(1.05)
            reply = await ask()
            assert (data(reply), reply.answer[0].ttl, forwarder.stale_answers) == (["93.184.216.34"], 30, 1)

    asyncio.run(run())


def test_a_failing_server_is_followed_by_the_next():
    async def run():
        async with (
            upstream(answering(rcode="SERVFAIL")) as failing,
            upstream(answering(RECORD)) as good,
            forwarding(failing, good) as (ask, _),
        ):
            assert [data(await ask(f"n{n}.example.")) for n in range(2)] == [["93.184.216.34"]] * 2

    asyncio.run(run())


def test_too_many_questions_are_refused():
    async def run():
        async with upstream(silent) as up, forwarding(up, concurrent=2) as (ask, _):
            asked = [asyncio.ensure_future(ask(f"n{n}.example.")) for n in range(5)]
            replies = [await each for each in islice(asyncio.as_completed(asked), 3)]
            assert [dns.rcode.to_text(reply.rcode()) for reply in replies] == ["REFUSED"] * 3
            assert sum(not each.done() for each in asked) == 2
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    asyncio.run(run())


def test_metrics_of_what_was_asked_outside():
    async def run():
        async with upstream(answering(RECORD)) as up, forwarding(up, **QUICK) as (ask, forwarder):
            for name in (WWW, WWW, "other.example."):
                await ask(name)
            up.manner = answering(rcode="NXDOMAIN")
            await ask("gone.example.")
            up.manner = silent
            for n in range(3):
                await ask(f"n{n}.example.")
            registry = new_registry()
            registry.register(ForwardCollector(lambda: "dns://:53", outside_of(forwarder)))
            return up.server, render(registry).splitlines()

    server, lines = asyncio.run(run())
    where, proxy = 'server="dns://:53"', f'proxy_name="forward",rcode="{{}}",to="{server}"'
    for line in (
        f'coredns_cache_requests_total{{{where},view="",zones="."}} 7.0',
        f'coredns_cache_misses_total{{{where},view="",zones="."}} 6.0',
        f'coredns_cache_hits_total{{{where},type="success",view="",zones="."}} 1.0',
        f'coredns_cache_entries{{{where},type="success",view="",zones="."}} 2.0',
        f"coredns_proxy_request_duration_seconds_count{{{proxy.format('NOERROR')}}} 2.0",
        f"coredns_proxy_request_duration_seconds_count{{{proxy.format('NXDOMAIN')}}} 1.0",
        "coredns_forward_healthcheck_broken_total 1.0",
        "coredns_forward_max_concurrent_rejects_total 0.0",
        "fairlead_dns_upstream_exchanges_total 6.0",
    ):
        assert line in lines, "\n".join(line for line in lines if line.startswith("coredns"))


def test_a_loop_is_noticed():
    async def run():
        async with upstream(silent) as up, forwarding(up, finds_loops=True) as (ask, forwarder):
            up.manner = lambda query: asyncio.ensure_future(ask(query.question[0].name, "HINFO")) and []
            forwarder.start()
            async with asyncio.timeout(PATIENCE):
                await forwarder.looped.wait()

    asyncio.run(run())


@pytest.mark.parametrize("way", ["FORMERR", "NOTIMP", "BADVERS", "silent"])
def test_a_server_that_knows_no_edns_is_asked_without_and_so_for_a_while(way, monkeypatch):
    monkeypatch.setattr("fairlead.drivers.dns.exchange.SILENCE_SHARE", 0.4 / PATIENCE)

    async def run():
        manner = knowing_no_edns(way, answering(RECORD))
        async with upstream(manner) as up, forwarding(up, cache=None) as (ask, _):
            assert data(await ask()) == ["93.184.216.34"]
            before = up.asked
            assert data(await ask(use_edns=0)) == ["93.184.216.34"]
            assert (before, up.asked) == (2, 3)

    asyncio.run(run())


def test_a_server_that_refuses_a_question_is_not_taken_for_one_without_edns():
    async def run():
        async with upstream(answering(rcode="REFUSED")) as up, forwarding(up, cache=None) as (ask, _):
            assert [dns.rcode.to_text((await ask()).rcode()) for _ in range(2)] == ["REFUSED"] * 2
            assert up.asked == 2

    asyncio.run(run())


def test_connections_to_a_server_are_used_again():
    async def run():
        async with (
            stream_server(answering(RECORD)) as server,
            forwarding(NameServerAt(server.server), cache=None, force_tcp=True) as (ask, _),
        ):
            for _ in range(3):
                assert data(await ask()) == ["93.184.216.34"]
            assert server.opened == 1

    asyncio.run(run())


def test_a_server_over_tls_must_have_the_name_that_is_asked_of_it(tmp_path):
    """DNS over TLS (RFC 7858): with an authority of its own, by name; under another name nothing is asked."""
    authority, certificate, key = certificates(tmp_path, "dns.test")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def run(name):
        async with stream_server(answering(RECORD), context) as server:
            secure = replace(server.server, tls=True, tls_name=name)
            identity = TlsIdentity(authorities=str(authority))
            async with forwarding(NameServerAt(secure), cache=None, identity=identity, max_fails=0) as (ask, _):
                reply = await ask()
                return data(reply) or dns.rcode.to_text(reply.rcode())

    assert [asyncio.run(run(name)) for name in ("dns.test", "other.test")] == [["93.184.216.34"], "SERVFAIL"]


class NameServerAt(NamedTuple):
    """A name server that is somewhere."""

    server: UpstreamServer
