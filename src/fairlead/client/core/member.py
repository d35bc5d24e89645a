"""An endpoint of the set, with what one client knows of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fairlead.client.core.endpoint import Endpoint
from fairlead.client.core.health import EndpointHealth


@dataclass(slots=True, eq=False)
class Member:
    """One endpoint. Two of the same address are two: a request holds on to the one that it was given.

    Attributes:
        in_flight: requests under way.
        role: the result of a probe; None while it is unknown.
    """

    endpoint: Endpoint
    health: EndpointHealth = field(default_factory=EndpointHealth)
    in_flight: int = 0
    role: str | None = None


Members = Sequence[Member]
