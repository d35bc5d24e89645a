"""Marks: reports of a part that it has acted on a version of an object, one for each station of a change."""

import enum

import msgspec


class Station(enum.StrEnum):
    """The stations of a change, in their order."""

    OBJECT = "object"  # the API has a Service or a NetworkPolicy
    STATUS = "status"  # a node has told the API how a Pod is
    SLICE = "slice"  # a controller has written an EndpointSlice
    NAMES = "names"  # a DNS server answers by it
    RULES = "rules"  # a node's kernel forwards by it


class Mark(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part, one object, one version.

    Attributes:
        part: whose mark it is: the name of a node, or of a DNS server's Pod.
        version: the resourceVersion that was acted on.
        began, done: Unix time in seconds: when the part learned of it (or decided it itself), and when it had acted.
    """

    part: str
    station: Station
    kind: str
    namespace: str
    name: str
    version: int
    began: float
    done: float
