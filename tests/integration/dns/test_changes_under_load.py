"""Changes while clients ask: a real API server, ``fairlead dns`` in front of it, dnsperf, and a client that watches.

What a change is measured against is the moment when a watching client of the API hears of it. On a machine that does
nothing else no reply is older than 100 ms by that clock, and most are ahead of it; the distribution is printed, since a
busy machine may hold up any of five processes. What must hold everywhere is the order: no reply shows what was never
there, nobody sees the past after the present, no query is lost, and in the end everybody sees the last change.
"""

import asyncio
import re
import socket
import time
from bisect import bisect_right

import dns.message
import dns.query
import msgspec
import pytest

from fairlead.drivers.kube.client import ENDPOINT_SLICES, SERVICES, KubeClient
from tests.integration.dns.test_process import (
    HOST,
    SERVICE,
    SLICE,
    DnsPorts,
    api_server,
    eventually,
    process,
)
from tests.support.net.ports import free_port

CHANGES = 600
PER_SECOND = 200
WRITERS = 4  # requests under way at once
ASKERS = 2
STATES = 30  # of the CHANGES that replies show at least, on however slow a machine

NAME = "web.default.svc.cluster.local."
# What dnsperf asks, and the rcode of the answer, which no change here may alter.
ASKED = {
    f"{NAME} A": "NOERROR",
    f"{NAME} AAAA": "NOERROR",
    f"_http._tcp.{NAME} SRV": "NOERROR",
    "kubernetes.default.svc.cluster.local. A": "NOERROR",
    f"web.default.{NAME} A": "NXDOMAIN",
    f"www.example.com.{NAME} A": "NXDOMAIN",
}
ASKED_PER_SECOND = 1000


def address_of(number: int) -> str:
    return f"10.9.{number // 250}.{number % 250 + 1}"


class Observer:
    """When a watching client heard of each address, in the order of the API; and what askers were told."""

    def __init__(self):
        self.order: dict[str, int] = {address_of(0): 0}
        self.heard = [0.0]  # monotonic seconds, by place in the order
        self.replies: list[tuple[int, float, str]] = []  # asker, when it asked, what it was told
        self.complete, self.done = asyncio.Event(), asyncio.Event()

    async def watch(self, client: KubeClient, version: str) -> None:
        query = {"resourceVersion": version, "fieldSelector": f"metadata.name={SLICE['metadata']['name']}"}
        async for event in client.watch(ENDPOINT_SLICES.path("default"), query):
            (endpoint,) = msgspec.json.decode(event.object)["endpoints"]
            self.order[endpoint["addresses"][0]] = len(self.heard)
            self.heard.append(time.monotonic())
            if len(self.heard) > CHANGES:
                self.complete.set()
                return

    async def ask_until_done(self, asker: int, port: int) -> None:
        """Ask one after the other."""
        loop = asyncio.get_running_loop()
        query = dns.message.make_query(NAME, "A").to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.connect((HOST, port))
            while not self.done.is_set():
                asked = time.monotonic()
                await loop.sock_sendall(client, query)
                async with asyncio.timeout(60):
                    reply = dns.message.from_wire(await loop.sock_recv(client, 512))
                self.replies.append((asker, asked, reply.answer[0][0].address))

    def ages(self) -> list[float]:
        """For each reply, how long its successor had been heard of when it was asked for: seconds, 0 when not yet."""
        found = []
        for _, asked, address in self.replies:
            place = self.order[address]
            newest = bisect_right(self.heard, asked) - 1
            found.append(asked - self.heard[place + 1] if place < newest else 0.0)
        return sorted(found)


async def change(client: KubeClient, numbers) -> None:
    """One of several writers, which share the numbers."""
    path = ENDPOINT_SLICES.path("default", SLICE["metadata"]["name"])
    for number, due in numbers:
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        await client.patch(path, {"endpoints": [{"addresses": [address_of(number)]}]})


async def change_for_a_while(client: KubeClient) -> float:
    """Make all changes; how many there were in a second."""
    started = time.monotonic()
    numbers = iter([(number, started + number / PER_SECOND) for number in range(1, CHANGES + 1)])
    await asyncio.gather(*(change(client, numbers) for _ in range(WRITERS)))
    return CHANGES / (time.monotonic() - started)


async def dnsperf(questions, port: int) -> str:
    """All that dnsperf says of asking for about as long as the changes last: a line per reply, then its totals."""
    rounds = ASKED_PER_SECOND * CHANGES // PER_SECOND // len(ASKED)
    options = {"-s": HOST, "-p": port, "-d": questions, "-n": rounds, "-Q": ASKED_PER_SECOND, "-t": 60}
    arguments = [str(word) for option in options.items() for word in option]
    program = await asyncio.create_subprocess_exec("dnsperf", "-v", *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await program.communicate()
    return output.decode()


async def observed(kubeconfig, port: int, questions) -> tuple[Observer, float, str]:
    observer = Observer()
    async with KubeClient.from_kubeconfig(kubeconfig) as client:
        ports = [{"name": "http", "port": 80}]
        spec = {**SERVICE["spec"], "ports": ports}
        await client.create(SERVICES.path("default"), {**SERVICE, "spec": spec})
        slice_ = {**SLICE, "endpoints": [{"addresses": [address_of(0)]}], "ports": ports}
        created = await client.create(ENDPOINT_SLICES.path("default"), slice_)
        watching = asyncio.create_task(observer.watch(client, created["metadata"]["resourceVersion"]))
        await asyncio.to_thread(eventually, lambda: answered(port), address_of(0))
        asking = [asyncio.create_task(observer.ask_until_done(asker, port)) for asker in range(ASKERS)]
        rate, output = await asyncio.gather(change_for_a_while(client), dnsperf(questions, port))
        await asyncio.wait_for(observer.complete.wait(), 60)
        last = max(observer.order, key=observer.order.get)
        await asyncio.to_thread(eventually, lambda: answered(port), last)
        observer.done.set()
        await asyncio.gather(watching, *asking)
    return observer, rate, output


def answered(port: int) -> str | None:
    reply = dns.query.udp(dns.message.make_query(NAME, "A"), HOST, timeout=2, port=port)
    return reply.answer[0][0].address if reply.answer else None


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run for all that is asked of it."""
    directory, ports = tmp_path_factory.mktemp("changes"), DnsPorts()
    questions = directory / "questions"
    questions.write_text("\n".join(ASKED) + "\n")
    with api_server(directory, free_port()) as kubeconfig, process(*ports.arguments(kubeconfig)):
        eventually(lambda: ports.page(ports.ready, "/ready"), (200, "OK"))
        yield asyncio.run(observed(kubeconfig, ports.dns, questions))


def test_no_reply_shows_an_impossible_state_or_goes_back_in_time(run):
    observer, _, _ = run
    assert len(observer.order) == CHANGES + 1
    for asker in range(ASKERS):
        places = [observer.order[address] for asked_by, _, address in observer.replies if asked_by == asker]
        assert len(places) > 100
        assert places == sorted(places)


def test_replies_follow_the_changes(run):
    observer, rate, _ = run
    ages = [age * 1000 for age in observer.ages()]
    late = sum(age > 100 for age in ages)
    print(
        f"\n{rate:.0f} changes per second, {len(ages)} replies; age in ms: median {ages[len(ages) // 2]:.1f}, "
        f"99 % {ages[len(ages) * 99 // 100]:.1f}, oldest {ages[-1]:.1f}; {late} above 100 ms"
    )
    assert len({address for _, _, address in observer.replies}) > STATES


def test_dnsperf_loses_no_query_and_gets_no_wrong_answer(run):
    _, _, output = run
    totals = dict(re.findall(r"Queries (sent|completed|lost): +(\d+)", output))
    assert totals["completed"] == totals["sent"]
    assert totals["lost"] == "0"
    heard = re.findall(r"^> (\w+) (\S+ \w+) [\d.]+$", output, re.MULTILINE)
    assert len(heard) == int(totals["sent"]) > CHANGES
    assert {(question, rcode) for rcode, question in heard} == set(ASKED.items())
