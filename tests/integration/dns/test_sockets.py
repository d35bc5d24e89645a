"""The table of names through real sockets, with sizes, truncation, pipelining and refusals."""

import asyncio
import contextlib
import importlib
from dataclasses import replace
from ipaddress import ip_network

import dns.asyncquery
import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.xfr
import dns.zone
import pytest

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.zone import Zone
from tests.support import dns_servers
from tests.support.dns_cases import BIG, CASES, CLUSTER, SCENES, SERIALS, SUFFIX, ZONE, Case, filled
from tests.support.dns_servers import block_over

HOST = "127.0.0.1"


@contextlib.asynccontextmanager
async def serving(zone: Zone = ZONE, synced: bool = True, transfer_to: tuple = ()):
    """A server over the table's cluster; yields its port."""
    authority = filled(Authority(zone))
    if synced:
        authority.finish_sync(0)
        authority.zone = replace(authority.zone, serial=1)
    async with listening(authority, transfer_to) as port:
        yield port


@contextlib.asynccontextmanager
async def listening(authority: Authority, transfer_to: tuple = ()):
    async with dns_servers.serving(authority, block_over(authority.zone, transfer_to=transfer_to)) as server:
        yield server.port


async def over_udp(query, port):
    return await dns.asyncquery.udp(query, HOST, port=port, timeout=60)


async def over_tcp(query, port):
    return await dns.asyncquery.tcp(query, HOST, port=port, timeout=60)


TRANSPORTS = [over_udp, over_tcp]


def described(reply: dns.message.Message) -> str:
    """A reply in the notation of the table."""
    words = ", ".join(sorted(data.to_text() for rrset in reply.answer for data in rrset))
    if reply.authority:
        assert [rrset.rdtype for rrset in reply.authority] == [dns.rdatatype.SOA]
        verdict = "NODATA" if reply.rcode() == dns.rcode.NOERROR else dns.rcode.to_text(reply.rcode())
        return f"{verdict} {words}".rstrip()
    glue = ", ".join(sorted(data.to_text() for rrset in reply.additional for data in rrset))
    return words + (f" | {glue}" if glue else "")


def normal(expected: str) -> str:
    return " | ".join(", ".join(sorted(part.split(", "))) for part in expected.split(" | "))


async def check(case: Case, port: int, transport) -> None:
    for qtype in case.types.split():
        query = dns.message.make_query(case.full_name, qtype)
        reply = await transport(query, port)
        assert described(reply) == normal(case.expected), f"{case} over {transport.__name__} gave\n{reply}"
        assert reply.flags & dns.flags.AA
        assert not reply.flags & dns.flags.RA
        again = await transport(query, port)
        assert described(again) == described(reply), "the reply that was kept ready differs"


def by_options():
    groups: dict[str, list[Case]] = {}
    for case in CASES:
        groups.setdefault(repr(case.options), []).append(case)
    return list(groups.values())


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("cases", by_options(), ids=lambda cases: repr(cases[0].options))
def test_names_answer_as_the_table_says(cases, transport):
    async def run():
        async with serving(replace(ZONE, **cases[0].options)) as port:
            for case in cases:
                await check(case, port, transport)

    asyncio.run(run())


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_a_change_shows_in_the_next_reply(scene, transport):
    name = scene.name if scene.name.endswith(".") else f"{scene.name}.{SUFFIX}"
    query = dns.message.make_query(name, scene.qtype)

    async def run():
        authority = filled(Authority(ZONE))
        authority.finish_sync(0)
        async with listening(authority) as port:
            found = [described(await transport(query, port))]
            for old, new in ((scene.old, scene.new), (scene.new, scene.old)):
                authority.change(old, new, 0)
                found.append(described(await transport(query, port)))
        assert found == [scene.before, normal(scene.after), scene.before]

    asyncio.run(run())


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("what", "old", "new", "steps"), SERIALS, ids=[row[0] for row in SERIALS])
def test_the_serial_grows_with_what_an_answer_could_show(what, old, new, steps, transport):
    query = dns.message.make_query("cluster.local.", "SOA")

    async def run():
        authority = filled(Authority(ZONE))
        authority.finish_sync(0)
        async with listening(authority) as port:
            before = (await transport(query, port)).answer[0][0].serial
            authority.change(old, new, 0)
            assert (await transport(query, port)).answer[0][0].serial == before + steps

    asyncio.run(run())


# Cases that a table of names and data does not hold, and the tests that show them over UDP and TCP.
SHOWN_BY_TESTS = {
    38: "test_upstreams.test_the_target_of_an_external_name",
    39: "test_upstreams.test_the_target_of_an_external_name",
    41: "test_upstreams.test_the_target_of_an_external_name",
    42: "test_upstreams.test_the_target_of_an_external_name",
    65: "test_sockets.test_the_case_of_the_question_comes_back",
    66: "test_sockets.test_before_the_cluster_is_known_nothing_is_denied",
    67: "test_sockets.test_3000_addresses_over_udp_are_cut_between_records",
    68: "test_sockets.test_3000_srv_records_fill_one_tcp_reply_and_say_that_there_are_more",
    69: "test_sockets.test_refusals",
    70: "test_sockets.test_a_transfer_is_refused_to_others_and_for_other_names",
    71: "test_sockets.test_the_serial_grows_with_what_an_answer_could_show",
}


def test_none_of_the_74_cases_is_left_out():
    in_tables = {case.number for case in CASES} | {scene.number for scene in SCENES}
    assert in_tables | SHOWN_BY_TESTS.keys() == set(range(1, 75))
    for named in SHOWN_BY_TESTS.values():
        module, test = named.split(".")
        assert callable(getattr(importlib.import_module(f"tests.integration.dns.{module}"), test))


def ask(*queries, transport=over_udp, **settings):
    async def run():
        async with serving(**settings) as port:
            return [await transport(query, port) for query in queries]

    return asyncio.run(run())


def query(name="svc1", qtype="A", **options):
    return dns.message.make_query(f"{name}.{SUFFIX}", qtype, **options)


def records(reply) -> int:
    return sum(len(rrset) for rrset in reply.answer)


@pytest.mark.parametrize(("payload", "fits"), [(None, 29), (100, 28), (512, 28), (1232, 73), (4096, 73)])
def test_3000_addresses_over_udp_are_cut_between_records(payload, fits):
    edns = {} if payload is None else {"use_edns": 0, "payload": payload}
    (reply,) = ask(query("big", **edns))
    assert (records(reply), bool(reply.flags & dns.flags.TC)) == (fits, True)
    assert len(reply.to_wire()) <= max(payload or 512, 512)
    assert (reply.edns >= 0) == (payload is not None)


def test_3000_addresses_fit_in_one_reply_over_tcp():
    (reply,) = ask(query("big"), transport=over_tcp)
    assert sorted(data.to_text() for data in reply.answer[0]) == sorted(BIG)
    assert not reply.flags & dns.flags.TC


def test_3000_srv_records_fill_one_tcp_reply_and_say_that_there_are_more():
    (reply,) = ask(query("big", "SRV"), transport=over_tcp)
    assert reply.flags & dns.flags.TC
    assert records(reply) > 1000


def test_clients_see_different_addresses_first():
    replies = ask(*[query("hdls") for _ in range(10)])
    assert len({reply.answer[0][0].address for reply in replies}) > 1
    assert len({tuple(sorted(data.address for data in reply.answer[0])) for reply in replies}) == 1


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_case_of_the_question_comes_back(transport):
    name = "SvC1.TeStNs.SvC.cLuStEr.LoCaL."
    a, srv, missing = ask(
        dns.message.make_query(name, "A"),
        dns.message.make_query(name, "SRV"),
        dns.message.make_query(f"nOt-{name}", "A"),
        transport=transport,
    )
    assert a.answer[0].name.to_text() == name
    assert srv.answer[0][0].target.to_text() == "svc1.testns.svc.cLuStEr.LoCaL."
    assert missing.authority[0].name.to_text() == "cLuStEr.LoCaL."


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("ttl", "soa_ttl"), [(0, 0), (30, 30), (3600, 300)])
def test_times_to_live(ttl, soa_ttl, transport):
    found, denied = ask(query(), query(qtype="MX"), zone=replace(ZONE, ttl=ttl), transport=transport)
    assert found.answer[0].ttl == ttl
    assert (denied.authority[0].ttl, denied.authority[0][0].minimum) == (soa_ttl, ttl)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_refusals(transport):
    version, chaos, update, transfer = query(use_edns=1), query(), query(), query(qtype="AXFR")
    chaos.question[0].rdclass = dns.rdataclass.CH
    update.set_opcode(dns.opcode.UPDATE)
    replies = ask(version, chaos, update, transfer, transport=transport)
    assert [dns.rcode.to_text(reply.rcode()) for reply in replies] == ["BADVERS", "REFUSED", "NOTIMP", "REFUSED"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_recursion_desired_is_echoed_and_not_offered(transport):
    desired, undesired = query(), query()
    undesired.flags = 0
    replies = ask(desired, undesired, transport=transport)
    flags = [dns.flags.to_text(reply.flags) for reply in replies]
    assert flags == ["QR AA RD", "QR AA"]


def test_an_edns_client_gets_edns_and_no_cookie():
    cookie = dns.edns.CookieOption(b"12345678", b"")
    (reply,) = ask(query(use_edns=0, options=[cookie], want_dnssec=True))
    assert (reply.edns, reply.payload, reply.options) == (0, 1232, ())
    assert reply.ednsflags & dns.flags.DO


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_before_the_cluster_is_known_nothing_is_denied(transport):
    pointer = dns.message.make_query("1.0.0.10.in-addr.arpa.", "PTR")
    replies = ask(query("svc0"), query("svc1"), pointer, synced=False, transport=transport)
    assert [reply.rcode() for reply in replies] == [dns.rcode.SERVFAIL] * 3
    assert all(reply.authority[0].rdtype == dns.rdatatype.SOA for reply in replies)


def test_queries_on_one_connection_are_all_answered():
    async def run():
        async with serving() as port:
            reader, writer = await asyncio.open_connection(HOST, port)
            wires = [query(name).to_wire() for name in ("svc1", "svc0", "hdls") * 20]
            writer.write(b"".join(len(wire).to_bytes(2, "big") + wire for wire in wires))
            idents = []
            for _ in wires:
                length = int.from_bytes(await reader.readexactly(2), "big")
                idents.append((await reader.readexactly(length))[:2])
            assert sorted(idents) == sorted(wire[:2] for wire in wires)
            writer.close()
            await writer.wait_closed()

    asyncio.run(run())


def test_packets_that_are_no_queries_get_no_reply():
    async def run():
        async with serving() as port:
            loop = asyncio.get_running_loop()
            transport, protocol = await loop.create_datagram_endpoint(Collected, remote_addr=(HOST, port))
            response = query()
            response.flags |= dns.flags.QR
            transport.sendto(b"")
            transport.sendto(b"short")
            transport.sendto(response.to_wire())
            transport.sendto(query().to_wire())
            first = await asyncio.wait_for(protocol.received.get(), 60)
            assert dns.message.from_wire(first).answer
            assert protocol.received.empty()
            transport.close()

    asyncio.run(run())


class Collected(asyncio.DatagramProtocol):
    def __init__(self):
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data, addr):
        self.received.put_nowait(data)


def transferred(serial=None, zone=ZONE) -> dns.zone.Zone:
    """What a secondary has after a transfer; ``serial`` is what it had before."""
    secondary = dns.zone.Zone("cluster.local.")
    if serial is not None:
        soa = dns.rdataset.from_text("IN", "SOA", 5, f"ns.dns hostmaster {serial} 1 2 3 4")
        secondary.replace_rdataset("@", soa)

    async def run():
        async with serving(zone, transfer_to=(ip_network("127.0.0.0/8"),)) as port:
            query, _ = dns.xfr.make_query(secondary)
            await dns.asyncquery.inbound_xfr(HOST, secondary, query, port=port)

    asyncio.run(run())
    return secondary


def test_a_transferred_zone_answers_as_the_server_does():
    """A name server with two families is one name with two addresses."""
    secondary = transferred(zone=replace(ZONE, own_addresses=("10.9.9.9", "fd00:9::9")))
    found = {
        (name, rtype): sorted(data.to_text(origin=secondary.origin, relativize=False) for data in rdataset)
        for name, rtype in (("svc1", "A"), ("dual", "AAAA"), ("dup.hdls", "A"), ("ext", "CNAME"))
        if (rdataset := secondary.get_rdataset(f"{name}.testns.svc", rtype))
    }
    assert found[("svc1", "A")] == ["10.0.0.1"]
    assert found[("dual", "AAAA")] == ["fd00:10::3"]
    assert found[("dup.hdls", "A")] == ["172.0.0.4", "172.0.0.5"]
    assert found[("ext", "CNAME")] == ["www.example.com."]
    assert len(secondary.get_rdataset("big.testns.svc", "A")) == 3000
    assert [data.target.to_text() for data in secondary.get_rdataset("@", "NS")] == ["ns.dns"]
    assert secondary.get_rdataset("hd0.testns.svc", "A") is None
    glue = [secondary.get_rdataset("ns.dns", rtype)[0].address for rtype in ("A", "AAAA")]
    assert glue == ["10.9.9.9", "fd00:9::9"]


@pytest.mark.parametrize(("serial", "whole"), [(0, True), (1, False)])
def test_an_incremental_transfer_is_whole_or_nothing(serial, whole):
    assert (transferred(serial).get_rdataset("svc1.testns.svc", "A") is not None) == whole


def test_a_transfer_is_refused_to_others_and_for_other_names():
    axfr = dns.message.make_query("cluster.local.", "AXFR")
    other = dns.message.make_query("svc.cluster.local.", "AXFR")
    allowed = (ip_network("127.0.0.0/8"),)
    for queries, networks, transport in (
        ([axfr], (), over_tcp),
        ([other], allowed, over_tcp),
        ([axfr], allowed, over_udp),
    ):
        (reply,) = ask(*queries, transfer_to=networks, transport=transport)
        assert reply.rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_in_a_burst_each_client_gets_its_own_replies_and_junk_gets_none(host):
    """More datagrams at once than one batch holds, from several clients, with packets in between that get no reply."""
    names = ["svc1", "svc0", "hdls", "big", "SVC1"]
    questions = [query(names[n % len(names)]) for n in range(300)]

    async def run():
        authority = Authority(ZONE)
        for object_ in CLUSTER:
            authority.change(None, object_, 0)
        authority.finish_sync(0)
        loop = asyncio.get_running_loop()
        async with dns_servers.serving(authority, host=host) as server:
            made = [await loop.create_datagram_endpoint(Collected, remote_addr=(host, server.port)) for _ in range(3)]
            for n, question in enumerate(questions):
                made[n % 3][0].sendto(b"junk" if n % 7 == 0 else question.to_wire())
            for n, question in enumerate(questions):
                if n % 7:
                    wire = await asyncio.wait_for(made[n % 3][1].received.get(), 60)
                    assert question.is_response(dns.message.from_wire(wire)), f"datagram {n}"
            assert all(protocol.received.empty() for _, protocol in made)
            assert server.udp[0].responder.ignored == len(range(0, 300, 7))
            for transport, _ in made:
                transport.close()

    asyncio.run(run())
