"""Prepared replies: always equal to a fresh answer, dropped in time, bounded in number."""

from collections import Counter
from dataclasses import replace
from typing import Any, NamedTuple

import dns.edns
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.found import ZoneView
from fairlead.clusterdns.names import to_name
from fairlead.clusterdns.records import Rcode, namespace_tag
from fairlead.clusterdns.reply_cache import Prepared, PreparedReplies, ReplyKind
from fairlead.clusterdns.responder import Responder
from fairlead.clusterdns.zone import PodsMode
from tests.support.dns_cases import (
    CLUSTER,
    SUFFIX,
    ZONE,
    endpoint,
    external,
    imported_slice,
    namespace,
    pod,
    service,
    service_import,
    slice_,
)
from tests.support.dns_servers import responder_over

TYPES = ["A", "AAAA", "SRV", "PTR", "CNAME", "TXT", "NS", "SOA", "ANY", "MX"]
SVC = "svc.cluster.local."

addresses = st.sampled_from(["10.0.0.1", "10.0.0.2", "fd00::1"])
labels = st.sampled_from(["a", "b", "c"])
hosts = st.none() | labels
ready = st.sampled_from([True, False, None])
zones = st.sampled_from([None, "z", "Z"])
endpoints = st.lists(
    st.builds(lambda a, h, r, z: endpoint(a, h, ready=r, zone=z), addresses, hosts, ready, zones), max_size=3
)
objects = st.one_of(
    st.builds(namespace, st.sampled_from(["testns", "other"])),
    st.builds(service, labels, st.sampled_from(["", "10.0.0.1", "10.0.0.2 fd00::1"])),
    st.builds(external, labels, st.sampled_from([f"a.{SUFFIX}", f"b.{SUFFIX}", "www.example.com", "1.2.3.4"])),
    st.builds(lambda owner, found, n: slice_(owner, *found, number=n), labels, endpoints, st.integers(0, 1)),
    st.builds(pod, labels, addresses, st.sampled_from(["Running", "Failed"])),
)


class Imported(NamedTuple):
    """Something that another cluster exports."""

    object: Any


clusters = st.sampled_from(["north", "south"])
imported = st.one_of(
    st.builds(service_import, labels),
    st.builds(service_import, labels, addresses),
    st.builds(lambda owner, cluster, found: imported_slice(owner, cluster, *found), labels, clusters, endpoints),
).map(Imported)
changes = st.lists(st.tuples(st.booleans(), objects | imported), max_size=12)
EVERY_OPTION = {"zonal": True, "clusterset": ("clusterset", "local")}
IN_SET = "testns.svc.clusterset.local."

NAMES = [
    "cluster.local.",
    SVC,
    "testns.pod.cluster.local.",
    "10-0-0-1.testns.pod.cluster.local.",
    f"testns.{SVC}",
    f"other.{SVC}",
    *(f"{label}.testns.{SVC}" for label in "abc"),
    *(f"{label}.a.testns.{SVC}" for label in ("a", "b", "10-0-0-1", "_tcp", "_http._tcp")),
    *(
        f"{labels}.a.testns.{SVC}"
        for labels in ("_zone", "pin._zone", "z.pin._zone", "z.prefer._zone", "x.z.pin._zone")
    ),
    *(
        f"{labels}.{IN_SET}"
        for labels in ("a", "b", "north.a", "a.north.a", "10-0-0-1.south.a", "_tcp.a", "_http._tcp.a")
    ),
    "clusterset.local.",
    "1.0.0.10.in-addr.arpa.",
    "0.10.in-addr.arpa.",
    "d.f.ip6.arpa.",
    "www.example.com.",
]
questions = st.tuples(st.sampled_from(NAMES), st.sampled_from(TYPES))


def authority_over(*objects_, **options) -> Authority:
    authority = Authority(replace(ZONE, **options))
    for object_ in objects_:
        authority.change(None, object_, 0)
    authority.finish_sync(0)
    return authority


def wire(name: str, qtype: str = "A", **options) -> bytes:
    return dns.message.make_query(name, qtype, **options).to_wire()


def ask(responder: Responder, packet: bytes) -> bytes:
    prepared = responder.prepared.young.get(packet[2:])
    if prepared is not None:
        prepared.hits += 1
        return packet[:2] + (next(prepared.turns) if prepared.turns else prepared.body)
    reply = responder.respond(packet)
    assert isinstance(reply, bytes)
    return reply


def meaning(reply: bytes) -> tuple:
    """What a reply says: all but its id, the order of its records, and the serial beside a negative answer, an alias
    that leads nowhere included."""
    message = dns.message.from_wire(reply, one_rr_per_rrset=True)
    answer, authority, *others = (
        sorted(rrset.to_text().lower() for rrset in section) for section in message.sections[1:]
    )
    return message.rcode(), message.flags, answer, [text.split()[:6] for text in authority], others


class Known(dict):
    """The objects there are, as an informer keeps them."""

    def apply(self, authority: Authority, put: bool, object_) -> None:
        imported = isinstance(object_, Imported)
        new = object_.object if imported else object_
        key = (type(new), new.key, imported)
        old = self.get(key)
        if put:
            self[key] = new
            authority.change(old, new, 0, imported)
        elif old is not None:
            authority.change(self.pop(key), None, 0, imported)


@settings(max_examples=150)
@given(changes, st.lists(questions, min_size=1, max_size=4), st.sampled_from(PodsMode))
def test_a_ready_reply_is_what_a_fresh_one_would_be(changes, questions, pods):
    authority, known = authority_over(pods=pods, **EVERY_OPTION), Known()
    responder = responder_over(authority)
    packets = [wire(*question) for question in questions]
    for put, object_ in changes:
        for packet in packets:
            ask(responder, packet)
        known.apply(authority, put, object_)
        for packet in packets:
            assert meaning(ask(responder, packet)) == meaning(ask(responder_over(authority), packet))


@settings(max_examples=100)
@given(changes, questions)
def test_a_prepared_reply_equals_a_fresh_one_byte_for_byte(changes, question):
    authority, known = authority_over(**EVERY_OPTION), Known()
    for put, object_ in changes:
        known.apply(authority, put, object_)
    responder, packet = responder_over(authority), wire(*question)
    first = ask(responder, packet)
    orders = {ask(responder, packet) for _ in range(20)} | {first}
    assert first in orders
    assert {ask(responder_over(authority), packet)} <= orders
    mixed = packet.replace(b"cluster", b"CLUSTER")
    assert ask(responder, mixed).lower()[2:] in {order.lower()[2:] for order in orders}


def is_served(name: dns.name.Name, view: ZoneView) -> bool:
    labels = to_name(name.to_text())
    return view.of(labels).zone.apex_of(labels) is not None


@settings(max_examples=100)
@given(changes, questions)
def test_nothing_is_denied_above_a_name_that_exists(changes, question):
    authority, known = authority_over(**EVERY_OPTION), Known()
    for put, object_ in changes:
        known.apply(authority, put, object_)
    responder = responder_over(authority)
    name = dns.name.from_text(question[0])
    if dns.message.from_wire(ask(responder, wire(*question))).rcode() == dns.rcode.NXDOMAIN:
        return
    while len(name) > 1 and is_served(name, authority.view):
        reply = dns.message.from_wire(ask(responder, wire(name.to_text(), "TXT")))
        assert reply.rcode() == dns.rcode.NOERROR, f"{name} is denied, though {question[0]} exists"
        name = name.parent()


def warmed(responder: Responder, *names: str) -> list[bytes]:
    packets = [wire(f"{name}.{SUFFIX}") for name in names]
    for packet in packets:
        ask(responder, packet)
    return packets


def test_a_change_forgets_the_replies_of_its_service_and_no_other():
    authority = authority_over(*CLUSTER)
    responder = responder_over(authority)
    touched, *others = warmed(responder, "hdls", "svc1", "big", "svc0", "172-0-0-11.svc1")
    authority.change(slice_("hdls", "172.0.0.2"), slice_("hdls", "172.0.0.9"), 0)
    assert touched[2:] not in responder.prepared.young
    assert all(packet[2:] in responder.prepared.young for packet in others)


def test_a_denied_name_exists_after_its_service_is_created():
    authority = authority_over(*CLUSTER)
    responder = responder_over(authority)
    (packet,) = warmed(responder, "svc0")
    authority.change(None, service("svc0", "10.0.0.99"), 0)
    assert dns.message.from_wire(ask(responder, packet)).answer


def test_invisible_changes_keep_serial_and_replies():
    old = service("svc1", "10.0.0.1")
    labelled = service("svc1", "10.0.0.1", selector={"app": "x"}, sessionAffinity="ClientIP")
    authority = authority_over(*CLUSTER)
    responder = responder_over(authority)
    (packet,) = warmed(responder, "svc1")
    serial = authority.zone.serial
    assert not authority.change(old, labelled, 0)
    assert (authority.zone.serial, packet[2:] in responder.prepared.young) == (serial, True)


def test_each_visible_change_increments_the_serial():
    authority = authority_over(*CLUSTER)
    before = authority.zone.serial
    authority.change(slice_("hdls", "172.0.0.2"), slice_("hdls", "172.0.0.9"), 0)
    authority.change(service("svc1", "10.0.0.1"), service("svc1", "10.0.0.1", []), 0)
    authority.change(external("ext", "a.example"), external("ext", "b.example"), 0)
    assert authority.zone.serial == before + 3


def test_the_serial_never_falls_behind_the_clock():
    authority = authority_over()
    authority.change(None, namespace("a"), 1_800_000_000)
    authority.change(None, namespace("b"), 1_700_000_000)
    assert authority.zone.serial == 1_800_000_001


def test_a_flood_of_names_does_not_grow_without_end():
    kept = PreparedReplies(lambda _: None, limit=10)
    kind = ReplyKind(1, Rcode.NXDOMAIN, "cluster.local.", 100, 100)
    for n in range(1000):
        kept.put(b"%d" % n, Prepared(b"", kind, frozenset((namespace_tag(str(n % 3)),)), None))
    assert len(kept) <= 20
    kept.forget(namespace_tag(str(n)) for n in range(3))
    assert len(kept) == 0


def test_hits_are_counted_even_when_their_reply_is_forgotten():
    authority = authority_over(*CLUSTER)
    responder = responder_over(authority)
    for _ in range(3):
        warmed(responder, "hdls", "svc0")
    authority.change(slice_("hdls", "172.0.0.2"), slice_("hdls", "172.0.0.9"), 0)
    warmed(responder, "hdls")
    rcodes = {}
    for kind, number in responder.tally().items():
        rcodes[kind.rcode] = rcodes.get(kind.rcode, 0) + number
    assert rcodes == {Rcode.NOERROR: 4, Rcode.NXDOMAIN: 3}


def first_address(reply: bytes) -> str:
    (addresses,) = dns.message.from_wire(reply).answer
    return addresses[0].address


def test_each_address_of_a_headless_service_is_the_first_as_often_as_any_other():
    """Many clients take the first address; 29 are what a reply without EDNS has room for."""
    pods = [f"10.1.0.{number}" for number in range(1, 30)]
    responder = responder_over(authority_over(namespace("testns"), service("web", ""), slice_("web", *pods)))
    firsts = Counter(first_address(ask(responder, wire(f"web.{SUFFIX}"))) for _ in range(3 * len(pods)))
    assert firsts == dict.fromkeys(pods, 3)


def test_srv_records_turn_as_addresses_do():
    pods = [endpoint(f"10.1.0.{number}", f"web-{number}") for number in (1, 2, 3)]
    responder = responder_over(authority_over(namespace("testns"), service("web", ""), slice_("web", *pods)))
    replies = [dns.message.from_wire(ask(responder, wire(f"web.{SUFFIX}", "SRV"))) for _ in range(3)]
    assert {str(reply.answer[0][0].target) for reply in replies} == {f"web-{n}.web.{SUFFIX}" for n in (1, 2, 3)}


def test_the_names_of_an_address_never_change_places():
    """Erlang, and so RabbitMQ, takes the first: the host name must be there in each reply, kept ready or not."""
    endpoints = slice_("rabbit", endpoint("10.1.0.1", "rabbit-0")), slice_("amqp", "10.1.0.1")
    services = service("rabbit", ""), service("amqp", "10.0.7.1")
    responder = responder_over(authority_over(namespace("testns"), *services, *endpoints))
    names = set()
    for asked in ("1.0.1.10.in-addr.arpa.", "1.0.1.10.IN-ADDR.arpa.") * 8:
        (found,) = dns.message.from_wire(ask(responder, wire(asked, "PTR"))).answer
        names.add(tuple(str(pointer.target) for pointer in found))
    assert names == {(f"rabbit-0.rabbit.{SUFFIX}", f"10-1-0-1.amqp.{SUFFIX}")}


def test_another_address_is_the_first_after_each_change():
    pods = ["10.1.0.1", "10.1.0.2", "10.1.0.3"]
    old, new = slice_("web", *pods), slice_("web", *pods, "10.1.0.4")
    authority = authority_over(namespace("testns"), service("web", ""), old)
    responder = responder_over(authority)
    firsts = set()
    for _ in range(6):
        firsts.add(first_address(ask(responder, wire(f"web.{SUFFIX}"))))
        authority.change(old, new, 0)
        old, new = new, old
    assert firsts == set(pods)


def test_a_query_that_only_one_client_sends_is_not_kept():
    responder = responder_over(authority_over(*CLUSTER))
    for packet in (
        wire(f"SVC1.{SUFFIX}"),
        wire(f"svc1.{SUFFIX}", use_edns=0, options=[dns.edns.CookieOption(b"8octets!", b"")]),
    ):
        ask(responder, packet)
    assert len(responder.prepared) == 0
