"""The query log: one line for each reply, on standard output.

    10.244.0.7 A svc1.default.svc.cluster.local. NOERROR aa,rd 74 octets: 10.96.0.7

It is made from the reply alone, so it shows what the client was sent, whoever made it.
"""

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

SHOWN = 4  # records of a reply


def print_reply(client: str, reply: bytes) -> None:
    """Print the line of one reply."""
    print(line_of(client, reply), flush=True)


def line_of(client: str, reply: bytes) -> str:
    """The line of one reply."""
    try:
        message = dns.message.from_wire(reply)
    except dns.exception.DNSException as error:
        return f"{client} unreadable reply of {len(reply)} octets: {error}"
    question = message.question[0] if message.question else None
    asked = f"{dns.rdatatype.to_text(question.rdtype)} {question.name}" if question is not None else "no question"
    flags = dns.flags.to_text(message.flags & ~dns.flags.QR).lower().replace(" ", ",")
    data = [rdata.to_text() for rrset in message.answer for rdata in rrset]
    shown = ", ".join(data[:SHOWN]) + (f" and {len(data) - SHOWN} more" if len(data) > SHOWN else "")
    return f"{client} {asked} {dns.rcode.to_text(message.rcode())} {flags} {len(reply)} octets: {shown or '-'}"
