"""Asks addresses over and over, each connection held for a while before its request, until standard input ends and each
address has been answered LEAST times.

Run in a Pod, or outside, as ``python3 held_connections.py SECONDS LEAST ADDRESS...``. Prints an empty line when every
address has been answered, and at the end JSON: for each address how often each pair of Pod and client's address was
seen, and the failures with the time at which the attempt began (seconds of the system's monotonic clock).
"""

import collections
import json
import re
import socket
import sys
import threading
import time

THREADS = 6  # for each address
REST = 0.05  # seconds after an answer; without it, asking and answering would take a whole CPU
PATIENCE = 0.5  # seconds for a connection
ANSWER_PATIENCE = 20.0  # seconds for an answer: a busy machine answers late, and what is lost is not answered at all


def ask(address: str, held: float) -> tuple[str, str]:
    """The Pod that answers, and what it takes for the client."""
    try:
        connection = socket.create_connection((address, 80), PATIENCE)
    except TimeoutError as error:
        raise TimeoutError("no connection") from error
    with connection:
        time.sleep(held)
        connection.settimeout(ANSWER_PATIENCE)
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while octets := connection.recv(4096):
            answer += octets
    found = dict(re.findall(r"^(\w+): (.*?)\r?$", answer.decode(), re.M))
    return found["pod"], found["client"].rpartition(":")[0].strip("[]")


class Asked:
    """What came of one address, kept by several threads."""

    def __init__(self, address: str, held: float) -> None:
        self.address, self.held = address, held
        self.answers: collections.Counter[tuple[str, str]] = collections.Counter()
        self.failures: list[tuple[float, str]] = []
        self.answered = threading.Event()

    def keep_asking(self, ended: threading.Event) -> None:
        while not ended.is_set():
            began = time.monotonic()
            try:
                self.answers[ask(self.address, self.held)] += 1
                self.answered.set()
                time.sleep(REST)
            except (OSError, KeyError) as error:
                self.failures.append((began, f"{type(error).__name__}: {error}"))
                time.sleep(0.05)

    def document(self) -> dict:
        rows = [[*pair, count] for pair, count in sorted(self.answers.items())]
        return {"answers": rows, "failures": self.failures}


def main(held: float, least: int, addresses: list[str]) -> None:
    ended = threading.Event()
    asked = [Asked(address, held) for address in addresses]
    threads = [threading.Thread(target=each.keep_asking, args=(ended,)) for each in asked for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for each in asked:
        each.answered.wait()
    print(flush=True)
    sys.stdin.read()
    while any(sum(list(each.answers.values())) < least for each in asked):
        time.sleep(0.02)
    ended.set()
    for thread in threads:
        thread.join()
    print(json.dumps({each.address: each.document() for each in asked}))


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
