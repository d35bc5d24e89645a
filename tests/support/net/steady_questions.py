"""Asks a name server for a name without a pause, each time from a socket of its own and once only, until its standard
input ends; then prints how many questions were answered, and those that were not.

Run as ``python3 steady_questions.py SERVER NAME``. Prints an empty line when the first answer has come.
"""

import json
import select
import sys

import dns.exception
import dns.message
import dns.query
import dns.rcode

PATIENCE = 30.0  # seconds: a busy machine answers late, and what is lost is not answered at all


def ask(server: str, name: str) -> str:
    """How a question has failed; empty when it was answered."""
    try:
        reply = dns.query.udp(dns.message.make_query(name, "A"), server, timeout=PATIENCE)
    except (OSError, dns.exception.DNSException) as error:
        return f"{type(error).__name__}: {error}"
    return "" if reply.answer else dns.rcode.to_text(reply.rcode())


def main(server: str, name: str) -> None:
    answered, failures = 0, []
    while not select.select([sys.stdin], [], [], 0.002)[0]:
        if failure := ask(server, name):
            failures.append(f"question {answered + len(failures)}: {failure}")
        else:
            answered += 1
            if answered == 1:
                print(flush=True)
    print(json.dumps({"answered": answered, "failures": failures}))


if __name__ == "__main__":
    main(*sys.argv[1:])
