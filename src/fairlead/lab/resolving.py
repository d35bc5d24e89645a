"""Resolves names as a Pod does: with its resolv.conf, search list and ndots, and with queries from the Pod."""

import socket
from collections.abc import Callable, Mapping
from typing import NamedTuple

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from fairlead.app.node.loopback import OPTIONS, SEARCH
from fairlead.clusterdns.names import Name, to_name, to_text
from fairlead.drivers.pods.bare.told import NAMESERVER
from fairlead.lab.errors import LabError
from fairlead.lab.results import Resolution

DNS_PORT = 53

Connect = Callable[[str, str, int], socket.socket]  # protocol, host, port


class ResolvConf(NamedTuple):
    """The settings of resolv.conf(5)."""

    servers: tuple[str, ...]
    search: tuple[str, ...]
    ndots: int = 1


def read_resolv_conf(text: str) -> ResolvConf:
    """The settings of a resolver; unknown settings are ignored, as resolvers do."""
    servers: list[str] = []
    search: tuple[str, ...] = ()
    ndots = 1
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                servers.append(address)
            case ["search" | "domain", *names]:
                search = tuple(names)
            case ["options", *options]:
                found = [option.partition(":")[2] for option in options if option.startswith("ndots:")]
                ndots = int(found[-1]) if found and found[-1].isdigit() else ndots
    return ResolvConf(tuple(servers), search, ndots)


def told_resolv_conf(environment: Mapping[str, str]) -> ResolvConf:
    """The settings in a Pod's environment in a lab without namespaces (``app.node.loopback``)."""
    server = environment.get(NAMESERVER, "").partition(":")[0]
    text = f"search {environment.get(SEARCH, '')}\noptions {environment.get(OPTIONS, '')}\nnameserver {server}\n"
    return read_resolv_conf(text)


def candidates(name: str, conf: ResolvConf) -> list[Name]:
    """The absolute names to query, in order."""
    if name.endswith("."):
        return [to_name(name)]
    searched = [to_name(f"{name}.{suffix}") for suffix in conf.search]
    own = [to_name(name)]
    return [*own, *searched] if name.count(".") >= conf.ndots else [*searched, *own]


def resolve(name: str, rdtype: str, conf: ResolvConf, connect: Connect, seconds: float) -> Resolution:
    """The first candidate with records; else the last failure, and NXDOMAIN only when no candidate exists.

    Raises:
        LabError: no server answers.
    """
    tried: list[str] = []
    found = Resolution(name, "NXDOMAIN")
    for candidate in candidates(name, conf):
        text = to_text(candidate)
        tried.append(text)
        response, truncated = _ask(text, rdtype, conf, connect, seconds)
        rcode = dns.rcode.to_text(response.rcode())
        found = Resolution(text, rcode, _records(response, rdtype), tuple(tried), truncated)
        if found.records or rcode not in ("NOERROR", "NXDOMAIN"):
            break
    return found


def _ask(
    name: str, rdtype: str, conf: ResolvConf, connect: Connect, seconds: float
) -> tuple[dns.message.Message, bool]:
    """The answer of the first server that gives one, and whether it was truncated at first."""
    query = dns.message.make_query(name, rdtype)
    failure = "the resolver has no servers"
    for server in conf.servers:
        try:
            with connect("UDP", server, DNS_PORT) as sock:
                sock.setblocking(False)
                response = dns.query.udp(query, server, seconds, _port_of(sock), sock=sock)
            if not response.flags & dns.flags.TC:
                return response, False
            with connect("TCP", server, DNS_PORT) as sock:
                sock.setblocking(False)
                return dns.query.tcp(query, server, seconds, _port_of(sock), sock=sock), True
        except (OSError, dns.exception.DNSException) as error:
            failure = f"{server} does not answer for {name}: {error or type(error).__name__}"
    raise LabError(failure)


def _port_of(connected: socket.socket) -> int:
    """The server's port; in a lab without namespaces, another port can stand for the usual one."""
    return int(connected.getpeername()[1])


def _records(response: dns.message.Message, rdtype: str) -> tuple[str, ...]:
    wanted = dns.rdatatype.from_text(rdtype)
    return tuple(item.to_text() for rrset in response.answer if rrset.rdtype == wanted for item in rrset)
