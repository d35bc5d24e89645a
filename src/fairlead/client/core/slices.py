"""Endpoints as EndpointSlices say them: the ready ones, each with its zone and name."""

from collections.abc import Iterable

from fairlead.client.core.endpoint import Endpoint
from fairlead.model import objects
from fairlead.model.objects import EndpointSlice


def ready_endpoints(
    slices: Iterable[EndpointSlice], port: str | int, families: tuple[str, ...]
) -> tuple[Endpoint, ...]:
    """The ready endpoints of the first family that has any; the same that DNS gives for the Service.

    Args:
        port: the name of a Service port, or the number at which Pods answer.
    """
    slices = tuple(slices)
    for family in families:
        found = [e for s in slices if s.address_type == family for e in _of_slice(s, port)]
        if found:
            return tuple({endpoint.place: endpoint for endpoint in found}.values())
    return ()


def _of_slice(slice_: EndpointSlice, port: str | int) -> list[Endpoint]:
    number = port if isinstance(port, int) else _number(slice_, port)
    if number is None:
        return []
    return [_endpoint(e, number) for e in slice_.endpoints or () if e.is_ready and e.addresses]


def _number(slice_: EndpointSlice, name: str) -> int | None:
    return next((p.port for p in slice_.ports or () if (p.name or "") == name), None)


def _endpoint(found: objects.Endpoint, port: int) -> Endpoint:
    return Endpoint(found.addresses[0], port, found.hostname, found.zone)
