"""BGP messages as octets, written down by hand from the RFCs, and octets that are none."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.bgp.capabilities import Capabilities, Restart
from fairlead.bgp.errors import BgpError, describe
from fairlead.bgp.messages import (
    KEEPALIVE,
    MARKER,
    Keepalive,
    Notification,
    OpenMessage,
    RouteRefresh,
    UpdateMessage,
    encode_notification,
    encode_open,
    encode_refresh,
    next_message,
)
from fairlead.bgp.updates import PathAttributes, announcements, end_of_rib, withdrawals
from fairlead.model.addresses import IPFamily

V4, V6 = IPFamily.IPV4, IPFamily.IPV6


def message(type_: int, body: str = "", length: int | None = None) -> bytes:
    octets = bytes.fromhex(body)
    return MARKER + (len(octets) + 19 if length is None else length).to_bytes(2) + bytes([type_]) + octets


FULL = OpenMessage(4200000001, 9, "192.0.2.1", Capabilities((V4, V6), 4200000001, Restart(60, True, (V4, V6)), True))
FULL_OCTETS = message(
    1,
    "04 5ba0 0009 c0000201 22"  # AS_TRANS
    " 02 20"
    " 01 04 0001 00 01  01 04 0002 00 01"
    " 02 00"
    " 40 0a 803c 0001 01 80 0002 01 80"
    " 41 04 fa56ea01",
)


def test_an_open():
    assert encode_open(FULL) == FULL_OCTETS
    assert next_message(FULL_OCTETS + b"\xff") == (FULL, b"\xff")


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(
            message(1, "04 fc00 005a c0000201 00"),
            OpenMessage(64512, 90, "192.0.2.1", Capabilities()),
            id="no capabilities",
        ),
        pytest.param(
            message(1, "04 fc00 005a c0000201 10 02 06 01 04 0002 00 01 02 06 41 04 0000fc00"),
            OpenMessage(64512, 90, "192.0.2.1", Capabilities((V6,), 64512)),
            id="each in a parameter of its own",
        ),
        pytest.param(
            message(1, "04 fc00 005a c0000201 ff ff 0009 02 0006 01 04 0001 00 01"),
            OpenMessage(64512, 90, "192.0.2.1", Capabilities((V4,))),
            id="long parameters (RFC 9072)",
        ),
        pytest.param(
            message(1, "04 fc00 005a c0000201 0e 02 0c 01 04 0001 00 80 40 02 0078 49 00"),
            OpenMessage(64512, 90, "192.0.2.1", Capabilities((), None, Restart(120, False, ()))),
            id="no unicast, and a capability that nobody knows",
        ),
        pytest.param(message(4), Keepalive(), id="keepalive"),
        pytest.param(message(3, "06 02 03 627965"), Notification(6, 2, b"\3bye"), id="notification"),
        pytest.param(message(5, "0002 00 01"), RouteRefresh(V6), id="refresh"),
        pytest.param(message(5, "0019 00 41"), RouteRefresh(None), id="refresh of something else"),
        pytest.param(message(2, "0000 0000"), UpdateMessage(), id="end of RIB"),
        pytest.param(message(2, "0002 08 0a 0004 40 01 01 00 10 c0a8"), UpdateMessage(), id="update"),
    ],
)
def test_messages_of_peers(octets, expected):
    assert next_message(octets) == (expected, b"")


@pytest.mark.parametrize(
    ("octets", "error"),
    [
        pytest.param(b"GET / HTTP/1.1", (1, 1, b""), id="not BGP"),
        pytest.param(message(4, length=18), (1, 2, b"\0\x12"), id="shorter than a header"),
        pytest.param(message(4, "00"), (1, 2, b"\0\x14"), id="a keepalive with a body"),
        pytest.param(message(2, length=4097), (1, 2, b"\x10\x01"), id="too long"),
        pytest.param(message(9), (1, 3, b"\x09"), id="no such type"),
        pytest.param(message(1, "03 fc00 005a c0000201 00"), (2, 1, b"\0\4"), id="version 3"),
        pytest.param(message(1, "04 fc00 0002 c0000201 00"), (2, 6, b""), id="a hold time of 2 s"),
        pytest.param(message(1, "04 fc00 005a 00000000 00"), (2, 3, b""), id="no identifier"),
        pytest.param(message(1, "04 fc00 005a c0000201 02 01 00"), (2, 4, b""), id="authentication of old"),
        pytest.param(message(1, "04 fc00 005a c0000201 03 02 00"), (2, 0, b""), id="parameters cut short"),
        pytest.param(message(1, "04 fc00 005a c0000201 04 02 02 01 04"), (2, 0, b""), id="a capability cut short"),
        pytest.param(message(2, "0009 0000"), (3, 1, b""), id="withdrawn routes beyond the end"),
        pytest.param(message(2, "0000 0009 00"), (3, 1, b""), id="attributes beyond the end"),
    ],
)
def test_messages_that_violate_the_protocol(octets, error):
    with pytest.raises(BgpError) as raised:
        next_message(octets)
    assert (raised.value.code, raised.value.subcode, raised.value.data) == error


@given(st.data())
def test_a_message_is_read_when_it_is_complete(data):
    cut = data.draw(st.integers(0, len(FULL_OCTETS) - 1))
    assert next_message(FULL_OCTETS[:cut]) is None


hostile = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda type_, body: MARKER + (19 + len(body)).to_bytes(2) + bytes([type_]) + body,
        st.integers(0, 6),
        st.binary(max_size=120),
    ),
    st.builds(  # an OPEN that is right up to its parameters
        lambda body: message(1, "04 fc00 005a c0000201" + bytes([len(body)]).hex() + body.hex()), st.binary(max_size=90)
    ),
    st.builds(  # one octet of a good OPEN is another
        lambda at, octet: FULL_OCTETS[:at] + bytes([octet]) + FULL_OCTETS[at + 1 :],
        st.integers(0, len(FULL_OCTETS) - 1),
        st.integers(0, 255),
    ),
)


@given(hostile)
def test_hostile_octets_are_a_message_or_an_error_of_the_protocol(octets):
    with suppress(BgpError):
        found = next_message(octets)
        assert found is None or len(found[1]) < len(octets)


def test_short_messages():
    assert message(4) == KEEPALIVE
    assert encode_notification(Notification(6, 4)) == message(3, "06 04")
    assert encode_refresh(V6) == message(5, "0002 00 01")


OURS = PathAttributes(64512, is_internal=False)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        pytest.param(OURS, "40 01 01 00  40 02 06 02 01 0000fc00", id="to another AS"),
        pytest.param(
            OURS._replace(is_internal=True, local_pref=200),
            "40 01 01 00  40 02 00  40 05 04 000000c8",
            id="in the same AS",
        ),
        pytest.param(OURS._replace(has_four_octets=False), "40 01 01 00  40 02 04 02 01 fc00", id="an old peer"),
        pytest.param(
            OURS._replace(asn=4200000001, has_four_octets=False),
            "40 01 01 00  40 02 04 02 01 5ba0  c0 11 06 02 01 fa56ea01",
            id="an old peer that cannot say our number (RFC 6793)",
        ),
        pytest.param(
            OURS._replace(communities=((64512, 100), (65535, 65281), (64512, 1, 2))),
            "40 01 01 00  40 02 06 02 01 0000fc00  c0 08 08 fc00 0064 ffff ff01  c0 20 0c 0000fc00 00000001 00000002",
            id="communities",
        ),
    ],
)
def test_attributes(attributes, expected):
    common = bytes.fromhex(expected)
    hop = bytes.fromhex("40 03 04 c0000201")
    whole = (len(common) + len(hop)).to_bytes(2).hex() + common.hex() + hop.hex()
    (update,) = announcements(["198.51.100.7/32"], "192.0.2.1", attributes)
    assert update == message(2, f"0000 {whole} 20 c6336407")


def test_updates_of_ipv6():
    reach = "80 0e 26 0002 01 10 20010db8000000000000000000000001 00 80 20010db8000000000000000000000007"
    common = "40 01 01 00  40 02 06 02 01 0000fc00"
    (update,) = announcements(["2001:db8::7/128"], "2001:db8::1", OURS)
    assert update == message(2, f"0000 0036 {reach} {common}")
    (update,) = withdrawals(["2001:db8::7/128"], V6)
    assert update == message(2, "0000 0017 80 0f 14 0002 01 80 20010db8000000000000000000000007")
    assert end_of_rib(V6) == message(2, "0000 0006 80 0f 03 0002 01")


def test_withdrawals_and_the_end_of_ipv4():
    (update,) = withdrawals(["198.51.100.0/25", "198.51.100.7/32"], V4)
    assert update == message(2, "000a 19 c6336400 20 c6336407 0000")
    assert end_of_rib(V4) == message(2, "0000 0000")


@pytest.mark.parametrize(
    ("family", "text", "hop"), [(V4, "10.{}.{}.0/32", "10.0.0.1"), (V6, "fd00:{}:{}::/128", "fd00::1")]
)
def test_many_networks_are_several_messages(family, text, hop):
    networks = [text.format(i // 100, i % 100) for i in range(1000)]
    most = OURS._replace(communities=((1, 2, 3),) * 100)
    assert len(list(announcements(networks, hop, most))) == len(list(withdrawals(networks, family))) == 9
    assert all(len(update) <= 4096 for update in announcements(networks, hop, most))


@pytest.mark.parametrize(
    ("notification", "expected"),
    [
        (Notification(2, 2), "OPEN Message Error, Bad Peer AS"),
        (Notification(4, 0), "Hold Timer Expired"),
        (Notification(6, 2, b"\3bye"), "Cease, Administrative Shutdown (bye)"),
        (Notification(6, 2, b"\3b\ne"), "Cease, Administrative Shutdown (b?e)"),
        (Notification(6, 2, b"\x09bye"), "Cease, Administrative Shutdown"),
        (Notification(99, 98), "error 99, subcode 98"),
    ],
)
def test_notifications_in_words(notification, expected):
    assert str(notification) == describe(*notification) == expected
