"""From JSON (or the dictionaries made of it) to slim objects.

Readers must survive what the API server of any cluster sends: unknown fields are ignored, and what cannot be read
names the field.
"""

from typing import Any, TypeVar

import msgspec

from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import EndpointSlice, Namespace, Node, Pod, Service
from fairlead.model.snapshot import Member

T = TypeVar("T", bound=msgspec.Struct)

KINDS: dict[str, type[Member]] = {
    "Namespace": Namespace,
    "Service": Service,
    "EndpointSlice": EndpointSlice,
    "Pod": Pod,
    "Node": Node,
    "NetworkPolicy": NetworkPolicy,
}


class DecodeError(ValueError):
    """A document that is not an object of the kind; the message ends in the path of the field at fault."""


def decode(type_: type[T], document: bytes | str | dict[str, Any]) -> T:
    """A slim object from JSON text or from an already parsed document.

    Raises:
        DecodeError: a field has the wrong type, or the text is not JSON.
    """
    try:
        if isinstance(document, dict):
            return msgspec.convert(document, type_)
        return msgspec.json.decode(document, type=type_)
    except msgspec.DecodeError as error:
        raise DecodeError(str(error)) from error
