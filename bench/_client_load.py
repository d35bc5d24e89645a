"""Clients side by side in a Pod: ``python -m bench._client_load SECONDS LATE`` (see ``bench.client``).

Each makes requests at the same steady rate, each request with a connection of its own, and prints one line for each:
when it began, by the clock that all processes of this machine share, which client, and the Pod that answered. One
client starts LATE seconds after the others.
"""

import asyncio
import contextlib
import random
import socket
import sys
import time
from collections.abc import Awaitable, Callable

from fairlead.client import AsyncBalancer, Dns, Endpoint, NoEndpoints, Slices

NAME, PORT = "web.default.svc.cluster.local.", 80
RATE = 20  # requests per second of each client
PATIENCE = 1.0  # seconds for one attempt

Request = Callable[[], Awaitable[str]]  # the name of the Pod that answered


async def ask(endpoint: Endpoint) -> str:
    """The name of the Pod that answers there."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(endpoint.address, endpoint.port)
        try:
            writer.write(b"GET /hostname HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n")
            return (await reader.readuntil(b"\r\n\r\n") + await reader.read()).decode().rpartition("\r\n")[2]
        finally:
            writer.close()


async def look_up() -> list[Endpoint]:
    """As most programs do: what the C library says."""
    found = await asyncio.get_running_loop().getaddrinfo(NAME, PORT, family=socket.AF_INET, type=socket.SOCK_STREAM)
    return [Endpoint(*address[:2]) for *_, address in found]


def first_address() -> Request:
    """Looks up for each request, takes the first address."""

    async def request() -> str:
        return await ask((await look_up())[0])

    return request


def resolve_once() -> Request:
    """Looks up for the first request, then spreads over what it got, indefinitely."""
    known: list[Endpoint] = []

    async def request() -> str:
        if not known:
            known.extend(await look_up())
        return await ask(random.choice(known))

    return request


def pick_alone(balancer: AsyncBalancer) -> Request:
    async def request() -> str:
        async with balancer.pick() as endpoint:
            return await ask(endpoint)

    return request


def call(balancer: AsyncBalancer) -> Request:
    return lambda: balancer.call(ask)


async def keep_asking(client: str, request: Request, seconds: float, late: float = 0.0) -> None:
    """Requests at a steady rate, however long each takes."""
    await asyncio.sleep(late)
    begin = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * RATE)):
            await asyncio.sleep(max(0.0, begin + number / RATE - time.monotonic()))
            group.create_task(one(client, request))


async def one(client: str, request: Request) -> None:
    began = time.monotonic()
    pod = ""
    with contextlib.suppress(OSError, EOFError, NoEndpoints):
        pod = await request()
    print(f"{began:.3f}\t{client}\t{pod}", flush=True)


async def main(seconds: float, late: float) -> None:
    async with (
        AsyncBalancer(Dns(NAME, PORT)) as by_dns,
        AsyncBalancer(Dns(NAME, PORT)) as by_dns_with_retry,
        AsyncBalancer(Slices("web", PORT)) as by_slices,
        asyncio.TaskGroup() as group,
    ):
        clients = {
            "first address": first_address(),
            "resolve once": resolve_once(),
            "Dns, pick": pick_alone(by_dns),
            "Dns, call": call(by_dns_with_retry),
            "Slices, call": call(by_slices),
        }
        for client, request in clients.items():
            group.create_task(keep_asking(client, request, seconds))
        group.create_task(keep_asking("resolve once, late", resolve_once(), seconds - late, late))


if __name__ == "__main__":
    asyncio.run(main(*map(float, sys.argv[1:])))
