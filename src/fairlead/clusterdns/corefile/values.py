"""Values in a Corefile: numbers, durations, zones, networks, types. Each raises ``Wrong`` with what is expected."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_network

import dns.exception
import dns.rcode
import dns.rdatatype

from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.names import IN_ADDR_ARPA, IP6_ARPA, Name, is_valid, to_name
from fairlead.model.addresses import IPNetwork

_DURATION = re.compile(r"(?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+")
_PART = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_NIBBLE, _OCTET = 4, 8  # bits of a label in ip6.arpa, and in in-addr.arpa


def one(directive: Directive) -> str:
    """The only argument."""
    if len(directive.arguments) != 1:
        raise Wrong(f"{directive.name} needs exactly one argument, found {len(directive.arguments)}")
    return directive.arguments[0]


def none(directive: Directive) -> None:
    """Require that there is no argument."""
    if directive.arguments or directive.options:
        raise Wrong(f"{directive.name} takes no arguments")


def number(text: str, name: str, least: int = 0, most: int = 2**31 - 1) -> int:
    """A whole number between two bounds, both included."""
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise Wrong(f"{name}: {text!r} is not a number in range [{least}, {most}]")
    return int(text)


def is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def seconds(text: str, name: str) -> float:
    """A duration as Go writes it, such as ``1m30s`` or ``300ms``; a bare ``0`` too."""
    if text == "0":
        return 0.0
    if not _DURATION.fullmatch(text):
        raise Wrong(f"{name}: {text!r} is not a duration such as 5s or 1m30s")
    return sum(float(amount) * _SECONDS[unit] for amount, unit in _PART.findall(text))


def zones(text: str) -> tuple[Name, ...]:
    """A zone, or the reverse zones of a network: as many as it takes to cover it by whole labels."""
    if "/" not in text:
        name = to_name(text)
        if not is_valid(name):
            raise Wrong(f"{text!r} is not a domain name")
        return (name,)
    return tuple(_reverse_zones(network(text)))


def all_zones(texts: Iterable[str]) -> tuple[Name, ...]:
    return tuple(dict.fromkeys(zone for text in texts for zone in zones(text)))


def network(text: str) -> IPNetwork:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise Wrong(f"{text!r} is not a network such as 10.0.0.0/8") from error


def record_type(text: str) -> int:
    try:
        return int(dns.rdatatype.from_text(text))
    except (dns.exception.DNSException, ValueError) as error:
        raise Wrong(f"{text!r} is not a record type") from error


def rcode(text: str) -> int:
    try:
        return int(dns.rcode.from_text(text))
    except (dns.exception.DNSException, ValueError) as error:
        raise Wrong(f"{text!r} is not a response code") from error


def fallthrough(option: Directive) -> tuple[Name, ...]:
    """The zones whose names go on to the next plugin; all of them when none is named."""
    return all_zones(option.arguments) or ((),)


def _reverse_zones(found: IPNetwork) -> Iterator[Name]:
    step, tree = (_OCTET, IN_ADDR_ARPA) if found.version == 4 else (_NIBBLE, IP6_ARPA)
    whole = -(-found.prefixlen // step) * step
    for subnet in found.subnets(new_prefix=whole):
        labels = to_name(subnet.network_address.reverse_pointer)[:-2]
        yield (*labels[len(labels) - whole // step :], *tree)
