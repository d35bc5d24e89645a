"""The fields of the DNS server's settings file."""

import msgspec

from fairlead.clusterdns.zone import Outside, PodsMode


class CacheSettings(msgspec.Struct, forbid_unknown_fields=True):
    """Cache of upstream answers; seconds and numbers as in ``CachePolicy``."""

    capacity: int = 9984
    positive_max: int = 3600
    negative_max: int = 1800
    prefetch_hits: int = 2
    stale_for: int = 3600


class TcpSettings(msgspec.Struct, forbid_unknown_fields=True):
    """Connections over TCP; seconds and numbers as in ``TcpLimits``."""

    connections: int = 5000
    per_client: int = 500
    idle: float = 10.0
    write: float = 10.0


class Settings(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The settings file, field by field; docs/dns.md describes each."""

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
