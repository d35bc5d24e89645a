"""The state that the directives of one server block are read into, and the data that they need for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fairlead.clusterdns.chain import Plugin
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import CorefileFaults, Wrong
from fairlead.clusterdns.names import Name
from fairlead.clusterdns.plugins.logs import ErrorRule, LogRule
from fairlead.model.addresses import IPNetwork


class CorefileSurroundings(NamedTuple):
    """The machine as a Corefile sees it.

    Attributes:
        read: returns the text of a file, and schedules the next look at it after these seconds, or together with the
            Corefile if None; raises ``Wrong``.
        interface: the addresses of a network interface; none when there is no such interface.
        hostname: of this machine.
    """

    read: Callable[[str, float | None], str]
    interface: Callable[[str], tuple[str, ...]]
    hostname: str


class HttpPage(NamedTuple):
    """The address of a page over HTTP; an empty address stands for all."""

    address: str
    port: int


class Grant(NamedTuple):
    """The clients that may transfer a zone; no network means all clients."""

    zone: Name
    networks: tuple[IPNetwork, ...]


class Certificate(NamedTuple):
    """The certificate that a server presents over TLS: paths of files in PEM.

    Attributes:
        authorities: the issuers of clients' certificates; empty for those of the system.
        clients: what is asked of clients, one of ``CLIENTS``.
    """

    chain: str
    key: str
    authorities: str = ""
    clients: str = "nocert"


class ApiAccess(NamedTuple):
    """How the API is reached, if the Corefile says so; paths, or empty."""

    kubeconfig: str = ""
    context: str = ""
    endpoint: str = ""
    certificate: str = ""
    key: str = ""
    authorities: str = ""


@dataclass
class ProcessOptions:
    """Options of the whole process, whichever block they are in. ``reload`` is in seconds; None for never."""

    health: list[HttpPage] = field(default_factory=list)
    ready: list[HttpPage] = field(default_factory=list)
    metrics: list[HttpPage] = field(default_factory=list)
    lameduck: float = 0.0
    reload: float | None = None
    access: ApiAccess | None = None


@dataclass
class BlockScope:
    """A server block during reading."""

    zones: tuple[Name, ...]
    around: CorefileSurroundings
    process: ProcessOptions
    faults: CorefileFaults
    plugins: list[Plugin] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    udp_size: int | None = None
    logs: list[LogRule] = field(default_factory=list)
    errors: ErrorRule | None = None
    grants: list[Grant] = field(default_factory=list)
    certificate: Certificate | None = None
    finds_loops: bool = False
    own: str = ""  # the server's name for clients that ask (NSID)

    def options(self, directive: Directive, known: Mapping[str, Callable[[Directive], None]]) -> None:
        """Pass each option of a directive to the function for its name; a fault does not stop the others."""
        for option in directive.options:
            with self.faults.at(option.place):
                if option.name not in known:
                    names = ", ".join(sorted(known))
                    raise Wrong(f"option {option.name} of {directive.name} is not supported; known are {names}")
                known[option.name](option)
