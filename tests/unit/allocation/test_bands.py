"""Bands, ranges and refusals of the allocators; what they cost."""

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.allocation import cluster_ips, node_ports
from fairlead.allocation.bands import Bands, RangeFull, choose_free
from fairlead.allocation.cluster_ips import AddressRefused
from fairlead.allocation.node_ports import DryRunNodePorts, NodePorts, PortRefused


def nothing(_):
    return False


def first(_):
    return 0


@pytest.mark.parametrize(
    ("cidr", "lowest", "static_last", "dynamic_first", "highest"),
    [
        ("10.96.0.0/24", "10.96.0.1", "10.96.0.16", "10.96.0.17", "10.96.0.254"),
        ("10.96.0.0/16", "10.96.0.1", "10.96.1.0", "10.96.1.1", "10.96.255.254"),
        ("10.96.0.0/12", "10.96.0.1", "10.96.1.0", "10.96.1.1", "10.111.255.254"),
        ("10.96.0.0/27", "10.96.0.1", "10.96.0.16", "10.96.0.17", "10.96.0.30"),
        ("fd00:10:96::/112", "fd00:10:96::1", "fd00:10:96::100", "fd00:10:96::101", "fd00:10:96::ffff"),
    ],
)
def test_bands_of_cluster_ips(cidr, lowest, static_last, dynamic_first, highest):
    bands = cluster_ips.bands(cidr)
    assert cluster_ips.choose_address([cidr], nothing, first) == dynamic_first
    assert cluster_ips.choose_address([cidr], nothing, lambda size: size - 1) == highest
    assert bands.first == int(ip_address(lowest))
    assert bands.dynamic_first - 1 == int(ip_address(static_last))


def test_a_tiny_range_has_no_static_band():
    assert cluster_ips.bands("10.96.0.0/28").static == 0
    assert cluster_ips.choose_address(["10.96.0.0/28"], nothing, first) == "10.96.0.1"


@pytest.mark.parametrize(
    ("port_range", "dynamic_first"),
    [((30000, 32767), 30086), ((30000, 30015), 30000), ((30000, 30100), 30016), ((20000, 40000), 20128)],
)
def test_bands_of_node_ports(port_range, dynamic_first):
    assert node_ports.bands(*port_range).dynamic_first == dynamic_first


KEPT_BACK = "the provided IP ({}) is not in the valid range. The range of valid IPs is 10.96.0.0/24"
ELSEWHERE = "the provided network does not match the current range"


@pytest.mark.parametrize(
    ("ip", "reason"),
    [("10.96.0.0", KEPT_BACK), ("10.96.0.255", KEPT_BACK), ("10.96.1.1", ELSEWHERE), ("fd00::1", ELSEWHERE)],
)
def test_an_address_outside_the_range_is_refused(ip, reason):
    with pytest.raises(AddressRefused) as refusal:
        cluster_ips.check_free(["10.96.0.0/24"], ip, nothing)
    assert str(refusal.value) == reason.format(ip)


def test_addresses_reserved_in_one_range_can_be_allocated_from_another():
    cluster_ips.check_free(["10.96.0.0/24", "10.96.0.0/16"], "10.96.0.255", nothing)


def test_the_next_range_gives_when_the_first_is_full():
    taken = {"10.96.0.1", "10.96.0.2"}.__contains__
    assert cluster_ips.choose_address(["10.96.0.0/30", "10.97.0.0/24"], taken, first) == "10.97.0.17"
    with pytest.raises(RangeFull):
        cluster_ips.choose_address(["10.96.0.0/30"], taken, first)


def test_the_first_address_of_an_ipv6_range_is_kept_back_and_the_last_is_not():
    cluster_ips.check_free(["fd00::/112"], "fd00::ffff", nothing)
    with pytest.raises(AddressRefused):
        cluster_ips.check_free(["fd00::/112"], "fd00::", nothing)


def test_an_address_in_use_is_refused_however_it_is_spelled():
    with pytest.raises(AddressRefused, match="provided IP is already allocated"):
        cluster_ips.check_free(["fd00::/112"], "FD00:0::a", {"fd00::a"}.__contains__)


def test_the_lower_band_is_used_when_the_upper_is_full():
    bands = Bands(1, 30, 16)
    given_out = []
    for _ in range(30):
        given_out.append(choose_free(bands, given_out.__contains__, lambda size: size // 2))
    assert set(given_out[:14]) == set(range(17, 31))
    assert set(given_out[14:]) == set(range(1, 17))
    with pytest.raises(RangeFull, match="range is full"):
        choose_free(bands, given_out.__contains__, first)


def test_choosing_costs_one_look_up_in_an_empty_range_and_one_for_each_number_passed():
    asked = []

    def taken(number):
        asked.append(number)
        return number < 1010

    assert choose_free(Bands(0, 65535, 256), taken, lambda size: 1000 - 256) == 1010
    assert asked == list(range(1000, 1011))
    asked.clear()
    assert choose_free(Bands(0, 2**64, 256), taken, lambda size: size // 3) in asked
    assert len(asked) == 1


@settings(max_examples=60)
@given(st.integers(1, 60), st.integers(0, 20), st.data())
def test_a_number_is_never_given_twice_and_all_are_given(size, static, data):
    bands = Bands(100, 99 + size, min(static, size))
    given_out = []
    for _ in range(size):
        given_out.append(choose_free(bands, given_out.__contains__, lambda n: data.draw(st.integers(0, n - 1))))
    assert sorted(given_out) == list(range(100, 100 + size))
    assert sorted(given_out[: size - bands.static]) == list(range(bands.dynamic_first, 100 + size))


def pool(kind=NodePorts, held=()):
    return kind(node_ports.bands(30000, 32767), set(held).__contains__, first)


def test_ports_taken_in_one_request_are_used_up():
    ports = pool(held=[30086])
    assert [ports.take_any(), ports.take_any()] == [30087, 30088]
    ports.take(30000)
    assert list(ports.taken) == [30087, 30088, 30000]
    with pytest.raises(PortRefused, match="provided port is already allocated"):
        ports.take(30000)


@pytest.mark.parametrize("port", [80, 29999, 32768, -1])
def test_a_port_outside_the_range_is_refused(port):
    reason = "provided port is not in the valid range. The range of valid ports is 30000-32767"
    with pytest.raises(PortRefused, match=reason):
        pool().take(port)


def test_a_full_range_of_ports():
    ports = NodePorts(Bands(1, 1, 0), nothing, first)
    assert ports.take_any() == 1
    with pytest.raises(RangeFull):
        ports.take_any()


def test_a_dry_run_makes_ports_up_but_notices_a_clash():
    ports = pool(DryRunNodePorts, held=[30080])
    assert [ports.take_any(), ports.take_any()] == [32769, 32770]
    ports.take(80)
    with pytest.raises(PortRefused, match="already allocated"):
        ports.take(30080)
