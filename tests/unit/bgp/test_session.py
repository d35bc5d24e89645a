"""The life of a BGP session: correct and incorrect peers, silence, kills, and announcements."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.bgp import messages
from fairlead.bgp.capabilities import Capabilities, Restart
from fairlead.bgp.messages import Notification, OpenMessage
from fairlead.bgp.session import (
    CONNECT_TIME,
    LONGEST_PAUSE,
    OPEN_TIME,
    Connect,
    Disconnect,
    Send,
    Session,
    SessionState,
    StateChanged,
)
from fairlead.bgp.terms import Terms
from fairlead.bgp.updates import PathAttributes, announcements, end_of_rib, withdrawals
from fairlead.model.addresses import IPFamily
from tests.unit.bgp.test_messages import hostile, message

V4, V6 = IPFamily.IPV4, IPFamily.IPV6
TERMS = Terms(asn=64512, peer_asn=64513, identifier="192.0.2.1", families=(V4, V6))
PEER = OpenMessage(64513, 90, "192.0.2.254", Capabilities((V4, V6), 64513, Restart(120), refresh=True))
HOPS = {V4: "192.0.2.1", V6: "2001:db8::1"}
A, B, SIX = "198.51.100.1/32", "198.51.100.2/32", "2001:db8:1::1/128"
ATTRIBUTES = PathAttributes(64512, is_internal=False)


class Talk:
    """A session, and what it has been seen to do since last looked at."""

    def __init__(self, terms: Terms = TERMS) -> None:
        self.session = Session(terms, lambda: 1.0)
        self.now = 0.0

    def sent(self) -> list[bytes]:
        return [action.octets for action in self.session.actions() if isinstance(action, Send)]

    def kinds(self) -> list[type]:
        return [type(action) for action in self.session.actions()]

    def hear(self, *octets: bytes) -> None:
        self.session.received(b"".join(octets), self.now)

    def at(self, now: float) -> None:
        self.now = now
        self.session.tick(now)

    def connect(self, local: str = "192.0.2.1") -> None:
        self.at(max(self.now, self.session.due()))
        assert Connect in self.kinds()
        self.session.connected(local, self.now)

    def establish(self, peer: OpenMessage = PEER, local: str = "192.0.2.1") -> None:
        self.connect(local)
        self.hear(messages.encode_open(peer), messages.KEEPALIVE)
        assert self.session.state == SessionState.ESTABLISHED


def announced(*networks: str, hop: str = "192.0.2.1", attributes: PathAttributes = ATTRIBUTES) -> list[bytes]:
    return list(announcements(networks, hop, attributes))


def test_a_session_is_made_and_says_all_that_there_is():
    talk = Talk()
    talk.session.announce([A, SIX], HOPS)
    assert not list(talk.session.actions())
    talk.connect()
    own = OpenMessage(64512, 9, "192.0.2.1", Capabilities((V4, V6), 64512, Restart(60, True, (V4, V6)), refresh=True))
    assert talk.sent() == [messages.encode_open(own)]
    talk.hear(messages.encode_open(PEER))
    assert talk.sent() == [messages.KEEPALIVE]
    talk.hear(messages.KEEPALIVE)
    ends = [end_of_rib(V4), end_of_rib(V6)]
    assert talk.sent() == [*announced(A), *announced(SIX, hop="2001:db8::1"), *ends]
    assert set(talk.session.announced) == {A, SIX}


def test_only_differences_are_reported():
    talk = Talk()
    talk.session.announce([A], HOPS)
    talk.establish()
    talk.sent()
    talk.session.announce([A, B], HOPS)
    assert talk.sent() == announced(B)
    talk.session.announce([B], HOPS)
    assert talk.sent() == list(withdrawals([A], V4))
    talk.session.announce([B], HOPS)
    assert talk.sent() == []
    talk.session.announce([], HOPS)
    assert talk.sent() == list(withdrawals([B], V4))


def test_a_node_that_moves_announces_again():
    talk = Talk()
    talk.session.announce([SIX], HOPS)
    talk.establish()
    talk.sent()
    talk.session.announce([SIX], HOPS | {V6: "2001:db8::2"})
    assert talk.sent() == announced(SIX, hop="2001:db8::2")
    talk.session.announce([SIX], {V4: "192.0.2.1"})
    assert talk.sent() == list(withdrawals([SIX], V6))


@pytest.mark.parametrize(
    ("local", "hop"),
    [
        pytest.param("192.0.2.9", "192.0.2.9", id="the connection's own end"),
        pytest.param("127.0.0.1", "192.0.2.1", id="not where nobody else could reach it"),
        pytest.param("fe80::1%eth0", "192.0.2.1", id="of the other family: the node's"),
    ],
)
def test_next_hop(local, hop):
    talk = Talk()
    talk.session.announce([A], HOPS)
    talk.establish(local=local)
    assert announced(A, hop=hop)[0] in talk.sent()


def test_a_peer_gets_no_unsupported_family():
    talk = Talk()
    talk.session.announce([A, SIX], HOPS)
    talk.establish(PEER._replace(capabilities=Capabilities((V4,), 64513)))
    *_, last = talk.sent()
    assert [last] == announced(A)


def test_in_the_same_as():
    talk = Talk(replace(TERMS, peer_asn=64512, local_pref=50))
    talk.session.announce([A], HOPS)
    talk.establish(PEER._replace(asn=64512, capabilities=PEER.capabilities._replace(asn=64512)))
    attributes = PathAttributes(64512, is_internal=True, local_pref=50)
    assert announced(A, attributes=attributes)[0] in talk.sent()


def test_the_shorter_hold_time_counts_both_ways():
    talk = Talk()
    talk.establish(PEER._replace(hold_time=3))
    start = talk.now
    talk.sent()
    talk.at(start + 1.0)
    assert talk.sent() == [messages.KEEPALIVE]
    talk.hear(messages.KEEPALIVE)
    talk.at(start + 3.5)
    assert talk.session.state == SessionState.ESTABLISHED
    talk.at(start + 4.0)
    assert messages.encode_notification(Notification(4, 0)) in talk.sent()
    assert (talk.session.state, talk.session.reason) == (SessionState.IDLE, "Hold Timer Expired")


def test_without_a_hold_time_a_session_is_silent():
    talk = Talk(replace(TERMS, hold_time=0))
    talk.establish()
    assert talk.session.due() == float("inf")


def test_a_session_that_is_lost_comes_back_with_everything():
    talk = Talk()
    talk.session.announce([A], HOPS)
    talk.establish()
    talk.session.lost("reset", talk.now)
    assert talk.session.reason == "connection lost in Established: reset"
    assert not talk.session.announced
    talk.session.announce([B], HOPS)
    talk.kinds()
    talk.connect()
    again = OpenMessage(
        64512, 9, "192.0.2.1", Capabilities((V4, V6), 64512, Restart(60, False, (V4, V6)), refresh=True)
    )
    assert talk.sent() == [messages.encode_open(again)]  # it has not restarted this time
    talk.hear(messages.encode_open(PEER), messages.KEEPALIVE)
    assert announced(B)[0] in talk.sent()


def test_a_route_refresh_sends_a_whole_family_again():
    talk = Talk()
    talk.session.announce([A, SIX], HOPS)
    talk.establish()
    talk.sent()
    talk.hear(messages.encode_refresh(V6))
    assert talk.sent() == announced(SIX, hop="2001:db8::1")


def test_leaving():
    talk = Talk()
    talk.establish()
    talk.sent()
    talk.session.stop(talk.now)
    text = b"the announcer ends"
    said = messages.encode_notification(Notification(6, 2, bytes([len(text)]) + text))
    assert list(talk.session.actions())[:2] == [Send(said), Disconnect()]
    assert talk.session.due() == float("inf")


@pytest.mark.parametrize(
    ("prepare", "octets", "notification"),
    [
        pytest.param(
            Talk.connect,
            messages.encode_open(OpenMessage(1, 90, "192.0.2.254", Capabilities())),
            (2, 2),
            id="AS number of two octets differs",
        ),
        pytest.param(
            Talk.connect,
            messages.encode_open(PEER._replace(capabilities=Capabilities((V4,), 99))),
            (2, 2),
            id="AS number of four octets differs",
        ),
        pytest.param(
            Talk.connect,
            message(1, "04 fc01 005a c00002fe 08 02 06 01 04 0001 00 80"),
            (2, 7),
            id="no family in common",
        ),
        pytest.param(Talk.connect, messages.KEEPALIVE, (5, 1), id="keepalive before open"),
        pytest.param(Talk.connect, end_of_rib(V4), (5, 1), id="update before open"),
        pytest.param(Talk.connect, messages.encode_open(PEER) + end_of_rib(V4), (5, 2), id="update before keepalive"),
        pytest.param(Talk.establish, messages.encode_open(PEER), (5, 3), id="open in the middle"),
        pytest.param(Talk.establish, b"\0", (1, 1), id="no marker"),
    ],
)
def test_protocol_errors_of_a_peer(prepare: Callable[[Talk], None], octets, notification):
    """It hears why, and the session is tried again."""
    talk = Talk()
    prepare(talk)
    talk.sent()
    talk.hear(octets)
    actions = list(talk.session.actions())
    sent = [action.octets for action in actions if isinstance(action, Send)]
    assert sent[-1][18:21] == bytes([messages.Type.NOTIFICATION, *notification])
    assert [type(action) for action in actions[-2:]] == [Disconnect, StateChanged]
    talk.connect()


def test_an_identifier_that_is_ours_in_the_same_as():
    talk = Talk(replace(TERMS, peer_asn=64512))
    talk.connect()
    talk.hear(messages.encode_open(OpenMessage(64512, 90, "192.0.2.1", Capabilities((V4,), 64512))))
    assert talk.session.reason == "OPEN Message Error, Bad BGP Identifier: 192.0.2.1 is ours"


def test_a_peer_that_ends_the_session_is_understood():
    talk = Talk()
    talk.establish()
    talk.hear(messages.encode_notification(Notification(6, 2, b"\x0cmaintenance!")))
    assert talk.session.reason == "the peer ends the session: Cease, Administrative Shutdown (maintenance!)"
    assert talk.session.counts.notifications_sent == 0


def test_a_peer_does_not_answer():
    talk = Talk(replace(TERMS, has_password=True))
    pauses = []
    for _ in range(8):
        talk.at(talk.session.due())
        assert talk.session.state == SessionState.CONNECT
        talk.at(talk.now + CONNECT_TIME)
        pauses.append(talk.session.due() - talk.now)
    assert pauses == [1, 2, 4, 8, 10, 10, 10, 10]
    assert talk.session.reason == "no answer within 5 s; the password may differ, or be missing there"


def test_a_silent_peer():
    talk = Talk()
    talk.connect()
    talk.sent()
    talk.at(talk.now + OPEN_TIME)
    assert talk.sent() == [messages.encode_notification(Notification(4, 0))]


def test_a_session_that_lasted_is_tried_again_soon():
    talk = Talk(replace(TERMS, hold_time=0))
    for _ in range(5):
        talk.at(talk.session.due())
        talk.session.lost("refused", talk.now)
    talk.establish()
    talk.now += LONGEST_PAUSE
    talk.session.lost("reset", talk.now)
    assert talk.session.due() == talk.now + 1.0


steps = st.lists(
    st.one_of(
        hostile,
        st.just(messages.encode_open(PEER)),
        st.just(messages.KEEPALIVE),
        st.just(messages.encode_refresh(V4)),
        st.just(end_of_rib(V4)),
        st.sampled_from(["lost", "connected"]),
        st.frozensets(st.sampled_from([A, B, SIX])),
        st.floats(0, 40),
    ),
    max_size=30,
)


@settings(max_examples=300)
@given(steps)
def test_after_any_events_a_session_works_and_the_peer_has_the_right_routes(history):
    """Any octets, losses, pauses and changes, and then a peer that behaves: it learns exactly what is announced."""
    talk = Talk()
    wanted: frozenset[str] = frozenset()
    for step in history:
        match step:
            case bytes():
                talk.hear(step)
            case "lost":
                talk.session.lost("reset", talk.now)
            case "connected":
                if talk.session.state == SessionState.CONNECT:
                    talk.session.connected("192.0.2.1", talk.now)
            case frozenset():
                wanted = step
                talk.session.announce(wanted, HOPS)
            case float():
                talk.at(talk.now + step)
        list(talk.session.actions())
        assert (
            talk.session.due() > talk.now or talk.session.due() == 0.0 or talk.session.state != SessionState.ESTABLISHED
        )
    talk.session.lost("reset", talk.now)
    list(talk.session.actions())
    talk.establish()
    assert set(talk.session.announced) == wanted
