"""Changes while clients ask: no reply is older than the change that was published before it was asked for."""

import asyncio
import re
import socket
import time
from functools import partial

import dns.message
from tests.dns_cases import CLUSTER, SUFFIX, ZONE, service, slice_

from fairlead.clusterdns.authority import Authority
from fairlead.drivers.dns_server import DnsServer
from fairlead.drivers.dns_services import Services

HOST = "127.0.0.1"
CHANGES = 300
PER_SECOND = 200
ASKERS = 8

# What dnsperf asks, and the rcode of the answer, which no change here may alter.
ASKED = {
    f"moving.{SUFFIX} A": "NOERROR",
    f"moving.{SUFFIX} AAAA": "NOERROR",
    f"_http._tcp.moving.{SUFFIX} SRV": "NOERROR",
    f"svc1.{SUFFIX} A": "NOERROR",
    f"svc1.testns.{SUFFIX} A": "NXDOMAIN",
    f"www.example.com.{SUFFIX} A": "NXDOMAIN",
}
ASKED_PER_SECOND = 3000


async def ask_for_ever(port, published, replies, done):
    """Ask one after the other, and note for each reply which change was published before its question was sent."""
    loop = asyncio.get_running_loop()
    query = dns.message.make_query(f"moving.{SUFFIX}", "A").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect((HOST, port))
        while not done.is_set():
            before = published[0]
            await loop.sock_sendall(client, query)
            reply = dns.message.from_wire(await asyncio.wait_for(loop.sock_recv(client, 512), 2))
            replies.append((before, number_of(reply.answer[0][0].address)))


def address_of(number):
    return f"10.9.{number // 250}.{number % 250 + 1}"


def number_of(address):
    _, _, high, low = address.split(".")
    return int(high) * 250 + int(low) - 1


async def change_for_a_while(authority, published):
    started = time.monotonic()
    for number in range(1, CHANGES):
        before, after = (slice_("moving", address_of(n)) for n in (number - 1, number))
        authority.change(before, after, 0)
        published[0] = number
        await asyncio.sleep(max(0.0, started + number / PER_SECOND - time.monotonic()))


async def serve_and_change(beside):
    """Change while askers ask, and while ``beside`` does what it does with the port; what it gives, and the replies."""
    authority = Authority(ZONE)
    for object_ in (*CLUSTER, service("moving"), slice_("moving", address_of(0))):
        authority.change(None, object_, 0)
    authority.finish_sync(0)
    server = DnsServer(authority, Services(None))
    await server.listen((HOST,), 0)
    published, replies, done = [0], [], asyncio.Event()
    try:
        askers = [asyncio.create_task(ask_for_ever(server.port, published, replies, done)) for _ in range(ASKERS)]
        found, _ = await asyncio.gather(beside(server.port), change_for_a_while(authority, published))
        done.set()
        await asyncio.gather(*askers)
    finally:
        server.close()
    return found, replies


async def nothing_beside(_):
    """The askers are alone."""


async def dnsperf(questions, port):
    """All that dnsperf says of asking for about as long as the changes last: a line per reply, then its totals."""
    rounds = ASKED_PER_SECOND * CHANGES // PER_SECOND // len(ASKED)
    options = {"-s": HOST, "-p": port, "-d": questions, "-n": rounds, "-Q": ASKED_PER_SECOND}
    arguments = [str(word) for option in options.items() for word in option]
    program = await asyncio.create_subprocess_exec("dnsperf", "-v", *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await program.communicate()
    return output.decode()


def assert_none_is_stale(replies):
    assert len(replies) > CHANGES
    assert [(before, seen) for before, seen in replies if seen < before] == []


def test_no_reply_is_lost_or_older_than_what_was_published_before_its_question():
    _, replies = asyncio.run(serve_and_change(nothing_beside))
    assert_none_is_stale(replies)


def test_dnsperf_loses_no_query_and_nobody_hears_anything_wrong_meanwhile(tmp_path):
    questions = tmp_path / "questions"
    questions.write_text("\n".join(ASKED) + "\n")
    output, replies = asyncio.run(serve_and_change(partial(dnsperf, questions)))
    assert_none_is_stale(replies)
    totals = dict(re.findall(r"Queries (sent|completed|lost): +(\d+)", output))
    assert totals["completed"] == totals["sent"]
    assert totals["lost"] == "0"
    heard = re.findall(r"^> (\w+) (\S+ \w+) [\d.]+$", output, re.MULTILINE)
    assert len(heard) == int(totals["sent"]) > CHANGES
    assert {(question, rcode) for rcode, question in heard} == set(ASKED.items())
