"""Domain names as tuples of lower-case labels, and how addresses are spelled in them.

A ``Name`` runs from left to right without the root label: ``("kube-dns", "kube-system", "svc", "cluster", "local")``.
Labels are text in Latin-1, one character per octet, so that any octet survives decoding and encoding; matching is
ASCII-case-insensitive (RFC 4343) because names are lowered once, when they are received.
"""

from ipaddress import IPv4Address, IPv6Address

from fairlead.model.addresses import IPAddress, parse_ip

Name = tuple[str, ...]

IN_ADDR_ARPA: Name = ("in-addr", "arpa")
IP6_ARPA: Name = ("ip6", "arpa")

LABEL_MAX = 63  # octets, RFC 1035 section 2.3.4
NAME_MAX = 255  # octets in a message, length octets and root included


def to_name(text: str) -> Name:
    """The name that ``text`` spells, with or without its final dot; ``"."`` is the root, an empty tuple."""
    stripped = text.rstrip(".").lower()
    return tuple(stripped.split(".")) if stripped else ()


def to_text(name: Name) -> str:
    """A name in presentation form, with its final dot."""
    return ".".join(name) + "."


def is_valid(name: Name) -> bool:
    """Whether the name fits into a message: labels of 1 to 63 octets, 255 octets in all (RFC 1035 section 2.3.4)."""
    return all(0 < len(label) <= LABEL_MAX for label in name) and sum(map(len, name)) + len(name) + 1 <= NAME_MAX


def is_within(name: Name, zone: Name) -> bool:
    """Whether ``name`` is ``zone`` or lies below it."""
    return not zone or name[-len(zone) :] == zone


def dashed(address: str) -> str:
    """The label of an endpoint that has no host name: dots and colons become dashes.

    An IPv6 address that ends in ``::`` gets a zero, because no label of a host name ends in a dash (upstream's
    ``endpointHostname``).
    """
    label = address.replace(".", "-").replace(":", "-")
    return label + "0" if label.endswith("-") else label


def from_dashed(label: str) -> IPAddress | None:
    """The address of a Pod record's label, or None: three single dashes make IPv4, anything else is tried as IPv6.

    A label with a zone id (``fe80--1%eth0``) is no address, because a zone id has a meaning on one machine only.
    """
    if "%" in label:
        return None
    if label.count("-") == 3 and "--" not in label:
        return parse_ip(label.replace("-", "."))
    return parse_ip(label.replace("-", ":"))


def reverse_name(address: IPAddress) -> Name:
    """The name under ``in-addr.arpa`` or ``ip6.arpa`` that stands for an address (RFC 1035 3.5, RFC 3596 2.5)."""
    return to_name(address.reverse_pointer)


def from_reverse(name: Name) -> IPAddress | None:
    """The address that a name under ``in-addr.arpa`` or ``ip6.arpa`` spells in full, or None."""
    labels, tree = name[:-2], name[-2:]
    if tree == IN_ADDR_ARPA:
        address = parse_ip(".".join(reversed(labels))) if len(labels) == 4 else None
        return address if isinstance(address, IPv4Address) else None
    return _from_nibbles(labels) if tree == IP6_ARPA and len(labels) == 32 else None


def _from_nibbles(labels: Name) -> IPv6Address | None:
    if any(len(label) != 1 or label not in "0123456789abcdef" for label in labels):
        return None
    return IPv6Address(int("".join(reversed(labels)), 16))
