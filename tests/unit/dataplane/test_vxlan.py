"""The wire between hosts: forwarding of frames, and the sent octets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.dataplane.learning_switch import AGEING, MAX_ADDRESSES, LearningSwitch
from fairlead.dataplane.vxlan import MIN_FRAME, VNI_MAX, frame_in, header, inner_mtu
from fairlead.model.addresses import IPFamily
from fairlead.model.socket_address import SocketAddress, parse_socket_address

A, B, C = (bytes.fromhex(f"0200c0a8400{digit}") for digit in "abc")
BROADCAST, GROUP, NEIGHBOURS = b"\xff" * 6, bytes.fromhex("333300000001"), bytes.fromhex("0180c2000000")
PORTS = ("here", "east", "west")

octets = st.binary(min_size=6, max_size=6)


def frame(receiver, sender):
    return receiver + sender + b"\x08\x00" + b"payload"


def taken(*steps):
    """Where the last of the frames (receiver, sender, port, moment) goes."""
    switch = LearningSwitch(PORTS)
    for receiver, sender, port, now in steps:
        ports = switch.take(frame(receiver, sender), port, now)
    return list(ports)


@pytest.mark.parametrize(
    ("steps", "ports"),
    [
        ([(B, A, "here", 0)], ["east", "west"]),
        ([(BROADCAST, A, "east", 0)], ["here", "west"]),
        ([(GROUP, A, "west", 0)], ["here", "east"]),
        ([(NEIGHBOURS, A, "east", 0)], []),
        ([(B, A, "east", 0), (A, B, "here", 1)], ["east"]),
        ([(B, A, "east", 0), (A, C, "east", 1)], []),
        ([(B, A, "east", 0), (C, A, "west", 1), (A, B, "here", 2)], ["west"]),
        ([(B, A, "east", 0), (A, B, "here", AGEING)], ["east"]),
        ([(B, A, "east", 0), (A, B, "here", AGEING + 1)], ["east", "west"]),
        ([(B, BROADCAST, "east", 0), (BROADCAST, A, "here", 1)], ["east", "west"]),
    ],
    ids=[
        "nobody knows the receiver",
        "broadcast",
        "multicast",
        "between neighbours only",
        "learned",
        "it is where it came from",
        "it has moved",
        "not too old",
        "too old",
        "a group is nobody's address",
    ],
)
def test_the_destination_of_a_frame(steps, ports):
    assert taken(*steps) == ports


def test_addresses_beyond_the_limit_push_out_those_heard_of_longest_ago():
    switch = LearningSwitch(PORTS)
    for number in range(MAX_ADDRESSES + 1):
        switch.take(frame(BROADCAST, b"\x02" + number.to_bytes(5, "big")), "east", number / 1e6)
        switch.take(frame(BROADCAST, A), "west", number / 1e6)
    forgotten, kept = b"\x02" + bytes(5), b"\x02" + MAX_ADDRESSES.to_bytes(5, "big")
    assert len(switch.take(frame(forgotten, B), "here", 1)) == 2
    assert list(switch.take(frame(kept, B), "here", 1)) == ["east"]
    assert list(switch.take(frame(A, B), "here", 1)) == ["west"]


@given(st.lists(st.tuples(octets, octets, st.sampled_from(PORTS), st.floats(0, 1000)), max_size=30))
def test_no_frame_goes_back_or_twice_to_one_port(steps):
    switch = LearningSwitch(PORTS)
    for receiver, sender, port, now in sorted(steps, key=lambda step: step[3]):
        ports = list(switch.take(frame(receiver, sender), port, now))
        assert port not in ports
        assert len(set(ports)) == len(ports)


def test_the_header_is_as_in_rfc_7348():
    assert header(0x123456) == bytes.fromhex("08000000" + "12345600")
    assert inner_mtu(IPFamily.IPV4) == 1450
    assert inner_mtu(IPFamily.IPV6) == 1430


@pytest.mark.parametrize(
    ("head", "is_taken"),
    [
        ("0800000012345600", True),
        ("ffffffff123456ff", True),  # "reserved … ignored on receipt"
        ("0000000012345600", False),
        ("0800000012345700", False),
    ],
)
def test_which_datagrams_hold_a_frame_of_the_segment(head, is_taken):
    inner = frame(A, B)
    assert frame_in(bytes.fromhex(head) + inner, 0x123456) == (inner if is_taken else None)


@given(st.integers(0, VNI_MAX), st.binary(max_size=40))
def test_sent_frames_are_received_unchanged(vni, inner):
    assert frame_in(header(vni) + inner, vni) == (inner if len(inner) >= MIN_FRAME else None)


@given(st.binary(max_size=60), st.integers(0, VNI_MAX))
def test_no_datagram_is_too_strange(datagram, vni):
    found = frame_in(datagram, vni)
    if found is not None:
        assert not set(LearningSwitch(PORTS).take(found, "east", 0)) & {"east"}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", SocketAddress("192.0.2.1", 4789)),
        ("192.0.2.1:5000", SocketAddress("192.0.2.1", 5000)),
        ("2001:DB8:0::1", SocketAddress("2001:db8::1", 4789)),
        ("[2001:db8::1]", SocketAddress("2001:db8::1", 4789)),
        ("[2001:db8::1]:5000", SocketAddress("2001:db8::1", 5000)),
    ],
)
def test_addresses_with_and_without_port(text, address):
    assert parse_socket_address(text, 4789) == address
    assert parse_socket_address(str(address), 1) == address


@pytest.mark.parametrize("text", ["", "host", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:x", "192.0.2.300", "[::1"])
def test_invalid_addresses_of_hosts(text):
    with pytest.raises(ValueError, match=r"."):
        parse_socket_address(text, 4789)
