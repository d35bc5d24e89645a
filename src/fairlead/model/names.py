"""Names and how they may be spelled.

Rules are those of upstream's apimachinery ``pkg/util/validation``, whose messages are repeated word for word
because users and tests look for them.
"""

import re
from typing import NamedTuple

DNS1123_LABEL_MAX = 63  # RFC 1035 section 2.3.4
DNS1123_SUBDOMAIN_MAX = 253  # 255 octets of a message less the first length byte and the root

_DNS1123_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_DNS1123_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DNS1035_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


class ObjectKey(NamedTuple):
    """Namespace and name of an object; the namespace of a cluster-scoped one is ``""``."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def dns1123_label_errors(value: str) -> list[str]:
    """Reasons why ``value`` is not an RFC 1123 label; empty when it is one."""
    errors = _too_long(value, DNS1123_LABEL_MAX)
    if _DNS1123_LABEL.fullmatch(value):
        return errors
    if _DNS1123_SUBDOMAIN.fullmatch(value):
        errors.append("must not contain dots")
    else:
        errors.append(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
            "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        )
    return errors


def dns1123_subdomain_errors(value: str) -> list[str]:
    """Reasons why ``value`` is not an RFC 1123 subdomain; empty when it is one."""
    errors = _too_long(value, DNS1123_SUBDOMAIN_MAX)
    if not _DNS1123_SUBDOMAIN.fullmatch(value):
        errors.append(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
            "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
            r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        )
    return errors


def dns1035_label_errors(value: str) -> list[str]:
    """Reasons why ``value`` is not an RFC 1035 label (which starts with a letter); empty when it is one."""
    errors = _too_long(value, DNS1123_LABEL_MAX)
    if not _DNS1035_LABEL.fullmatch(value):
        errors.append(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
            "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
            "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
        )
    return errors


def _too_long(value: str, limit: int) -> list[str]:
    return [f"must be no more than {limit} bytes"] if len(value.encode()) > limit else []
