"""The fields of the DNS server's settings file."""

import msgspec

from fairlead.clusterdns.zone import Outside, PodsMode


class CacheSettings(msgspec.Struct, forbid_unknown_fields=True):
    """Cache of upstream answers, as ``CachePolicy`` has it.

    Attributes:
        capacity: replies kept at most; 0 keeps none.
        positive_max, negative_max: seconds that an answer, or a denial, is kept at most.
        prefetch_hits: hits after which an answer is refreshed before its time is over; 0 never.
        stale_for: seconds for which an expired answer may be served when no upstream server answers; 0 never.
    """

    capacity: int = 9984
    positive_max: int = 3600
    negative_max: int = 1800
    prefetch_hits: int = 2
    stale_for: int = 3600


class TcpSettings(msgspec.Struct, forbid_unknown_fields=True):
    """Connections over TCP, as ``TcpLimits`` has them.

    Attributes:
        connections: open at once, of all clients.
        per_client: open at once, of one address.
        idle: seconds that a connection may be silent.
        write: seconds that a client may take to read a reply.
    """

    connections: int = 5000
    per_client: int = 500
    idle: float = 10.0
    write: float = 10.0


class DnsSettings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The settings file, field by field; docs/dns.md says more.

    Attributes:
        zone: the cluster domain.
        reverse: zones of reverse names that are answered here.
        ttl: seconds that a record may be kept.
        denial_ttl: seconds that a denial may be kept; as ``ttl`` if not given.
        pods: how names of Pods by address answer.
        namespaces: the only Namespaces that have names; all if not given.
        endpoint_pod_names: whether endpoints without a host name are named for their Pods.
        ignore_empty: whether Services without a ready endpoint have no name.
        zonal: whether names of endpoints by topology zone exist.
        multicluster: the zone of Services of other clusters (KEP-1645); none if not given.
        autopath: whether searches of Pods for outside names are answered at the first step.
        node_search: search domains of the nodes, which the search list of a Pod ends with.
        outside: how names outside the zones are handled; ``forward`` if ``forward`` is given, else ``refuse``.
        hosts: addresses of fixed names.
        forward: upstream servers, or paths of a resolv.conf, by zone; ``.`` is every other name.
        force_tcp: whether upstream servers are asked over TCP alone.
        concurrent: queries that may wait for upstream servers at once.
        cache: cache of upstream answers.
        addresses: addresses to serve at.
        port: port to serve at.
        udp_size: largest reply over UDP, in octets.
        health_port, ready_port, metrics_port: port of ``/health``, of ``/ready``, of ``/metrics``; null for none.
        unready_after: seconds after which a dead watch makes ``/ready`` fail; null never.
        lameduck: seconds to go on answering after the order to stop.
        reload: seconds between two looks at this file; null never looks.
        log: whether every reply is printed.
        errors: whether failures of upstream servers are printed.
        tcp: bounds of connections over TCP.
        transfer_to: addresses and networks that may transfer the zone.
    """

    zone: str = "cluster.local"
    reverse: list[str] = msgspec.field(default_factory=lambda: ["in-addr.arpa", "ip6.arpa"])
    ttl: int = 30
    denial_ttl: int | None = None
    pods: PodsMode = PodsMode.INSECURE
    namespaces: list[str] | None = None
    endpoint_pod_names: bool = False
    ignore_empty: bool = False
    zonal: bool = False
    multicluster: str | None = None
    autopath: bool = False
    node_search: list[str] = []
    outside: Outside | None = None
    hosts: dict[str, list[str]] = {}
    forward: dict[str, list[str]] = {}
    force_tcp: bool = False
    concurrent: int = 1000
    cache: CacheSettings = msgspec.field(default_factory=CacheSettings)
    addresses: list[str] = msgspec.field(default_factory=lambda: ["0.0.0.0"])  # noqa: S104
    port: int = 53
    udp_size: int = 1232
    health_port: int | None = 8080
    ready_port: int | None = 8181
    metrics_port: int | None = 9153
    unready_after: float | None = 300.0
    lameduck: float = 5.0
    reload: float | None = 30.0
    log: bool = False
    errors: bool = False
    tcp: TcpSettings = msgspec.field(default_factory=TcpSettings)
    transfer_to: list[str] = []
