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
        role: what a probe said it is; None while that is not known.
    """

    endpoint: Endpoint
    health: EndpointHealth = field(default_factory=EndpointHealth)
    in_flight: int = 0
    role: str | None = None


Members = Sequence[Member]
