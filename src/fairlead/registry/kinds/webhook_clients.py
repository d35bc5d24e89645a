"""Validation of the ``clientConfig`` of webhooks.

Upstream: apiserver ``pkg/util/webhook/validation.go``.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, invalid, required
from fairlead.registry.kinds.value_rules import port_errors

_VERSIONS = ("v1", "v1beta1")
_EXACTLY_ONE = "exactly one of url or service is required"


def review_version_faults(path: str, versions: Any) -> Iterator[FieldError]:
    """The faults of the versions of reviews that a webhook understands."""
    if not versions:
        yield required(path, f"must specify one of {', '.join(_VERSIONS)}")
    elif not set(versions) & set(_VERSIONS):
        yield invalid(path, list(versions), f"must include at least one of {', '.join(_VERSIONS)}")


def client_faults(path: str, client: Doc) -> Iterator[FieldError]:
    """The faults of a ``clientConfig``."""
    if not _is_base64(client.get("caBundle") or ""):
        yield invalid(f"{path}.caBundle", client["caBundle"], "must be base64")
    url, service = client.get("url"), client.get("service") or {}
    if (url is None) == ("service" not in client):
        yield required(path, _EXACTLY_ONE)
    elif url is not None:
        parts = urlsplit(url) if url.startswith("https://") else None
        if parts is None or not parts.netloc:
            yield invalid(
                f"{path}.url", url, "'https' is the only allowed URL scheme; desired format: https://host[/path]"
            )
        elif parts.username or parts.query or parts.fragment:
            yield invalid(f"{path}.url", url, "user information, query parameters and fragments are not permitted")
    else:
        yield from (required(f"{path}.service.{each}") for each in ("name", "namespace") if not service.get(each))
        yield from (invalid(f"{path}.service.port", service["port"], why) for why in port_errors(service["port"]))
        where = service.get("path")
        if where is not None and not where.startswith("/"):
            yield invalid(f"{path}.service.path", where, "must start with a '/'")


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
