"""Valid names."""

import pytest

from fairlead.model.addresses import IPFamily, family_of, parse_ip
from fairlead.model.names import ObjectKey, dns1035_label_errors, dns1123_label_errors, dns1123_subdomain_errors

LABEL, SUBDOMAIN, DNS1035 = dns1123_label_errors, dns1123_subdomain_errors, dns1035_label_errors

CASES = [
    # rule, text, is valid
    (LABEL, "web", True),
    (LABEL, "8080", True),
    (LABEL, "a" * 63, True),
    (LABEL, "a" * 64, False),
    (LABEL, "", False),
    (LABEL, "-web", False),
    (LABEL, "web-", False),
    (LABEL, "Web", False),
    (LABEL, "web.db", False),
    (LABEL, "web\n", False),
    (SUBDOMAIN, "web.db", True),
    (SUBDOMAIN, "web..db", False),
    (SUBDOMAIN, ".web", False),
    (SUBDOMAIN, ".".join(["a" * 63] * 3 + ["a" * 61]), True),
    (SUBDOMAIN, ".".join(["a" * 63] * 4), False),
    (DNS1035, "web", True),
    (DNS1035, "8web", False),
]


@pytest.mark.parametrize(("rule", "text", "valid"), CASES)
def test_rule(rule, text, valid):
    assert (rule(text) == []) is valid


def test_length_and_format_have_different_messages():
    assert dns1123_label_errors("A" * 64)[0] == "must be no more than 63 bytes"
    assert len(dns1123_label_errors("A" * 64)) == 2


def test_keys_read_as_users_write_them():
    assert str(ObjectKey("default", "web")) == "default/web"
    assert str(ObjectKey("", "node-0")) == "node-0"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [("10.0.0.1", "10.0.0.1"), ("fd00:0::1", "fd00::1"), ("010.0.0.1", None), ("10.0.0", None), ("web", None)],
)
def test_addresses(text, canonical):
    parsed = parse_ip(text)
    assert (str(parsed) if parsed else None) == canonical


def test_the_family_follows_from_the_colon():
    assert (family_of("10.0.0.1"), family_of("fd00::1")) == (IPFamily.IPV4, IPFamily.IPV6)
