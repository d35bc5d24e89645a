"""The text of an Event, without the object that it is about."""

from typing import NamedTuple


class EventText(NamedTuple):
    """What an Event says.

    Attributes:
        reason: in CamelCase, for machines.
        message: for people.
        type: Normal or Warning.
    """

    reason: str
    message: str
    type: str = "Normal"
