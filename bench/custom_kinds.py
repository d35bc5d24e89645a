"""Objects of a kind that users define beside as many ConfigMaps of the same size: writes, a long list, watches, memory.

A custom kind has a schema to hold each object against, so its writes cost more; lists and watches hand out the bytes
that are stored, and so should cost the same.
"""

import asyncio
import statistics
from collections.abc import Callable
from typing import NamedTuple

from bench._servers import Server, fairlead
from bench.api import CLIENTS, PAYLOAD, WATCHERS, list_seconds, per_second, version_of, watch_delays

OBJECTS = 10_000
GROUP = "bench.example.com"
MAPS, THINGS = "/api/v1/namespaces/default/configmaps", f"/apis/{GROUP}/v1/namespaces/default/things"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

Request = tuple[str, str, object]


class Figures(NamedTuple):
    """What is measured of one kind: writes per second, seconds, and MiB that the objects take."""

    writes: float
    listing: float
    delays: list[float]
    memory: float


def definition() -> dict[str, object]:
    spec = {"type": "object", "properties": {"text": {"type": "string"}, "count": {"type": "integer", "default": 1}}}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    names = {"plural": "things", "singular": "thing", "kind": "Thing"}
    return {
        "metadata": {"name": f"things.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def create_map(number: int) -> Request:
    return "POST", MAPS, {"metadata": {"name": f"m{number}"}, "data": {"text": PAYLOAD, "count": "1"}}


def create_thing(number: int) -> Request:
    thing = {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": {"name": f"m{number}"}}
    return "POST", THINGS, {**thing, "spec": {"text": PAYLOAD}}


async def measure(url: str, create: Callable[[int], Request]) -> Figures:
    with fairlead() as server:
        await per_second(server, 1, lambda number: ("POST", DEFINITIONS, definition()))
        empty = server.resident_mib()
        writes = await per_second(server, OBJECTS, create)
        memory = server.resident_mib() - empty
        listing = await list_seconds(server, ("GET", url, None))
        delays = await delays_of(server, url, create)
    return Figures(writes, listing, delays, memory)


async def delays_of(server: Server, url: str, create: Callable[[int], Request]) -> list[float]:
    watch = f"{url}?watch=1&resourceVersion={await version_of(server)}"
    return await watch_delays(server, ("GET", watch, None), 0, lambda number: create(OBJECTS + number))


def rows(figures: Figures) -> list[tuple[str, str, float]]:
    """What is printed: a name, a unit, a figure."""
    return [
        (f"durable creates, {len(PAYLOAD)} octets, {CLIENTS} clients", "/s", figures.writes),
        (f"list of {OBJECTS} objects", "ms", 1000 * figures.listing),
        (f"change seen by all of {WATCHERS} watchers, median", "ms", 1000 * statistics.median(figures.delays)),
        (f"memory of {OBJECTS} objects", "MiB", figures.memory),
    ]


def main() -> None:
    things, maps = rows(asyncio.run(measure(THINGS, create_thing))), rows(asyncio.run(measure(MAPS, create_map)))
    print(f"{'':<50}{'custom':>10}{'ConfigMap':>10}      ratio")
    for (name, unit, figure), (_, _, peer) in zip(things, maps, strict=True):
        print(f"{name:<50}{figure:>10.1f}{peer:>10.1f} {unit:<4}{figure / peer:>6.2f}")


if __name__ == "__main__":
    main()
