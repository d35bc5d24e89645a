"""The API server beside Debian's etcd, which keeps values of the same size: writes, a long list, watches and memory.

Eight clients, each with one connection and one request at a time. The load is sent by a process of its own, so that on
a machine of two cores server and load have one each. etcd is asked through its JSON gateway: one more hop than gRPC and
values in base64, so its figures are low rather than high; take the ratios as orders of magnitude. Both wait for the
disk on every commit, and both may group waiting writes into one. What etcd does not do at all is what an API server is
for: defaults, validation, allocation of virtual IPs, one encoding of a change for all its watchers.
"""

import asyncio
import base64
import json
import shutil
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from bench._servers import Connection, Server, etcd, fairlead

CLIENTS = 8
CREATES = 4000
SERVICES = 5000
WATCHERS = 200
CHANGES = 50
PAYLOAD = "y" * 600

Request = tuple[str, str, object]
KEYS = "/registry/"
ALL_KEYS = {
    "key": base64.b64encode(KEYS.encode()).decode(),
    "range_end": base64.b64encode(b"/registry0").decode(),  # the prefix's end: "0" follows "/"
}


class Figures(NamedTuple):
    """What is measured of one server: writes per second, seconds, and MiB."""

    writes: float
    service_writes: float
    listing: float
    delays: list[float]
    empty: float
    full: float


def config_map(number: int) -> dict[str, object]:
    return {"metadata": {"name": f"m{number}"}, "data": {"x": PAYLOAD}}


def service(number: int) -> dict[str, object]:
    name = f"s{number}"
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def slice_of(number: int) -> dict[str, object]:
    """The EndpointSlice that the controller would make for the Service."""
    name = f"s{number}"
    return {
        "metadata": {"name": f"{name}-x", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [f"10.244.{number // 250}.{number % 250 + 1}"], "conditions": {"ready": True}}],
        "ports": [{"name": "http", "port": 8080}],
    }


def create_map(number: int) -> Request:
    return "POST", "/api/v1/namespaces/default/configmaps", config_map(number)


def create_service(number: int) -> Request:
    return "POST", "/api/v1/namespaces/default/services", service(number)


def create_slice(number: int) -> Request:
    return "POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice_of(number)


def put(kind: str, document: Callable[[int], object], server_adds: int) -> Callable[[int], Request]:
    """A put as long as what the API server stores: the document with what the server adds to it, in octets."""

    def request(number: int) -> Request:
        value = json.dumps([document(number), "x" * server_adds]).encode()
        key = base64.b64encode(f"{KEYS}{kind}/default/{number}".encode()).decode()
        return "POST", "/v3/kv/put", {"key": key, "value": base64.b64encode(value).decode()}

    return request


async def per_second(server: Server, count: int, request: Callable[[int], Request]) -> float:
    """Writes of all clients together."""
    numbers = iter(range(count))
    connections = [await Connection.open(server.port, server.token) for _ in range(CLIENTS)]

    async def client(connection: Connection) -> None:
        for number in numbers:
            await connection.ask(*request(number))

    start = time.perf_counter()
    await asyncio.gather(*(client(connection) for connection in connections))
    took = time.perf_counter() - start
    for connection in connections:
        connection.close()
    return count / took


async def list_seconds(server: Server, request: Request) -> float:
    connection = await Connection.open(server.port, server.token)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        await connection.ask(*request)
        times.append(time.perf_counter() - start)
    connection.close()
    return statistics.median(times)


async def watch_delays(server: Server, watch: Request, preamble: int, change: Callable[[int], Request]) -> list[float]:
    """Seconds from sending a change to the last of all watchers having seen it.

    Args:
        preamble: chunks that a watch begins with, before the first change.
    """
    watchers = [await Connection.open(server.port, server.token) for _ in range(WATCHERS)]
    writer = await Connection.open(server.port, server.token)
    for watcher in watchers:
        watcher.send(*watch)
    for watcher in watchers:
        await watcher.head()
        for _ in range(preamble):
            await watcher.chunk()
    delays = []
    for number in range(SERVICES, SERVICES + CHANGES):
        start = time.perf_counter()
        writing: Awaitable[bytes] = asyncio.ensure_future(writer.ask(*change(number)))
        await asyncio.gather(*(watcher.chunk() for watcher in watchers))
        delays.append(time.perf_counter() - start)
        await writing
    for connection in [writer, *watchers]:
        connection.close()
    return delays


async def version_of(server: Server) -> str:
    connection = await Connection.open(server.port, server.token)
    page = json.loads(await connection.ask("GET", "/api/v1/services?limit=1"))
    connection.close()
    version: str = page["metadata"]["resourceVersion"]
    return version


async def measure_ours() -> Figures:
    with fairlead() as server:
        empty = server.resident_mib()
        writes = await per_second(server, CREATES, create_map)
    with fairlead() as server:
        service_writes = await per_second(server, SERVICES, create_service)
        await per_second(server, SERVICES, create_slice)
        full = server.resident_mib()
        listing = await list_seconds(server, ("GET", "/api/v1/services", None))
        watch = f"/api/v1/services?watch=1&resourceVersion={await version_of(server)}"
        delays = await watch_delays(server, ("GET", watch, None), 0, create_service)
    return Figures(writes, service_writes, listing, delays, empty, full)


async def measure_etcd() -> Figures:
    with etcd() as server:
        empty = server.resident_mib()
        writes = await per_second(server, CREATES, put("configmaps", config_map, 160))
    with etcd() as server:
        service_writes = await per_second(server, SERVICES, put("services", service, 385))
        services = {**ALL_KEYS, "limit": SERVICES}
        listing = await list_seconds(server, ("POST", "/v3/kv/range", services))
        await per_second(server, SERVICES, put("slices", slice_of, 200))
        full = server.resident_mib()
        watch = ("POST", "/v3/watch", {"create_request": ALL_KEYS})
        delays = await watch_delays(server, watch, 1, put("services", service, 385))
    return Figures(writes, service_writes, listing, delays, empty, full)


def rows(figures: Figures) -> list[tuple[str, str, float]]:
    """What is printed: a name, a unit, a figure."""
    return [
        (f"durable creates, {len(PAYLOAD)} octets, {CLIENTS} clients", "/s", figures.writes),
        (f"durable creates of Services, {CLIENTS} clients", "/s", figures.service_writes),
        (f"list of {SERVICES} Services", "ms", 1000 * figures.listing),
        (f"change seen by all of {WATCHERS} watchers, median", "ms", 1000 * statistics.median(figures.delays)),
        (f"change seen by all of {WATCHERS} watchers, slowest", "ms", 1000 * max(figures.delays)),
        ("memory, empty", "MiB", figures.empty),
        (f"memory, {SERVICES} Services and slices", "MiB", figures.full),
    ]


def main() -> None:
    if not shutil.which("etcd"):
        raise SystemExit("bench: etcd is missing; run make bench, which brings it (Debian: etcd-server)")
    ours, theirs = rows(asyncio.run(measure_ours())), rows(asyncio.run(measure_etcd()))
    print(f"{'':<50}{'fairlead':>10}{'etcd':>10}      ratio")
    for (name, unit, figure), (_, _, peer) in zip(ours, theirs, strict=True):
        print(f"{name:<50}{figure:>10.1f}{peer:>10.1f} {unit:<4}{figure / peer:>6.2f}")


if __name__ == "__main__":
    main()
