"""A name server in a thread that has a table of records, over UDP and TCP: the world outside a process under test."""

import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.support.net.ports import free_port


class TableServer:
    """Answers from lines of a zone file; a name without records does not exist.

    Attributes:
        asked: the questions that came, with the protocol in front.
    """

    def __init__(self, records: Sequence[str], host: str = "127.0.0.1", port: int = 0) -> None:
        self.asked: list[str] = []
        self._sets: list[dns.rrset.RRset] = []
        for line in records:
            owner, ttl, _, rtype, data = line.split(" ", 4)
            self._sets.append(dns.rrset.from_text(owner, int(ttl), "IN", rtype, data))
        answer = self._answer

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                packet, socket = self.request
                socket.sendto(answer(packet, "udp"), self.client_address)

        class Connection(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while length := self.rfile.read(2):
                    reply = answer(self.rfile.read(int.from_bytes(length, "big")), "tcp")
                    self.wfile.write(len(reply).to_bytes(2, "big") + reply)

        # Not one that the kernel chooses for UDP: another process may have that port for TCP.
        self.port = port or free_port()
        self._udp = socketserver.ThreadingUDPServer((host, self.port), Datagram)
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._tcp = socketserver.ThreadingTCPServer((host, self.port), Connection)
        self._tcp.daemon_threads = True

    def start(self) -> None:
        for server in (self._udp, self._tcp):
            threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()

    def stop(self) -> None:
        for server in (self._udp, self._tcp):
            server.shutdown()
            server.server_close()

    def _answer(self, packet: bytes, proto: str) -> bytes:
        query = dns.message.from_wire(packet)
        question = query.question[0]
        self.asked.append(f"{proto} {question.name} {dns.rdatatype.to_text(question.rdtype)}".lower())
        reply = dns.message.make_response(query, recursion_available=True)
        own = [rrset for rrset in self._sets if rrset.name == question.name]
        reply.answer += [rrset for rrset in own if rrset.rdtype in (question.rdtype, dns.rdatatype.CNAME)]
        if not own:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply.to_wire()


@contextmanager
def table_server(*records: str, host: str = "127.0.0.1") -> Iterator[TableServer]:
    server = TableServer(records, host)
    server.start()
    try:
        yield server
    finally:
        server.stop()
