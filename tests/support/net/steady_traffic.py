"""Asks URLs again and again, on a new connection each time, until its standard input ends; then prints what came of it.

Run in a Pod, or outside, as ``python3 steady_traffic.py URL...``. Prints an empty line when each URL has been asked
WARM times, and at the end JSON: for each URL how many requests were answered, by whom, and the failures.
"""

import http.client
import itertools
import json
import sys
import threading
import time
from urllib.parse import urlsplit

INTERVAL, PATIENCE = 0.02, 5.0  # seconds; for a connection
ANSWER_PATIENCE = 20.0  # seconds for an answer: a busy machine answers late, and what is lost is not answered at all
WARM = 50  # enough for each of three endpoints to have been asked


def ask(url: str) -> str:
    """Who answers."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    try:
        connection.connect()
        connection.sock.settimeout(ANSWER_PATIENCE)
        connection.request("GET", "/hostname")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def keep_asking(url: str, ended: threading.Event, warm: threading.Barrier, found: dict) -> None:
    for number in itertools.count(1):
        if ended.is_set():
            return
        try:
            who = ask(url)
            found["answers"][who] = found["answers"].get(who, 0) + 1
        except (OSError, http.client.HTTPException) as error:
            found["failures"].append(f"request {number}: {type(error).__name__}: {error}")
        if number == WARM:
            warm.wait()
        time.sleep(INTERVAL)


def main(urls: list[str]) -> None:
    ended = threading.Event()
    results = {url: {"answers": {}, "failures": []} for url in urls}
    warm = threading.Barrier(len(urls) + 1)
    threads = [threading.Thread(target=keep_asking, args=(url, ended, warm, results[url])) for url in urls]
    for thread in threads:
        thread.start()
    warm.wait()
    print(flush=True)
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join()
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1:])
