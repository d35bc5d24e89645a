"""Run in a Pod: answers questions of JSON, given as the argument, as JSON.

``["name", NAME, ...]`` is answered by its addresses, ``["address", ADDRESS, PORT, PODS]`` by the Pods behind it.
"""

import json
import re
import socket
import sys
from contextlib import suppress

TRIES = 12  # for each Pod that is expected; one of several is missed by chance in less than one of a hundred thousand


def addresses(name, *_):
    try:
        return sorted({row[4][0] for row in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)})
    except socket.gaierror:
        return []


def pods(address, port, expected):
    found = set()
    for _ in range(max(1, TRIES * len(expected))):
        with suppress(OSError), socket.create_connection((address, port), 2) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = connection.makefile("rb").read().decode()
            found.add(re.search(r"^pod: (.*?)\r?$", answer, re.M)[1])
    return sorted(found)


QUESTIONS = {"name": addresses, "address": pods}
if __name__ == "__main__":
    print(json.dumps([QUESTIONS[what](*rest) for what, *rest in json.loads(sys.argv[1])]))
