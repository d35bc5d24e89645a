"""The rules of faults between Pods."""

import pytest

from fairlead.lab.delays import source_of
from fairlead.lab.delays import table as late_table
from fairlead.lab.errors import LabError
from fairlead.lab.packet_rules import dropping, resetting, table


def test_loss_is_in_both_directions_and_families():
    assert dropping(["10.1.1.1", "fd00::1"], 100, 0) == [
        "input ip saddr 10.1.1.1 drop",
        "output ip daddr 10.1.1.1 drop",
        "input ip6 saddr fd00::1 drop",
        "output ip6 daddr fd00::1 drop",
    ]


@pytest.mark.parametrize(
    ("percent", "every", "chance"),
    [(25, 0, "numgen random mod 10000 < 2500 "), (100, 3, "numgen inc mod 3 0 "), (0.01, 0, "random mod 10000 < 1 ")],
)
def test_a_part_of_the_packets(percent, every, chance):
    assert all(f"{chance}drop" in rule for rule in dropping(["10.1.1.1"], percent, every))


@pytest.mark.parametrize("percent", [0, -1, 101])
def test_an_unknown_part_is_refused(percent):
    with pytest.raises(LabError, match="more than 0 and at most 100"):
        dropping(["10.1.1.1"], percent, 0)


def test_a_table_is_owned_and_has_only_the_chains_that_it_needs():
    assert table(7, resetting(["10.1.1.1"])) == (
        "table inet fairlead-fault-7 { flags owner; chain input { type filter hook input priority -10; "
        "ip saddr 10.1.1.1 meta l4proto tcp reject with tcp reset; }; }"
    )
    assert "ether saddr != 02:de:1a:00:00:01 ip6 saddr fd00::1 drop; " in late_table(7, ["fd00::1"])


def test_the_source_of_a_frame():
    ipv4 = bytes(12) + b"\x08\x00" + bytes(12) + bytes([10, 1, 1, 1]) + bytes(4)
    ipv6 = bytes(12) + b"\x86\xdd" + bytes(8) + bytes(range(16)) + bytes(16)
    assert source_of(ipv4) == bytes([10, 1, 1, 1])
    assert source_of(ipv6) == bytes(range(16))
    assert source_of(bytes(12) + b"\x08\x06" + bytes(28)) == b""
