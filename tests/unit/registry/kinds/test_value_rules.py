"""Rules for single values: addresses, ranges, ports, and the advice on how to write them."""

import pytest

from fairlead.registry.kinds.value_rules import (
    cidr_errors,
    cidr_warnings,
    ip_errors,
    ip_warnings,
    port_errors,
    port_name_errors,
    port_or_name_errors,
    special_ip_errors,
)

BAD_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
BAD_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("10.9.8.7", []),
        ("2001:db8::ffff", []),
        ("2001:0db8::0001", []),
        ("10.9.8.07", ["must not have leading 0s"]),
        ("::ffff:10.9.8.7", ["must not be an IPv4-mapped IPv6 address"]),
        ("fe80::1%eth0", [BAD_IP]),
        ("10.9.8", [BAD_IP]),
        ("10.9.8.256", [BAD_IP]),
        ("", [BAD_IP]),
    ],
)
def test_addresses(text, errors):
    assert ip_errors(text) == errors


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("10.9.8.0/24", []),
        ("0.0.0.0/0", []),
        ("2001:db8::/64", []),
        ("0:0::/0", []),
        ("10.9.8.0", [BAD_CIDR]),
        ("10.9.8.0/", [BAD_CIDR]),
        ("10.9.8.0/33", [BAD_CIDR]),
        ("10.9.8.0/255.255.255.0", [BAD_CIDR]),
        ("10.9.8.0/24/24", [BAD_CIDR]),
        ("", [BAD_CIDR]),
        ("010.9.8.0/24", ["must not have leading 0s in IP or prefix length"]),
        ("10.9.8.0/024", ["must not have leading 0s in IP or prefix length"]),
        ("::ffff:10.0.0.0/104", ["must not have an IPv4-mapped IPv6 address"]),
        ("10.9.8.7/24", ["must not have bits set beyond the prefix length"]),
        ("2001:db8::1/64", ["must not have bits set beyond the prefix length"]),
    ],
)
def test_ranges(text, errors):
    assert cidr_errors(text) == errors


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("192.0.2.1", []),
        ("nonsense", []),
        ("0.0.0.0", ["may not be unspecified (0.0.0.0 or ::)"]),
        ("::1", ["may not be in the loopback range (127.0.0.0/8, ::1/128)"]),
        ("fe80::1", ["may not be in the link-local range (169.254.0.0/16, fe80::/10)"]),
        ("224.0.0.251", ["may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"]),
        ("224.0.1.1", []),
    ],
)
def test_addresses_that_mean_here(text, reasons):
    assert [fault.detail for fault in special_ip_errors("ip", text)] == reasons


def test_advice_on_writing():
    assert ip_warnings("ip", "2001:DB8:0::1") == [
        'ip: IPv6 address "2001:DB8:0::1" should be in RFC 5952 canonical format ("2001:db8::1")'
    ]
    assert cidr_warnings("c", "2001:DB8::/64") == [
        'c: IPv6 CIDR value "2001:DB8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")'
    ]
    assert ip_warnings("ip", "2001:db8::1") == ip_warnings("ip", "10.0.0.1") == ip_warnings("ip", "x") == []
    assert cidr_warnings("c", "2001:db8::/64") == cidr_warnings("c", "10.0.0.0/8") == cidr_warnings("c", "x") == []


@pytest.mark.parametrize(("port", "valid"), [(1, True), (65535, True), (0, False), (65536, False), (-1, False)])
def test_ports(port, valid):
    assert port_errors(port) == ([] if valid else ["must be between 1 and 65535, inclusive"])
    assert port_or_name_errors(port) == port_errors(port)


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("http", True),
        ("a", True),
        ("8080-tcp", True),
        ("fifteen-letters", True),
        ("sixteen-letters-", False),
        ("", False),
    ],
)
def test_port_names(name, valid):
    assert (port_name_errors(name) == []) is valid
    assert port_or_name_errors(name) == port_name_errors(name)
