"""What the directives of one server block are read into, and what they may ask for while they are read."""

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
        read: the text of a file, and remembers that it was read, to be looked at again after these seconds, or with the
            Corefile when None; raises ``Wrong``.
        interface: the addresses of a network interface; none when there is no such interface.
        hostname: of this machine.
    """

    read: Callable[[str, float | None], str]
    interface: Callable[[str], tuple[str, ...]]
    hostname: str


class HttpPage(NamedTuple):
    """Where a page is served over HTTP; an empty address stands for all."""

    address: str
    port: int


class Grant(NamedTuple):
    """Who may have a zone as a whole; no network stands for everybody."""

    zone: Name
    networks: tuple[IPNetwork, ...]


class Certificate(NamedTuple):
    """As whom a server presents itself over TLS: paths of files in PEM.

    Attributes:
        authorities: whom the certificates of clients must be from; empty for those of the system.
        clients: what is asked of clients, one of ``CLIENTS``.
    """

    chain: str
    key: str
    authorities: str = ""
    clients: str = "nocert"


class ApiAccess(NamedTuple):
    """How the API is reached, where the Corefile says so; paths, or empty."""

    kubeconfig: str = ""
    context: str = ""
    endpoint: str = ""
    certificate: str = ""
    key: str = ""
    authorities: str = ""


@dataclass
class ProcessOptions:
    """What holds for the whole process, whichever block it stands in. ``reload`` is in seconds; None for never."""

    health: list[HttpPage] = field(default_factory=list)
    ready: list[HttpPage] = field(default_factory=list)
    metrics: list[HttpPage] = field(default_factory=list)
    lameduck: float = 0.0
    reload: float | None = None
    access: ApiAccess | None = None


@dataclass
class BlockScope:
    """A server block that is being read."""

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
    own: str = ""  # what this server calls itself to clients that ask (NSID)

    def options(self, directive: Directive, known: Mapping[str, Callable[[Directive], None]]) -> None:
        """Give each option of a directive to the function that its name stands for; faults do not stop the others."""
        for option in directive.options:
            with self.faults.at(option.place):
                if option.name not in known:
                    names = ", ".join(sorted(known))
                    raise Wrong(f"option {option.name} of {directive.name} is not supported; known are {names}")
                known[option.name](option)
