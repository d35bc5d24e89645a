"""How the DNS server is to be run: its options, and the file that they come from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fairlead.app.dns.watches import watches_pods
from fairlead.clusterdns.encoder import UDP_CAP
from fairlead.clusterdns.zone import Zone
from fairlead.drivers.dns.forwarder import ForwardOptions
from fairlead.model.addresses import IPNetwork


@dataclass(frozen=True)
class DnsOptions:
    """How to run the server.

    Attributes:
        kubeconfig: None looks where kubectl looks.
        addresses: where DNS is served, over UDP and TCP.
        udp_cap: the largest reply over UDP, in octets.
        http_addresses: where the health, readiness and metrics ports are served; a port of None leaves one out.
        unready_after: seconds after which a dead watch makes the server not ready; None: never.
        lameduck: seconds to go on answering, while not ready, after the server is told to stop, so that clients hear of
            it first.
        log: print every query; replies are then made one by one.
        transfer_to: who may transfer the zone.
        shared: let other processes bind the same port (SO_REUSEPORT).
        source: the file that all this comes from, when it is to be read again.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    addresses: tuple[str, ...] = ("0.0.0.0",)  # noqa: S104 - a name server is there to be reached
    port: int = 53
    zone: Zone = field(default_factory=Zone)
    udp_cap: int = UDP_CAP
    http_addresses: tuple[str, ...] = ("0.0.0.0",)  # noqa: S104
    health_port: int | None = 8080
    ready_port: int | None = 8181
    metrics_port: int | None = 9153
    forward: ForwardOptions = field(default_factory=ForwardOptions)
    unready_after: float | None = 300.0
    lameduck: float = 0.0
    log: bool = False
    shared: bool = False
    transfer_to: tuple[IPNetwork, ...] = ()
    source: "Source | None" = None

    def fixed(self) -> dict[str, object]:
        """What stays until the process ends, by the names of the settings file: its sockets and its watches."""
        return {
            "addresses": self.addresses,
            "port": self.port,
            "health_port": self.health_port,
            "ready_port": self.ready_port,
            "metrics_port": self.metrics_port,
            "zone": self.zone.origin,
            "reverse": self.zone.reverse,
            "multicluster": self.zone.clusterset,
            "pods or autopath, which decide whether Pods are watched": watches_pods(self.zone),
        }

    def plugins(self) -> frozenset[str]:
        """What is in force, by the names of CoreDNS's plugins."""
        chosen = {
            "autopath": self.zone.autopath is not None,
            "cache": self.forward.routes,
            "forward": self.forward.routes,
            "health": self.health_port,
            "hosts": self.zone.hosts,
            "log": self.log,
            "loop": self.forward.routes,
            "prometheus": self.metrics_port,
            "ready": self.ready_port,
            "reload": self.source,
            "transfer": self.transfer_to,
        }
        return frozenset(name for name, is_chosen in chosen.items() if is_chosen) | {
            "bufsize",
            "errors",
            "kubernetes",
            "loadbalance",
        }


# The options that a changed file may change while the server runs.
LIVE = ("zone", "udp_cap", "forward", "unready_after", "lameduck", "log", "transfer_to")


@dataclass(frozen=True)
class Source:
    """A configuration file.

    Attributes:
        load: what a text of the file stands for, given the command line; raises ``Unusable``.
        first: what it stood for when the process began.
        version: of that first text.
        every: seconds between looks at the file.
    """

    path: Path
    load: Callable[[str], DnsOptions]
    first: DnsOptions
    version: str
    every: float
