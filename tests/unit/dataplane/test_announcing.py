"""Which node answers for a load balancer's address, and the packets in which it says so."""

import asyncio
import struct
from collections import Counter
from ipaddress import IPv6Address

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from fairlead.app.announcer.options import AnnouncerOptions
from fairlead.app.announcer.process import Announcer
from fairlead.dataplane import neighbour_packets as packets
from fairlead.dataplane.announcing import (
    SILENCE,
    announced_addresses,
    candidates,
    chosen,
    may_announce,
    next_silence,
    silent_nodes,
    together,
    watched,
)
from fairlead.model.decode import decode
from fairlead.model.objects import EndpointSlice, IngressPoint, LoadBalancerStatus, Node, Service, ServiceStatus
from fairlead.model.snapshot import ClusterSnapshot
from tests.support.cluster_objects import make_node, make_service
from tests.support.fake_api import FakeApi

ADDRESS, MAC = "192.0.2.7", bytes.fromhex("0242ac110002")


def balanced(*ingress, **spec) -> Service:
    status = ServiceStatus(LoadBalancerStatus(tuple(msgspec.convert(point, IngressPoint) for point in ingress)))
    return structs.replace(make_service(type="LoadBalancer", **spec), status=status)


def endpoint(node, **conditions):
    return {"addresses": ["10.244.0.1"], "nodeName": node, "conditions": conditions}


def cluster(*endpoints, nodes=("a", "b", "c"), family="IPv4", **spec) -> ClusterSnapshot:
    metadata = {"name": "s", "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}}
    slice_ = decode(EndpointSlice, {"metadata": metadata, "addressType": family, "endpoints": list(endpoints)})
    service = make_service(type="LoadBalancer", **spec)
    return ClusterSnapshot.of([service, slice_, *(make_node(name) for name in nodes)])


KEY = make_service().key


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        pytest.param(make_node(), True, id="ready"),
        pytest.param(decode(Node, {"metadata": {"name": "n"}}), False, id="has not said that it is ready"),
        pytest.param(
            make_node(labels={"node.kubernetes.io/exclude-from-external-load-balancers": ""}), False, id="excluded"
        ),
        pytest.param(
            make_node(taints=[{"key": "ToBeDeletedByClusterAutoscaler", "effect": "NoSchedule"}]), False, id="leaving"
        ),
        pytest.param(make_node(unschedulable=True), True, id="cordoned"),
    ],
)
def test_which_nodes_may_announce(node, expected):
    assert may_announce(node) is expected


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (balanced({"ip": ADDRESS}), (ADDRESS,)),
        (balanced({"ip": ADDRESS, "ipMode": "VIP"}, {"ip": "2001:db8::7"}), (ADDRESS, "2001:db8::7")),
        (balanced({"ip": ADDRESS, "ipMode": "Proxy"}), ()),
        (balanced({"hostname": "lb.example.com"}), ()),
        (make_service(type="NodePort"), ()),
    ],
)
def test_which_addresses_are_announced(service, expected):
    assert announced_addresses(service) == expected


@pytest.mark.parametrize(
    ("endpoints", "policy", "expected"),
    [
        pytest.param([], "Cluster", {"a", "b", "c"}, id="Cluster: every node, even without endpoints"),
        pytest.param([], "Local", set(), id="Local: nobody without endpoints"),
        pytest.param([endpoint("a"), endpoint("b", ready=False)], "Local", {"a"}, id="Local: where one is ready"),
        pytest.param([endpoint("gone")], "Local", set(), id="Local: not where there is no such node"),
        pytest.param(
            [endpoint("a"), endpoint("b", ready=False, serving=True, terminating=True)],
            "Local",
            {"a"},
            id="Local: not where they end, while others are ready",
        ),
        pytest.param(
            [endpoint("b", ready=False, serving=True, terminating=True)],
            "Local",
            {"b"},
            id="Local: where they end but serve, when no other is ready",
        ),
    ],
)
def test_candidates(endpoints, policy, expected):
    assert set(candidates(cluster(*endpoints, externalTrafficPolicy=policy), KEY, ADDRESS)) == expected


def test_endpoints_of_the_other_family_do_not_count():
    snapshot = cluster(endpoint("a"), externalTrafficPolicy="Local")
    assert candidates(snapshot, KEY, "2001:db8::7") == ()


def test_addresses_spread_over_the_nodes():
    snapshot = cluster(nodes=[f"n{i}" for i in range(4)])
    firsts = Counter(candidates(snapshot, KEY, f"192.0.2.{i}")[0] for i in range(200))
    assert min(firsts.values()) > 30  # of 50 on average


@given(st.sets(st.sampled_from("abcdefgh"), min_size=2), st.data())
def test_an_address_moves_only_when_its_own_node_goes(nodes, data):
    """So said of every other node that goes, be it from the API or by falling silent."""
    order = candidates(cluster(nodes=sorted(nodes)), KEY, ADDRESS)
    other = data.draw(st.sampled_from(sorted(nodes - {order[0]})))
    assert candidates(cluster(nodes=sorted(nodes - {other})), KEY, ADDRESS)[0] == order[0]
    assert chosen(order, {other}) == order[0]
    assert chosen(order, {order[0]}) == order[1]


@given(st.permutations("abcd"), st.sets(st.sampled_from("abcd")))
def test_who_answers_is_the_last_that_is_watched(order, silent):
    ought = watched(tuple(order), silent)
    answering = chosen(tuple(order), silent)
    assert answering == (ought[-1] if set(order) - silent else None)
    assert set(ought) - {answering} <= silent


@pytest.mark.parametrize(
    ("expected", "heard", "silent", "next_"),
    [
        pytest.param({"a": 10.0}, {}, set(), 10.0 + SILENCE, id="not heard yet, but expected a moment ago only"),
        pytest.param({"a": 5.0}, {}, {"a"}, None, id="never heard"),
        pytest.param({"a": 5.0}, {"a": 9.9}, set(), 9.9 + SILENCE, id="heard a moment ago"),
        pytest.param({"a": 10.0}, {"a": 1.0}, set(), 10.0 + SILENCE, id="what was before it was expected is nothing"),
        pytest.param({}, {"a": 1.0}, set(), None, id="nobody ought to be heard"),
    ],
)
def test_silence(expected, heard, silent, next_):
    found = silent_nodes(expected, heard, 10.2)
    assert (set(found), next_silence(expected, heard, found)) == (silent, next_)


# --- packets: octets as tcpdump(8) shows them on a real link ---------------------------------------------------------

REQUEST = bytes.fromhex("0001 0800 06 04 0001 aabbccddeeff cb00710a 000000000000 c0000207")


def test_an_arp_request_and_its_answer():
    request = packets.parse_arp_request(REQUEST + bytes(18))
    assert request == (bytes.fromhex("aabbccddeeff"), "203.0.113.10", ADDRESS)
    assert packets.arp_reply(MAC, request) == bytes.fromhex(
        "0001 0800 06 04 0002 0242ac110002 c0000207 aabbccddeeff cb00710a"
    )


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(REQUEST[:7] + b"\2" + REQUEST[8:], id="a reply"),
        pytest.param(REQUEST[:1] + b"\6" + REQUEST[2:], id="not Ethernet"),
        pytest.param(REQUEST[:-1], id="cut short"),
    ],
)
def test_packets_that_are_no_arp_requests(packet):
    assert packets.parse_arp_request(packet) is None


def test_an_arp_announcement_has_both_forms():
    request, reply = packets.arp_announcements(MAC, ADDRESS)
    assert request == bytes.fromhex("0001 0800 06 04 0001 0242ac110002 c0000207 000000000000 c0000207")
    assert reply == bytes.fromhex("0001 0800 06 04 0002 0242ac110002 c0000207 0242ac110002 c0000207")


ASKER, TARGET = "20010db8 00000000 00000000 00000001", "20010db8 00000000 00000000 00abcdef"
GROUP, EVERYBODY = "ff020000 00000000 00000001 ffabcdef", "ff020000 00000000 00000000 00000001"
SOLICITATION = bytes.fromhex(f"60000000 0020 3a ff {ASKER} {GROUP} 87 00 0000 00000000 {TARGET} 01 01 aabbccddeeff")
PROBE = bytes.fromhex(f"60000000 0018 3a ff {'00' * 16} {GROUP} 87 00 0000 00000000 {TARGET}")


def is_sum_right(packet):
    """Summed with its checksum, a packet gives all ones (RFC 1071): counted here in one big number."""
    pseudo = packet[8:40] + struct.pack("!II", len(packet) - 40, 58)
    return int.from_bytes(pseudo + packet[40:]) % 0xFFFF == 0


def without_sum(packet):
    return packet[:42] + bytes(2) + packet[44:]


def test_a_solicitation_and_its_answer():
    asked = packets.parse_solicitation(SOLICITATION)
    assert asked == ("2001:db8::1", "2001:db8::ab:cdef")
    answer = packets.answer(MAC, asked)
    assert is_sum_right(answer)
    head = f"60000000 0020 3a ff {TARGET} {ASKER}"
    assert without_sum(answer) == bytes.fromhex(f"{head} 88 00 0000 60000000 {TARGET} 02 01 0242ac110002")


def test_clients_without_an_address_are_answered():
    asked = packets.parse_solicitation(PROBE)
    assert asked.is_probe
    answer = packets.answer(MAC, asked)
    assert answer == packets.announcement(MAC, "2001:db8::ab:cdef")
    assert is_sum_right(answer)
    head = f"60000000 0020 3a ff {TARGET} {EVERYBODY}"
    assert without_sum(answer) == bytes.fromhex(f"{head} 88 00 0000 20000000 {TARGET} 02 01 0242ac110002")


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param(SOLICITATION[:7] + b"\x40" + SOLICITATION[8:], id="from beyond the link"),
        pytest.param(SOLICITATION[:40] + b"\x88" + SOLICITATION[41:], id="another type"),
        pytest.param(SOLICITATION[:6] + b"\x11" + SOLICITATION[7:], id="not ICMPv6"),
        pytest.param(SOLICITATION[:60], id="cut short"),
    ],
)
def test_packets_that_are_no_solicitations(packet):
    assert packets.parse_solicitation(packet) is None


def test_where_solicitations_for_an_address_are_sent():
    assert packets.solicited_node("2001:db8::ab:cdef") == "ff02::1:ffab:cdef"
    assert IPv6Address(packets.solicited_node("fd00::1")).is_multicast


def test_where_groups_are_on_ethernet():
    assert packets.multicast_mac("ff02::1:ffab:cdef") == bytes.fromhex("3333ffabcdef")


class Api(FakeApi):
    """Remembers which collections were asked for."""

    def __init__(self):
        super().__init__()
        self.listed = []

    async def get(self, path, query=None):
        self.listed.append((path.rpartition("/")[2], (query or {}).get("fieldSelector")))
        return await super().get(path, query)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("Cluster", set()), ("Local", {("endpointslices", None)})],
)
def test_slices_are_followed_only_for_a_load_balancer_that_goes_by_them(policy, expected):
    async def scenario():
        api = Api()
        await api.put(balanced(externalTrafficPolicy=policy), "services")
        announcer = Announcer(AnnouncerOptions("here", ("192.0.2.0/24",)), api)
        informers = (announcer._services, announcer._nodes)
        following = [asyncio.create_task(run()) for run in (*(i.run for i in informers), announcer._follow_slices)]
        for informer in informers:
            await informer.synced.wait()
        if expected:
            await announcer._slices.synced.wait()
        assert set(api.listed) == {("services", "spec.type=LoadBalancer"), ("nodes", None)} | expected
        for task in following:
            task.cancel()

    asyncio.run(scenario())


def test_an_address_that_services_share_falls_to_the_nodes_of_any_of_them():
    assert together([{"u": ("a", "b")}, {"u": ("a", "b")}, {"v": ("c",)}]) == {"u": ("a", "b"), "v": ("c",)}
    one, other = (candidates(cluster(nodes=names), KEY, ADDRESS) for names in ("ab", "bc"))
    assert together([{ADDRESS: one}, {ADDRESS: other}]) == {ADDRESS: candidates(cluster(nodes="abc"), KEY, ADDRESS)}
