"""Run inside a Pod: tries connections as lines of JSON tell it, and answers each with a line of what came of them.

A try is an address, a port and a protocol; what comes of it is ``open``, ``refused`` or ``silent``. Knows nothing but
Python's standard library.
"""

import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

SECONDS = 0.5
QUESTION = bytes.fromhex("123401000001000000000000") + b"\x0akubernetes\x07default\x03svc\x07cluster\x05local\0\0\1\0\1"


def tried(address, port, protocol):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as opened:
        opened.settimeout(SECONDS)
        try:
            opened.connect((address, port))
            if protocol == "udp":
                opened.send(QUESTION if port == 53 else b"hello\n")
                opened.recv(500)
        except ConnectionRefusedError:
            return "refused"
        except OSError:
            return "silent"
        return "open"


def main():
    with ThreadPoolExecutor(16) as pool:
        for line in sys.stdin:
            print(json.dumps(list(pool.map(lambda each: tried(*each), json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
