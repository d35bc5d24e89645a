"""The enforced formats of strings; other names are ignored.

Upstream: apiextensions-apiserver ``pkg/apiserver/validation/formats.go``, kube-openapi ``pkg/validation/strfmt``.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable
from datetime import date, datetime
from urllib.parse import urlsplit
from uuid import UUID

from fairlead.model.names import dns1123_label_errors, dns1123_subdomain_errors

_LABEL = r"[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,61}[a-zA-Z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(\.{_LABEL})*\.?")
_DURATION = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))*|0")
_MAC = re.compile(r"([0-9a-fA-F]{2}[:-]){5}([0-9a-fA-F]{2}[:-]?){1}([0-9a-fA-F]{2}[:-]?){0,2}")


def has_format(value: str, name: str) -> bool:
    """Whether a string has a format; true for a format that is not enforced."""
    check = _FORMATS.get(name)
    if check is None:
        return True
    try:
        return check(value)
    except (ValueError, binascii.Error):
        return False


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        parse(value)
        return True

    return check


def _date_time(value: str) -> bool:
    return "T" in value.upper() and datetime.fromisoformat(value.upper()).tzinfo is not None


def _is_uuid(version: int) -> Callable[[str], bool]:
    return lambda value: UUID(value).version == version


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


_FORMATS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _matches(r"[0-9a-fA-F]{24}"),
    "byte": _parses(lambda value: base64.b64decode(value, validate=True)),
    "cidr": _parses(lambda value: ipaddress.ip_network(value, strict=False)),
    "date": lambda value: len(value) == 10 and bool(date.fromisoformat(value)),
    "date-time": _date_time,
    "datetime": _date_time,
    "duration": lambda value: _DURATION.fullmatch(value) is not None,
    "email": lambda value: re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None,
    "hexcolor": _matches(r"#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})"),
    "hostname": lambda value: _HOST_NAME.fullmatch(value) is not None,
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "k8s-long-name": lambda value: not dns1123_subdomain_errors(value),
    "k8s-short-name": lambda value: not dns1123_label_errors(value),
    "mac": lambda value: _MAC.fullmatch(value) is not None,
    "rgbcolor": _matches(r"rgb\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*\)"),
    "ssn": _matches(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    "uri": lambda value: bool(urlsplit(value).scheme) or value.startswith("/"),
    "uuid": _parses(UUID),
    **{f"uuid{version}": _is_uuid(version) for version in (3, 4, 5)},
}
