"""The kernel settings that a node proxy makes, by kube-proxy's rules (``KubeProxyConfiguration``, conntrack)."""

from collections.abc import Mapping

import msgspec

CONNTRACK = "net/netfilter/nf_conntrack_"
LIBERAL = f"{CONNTRACK}tcp_be_liberal"
ROUTE_LOCALNET = "net/ipv4/conf/all/route_localnet"
GREATEST_MAX = 1 << 20  # connections


class ConntrackSettings(msgspec.Struct, frozen=True):
    """The settings of connection tracking; 0 leaves a setting unchanged.

    Attributes:
        per_core, least: maximum connections per CPU core, and the minimum of that maximum; per_core 0 disables both.
        tcp_established, tcp_close_wait, udp, udp_stream: seconds until such a connection's entry expires.
        be_liberal: whether to treat out-of-window TCP packets as valid.
    """

    per_core: int = 32768
    least: int = 131072
    tcp_established: int = 86400
    tcp_close_wait: int = 3600
    udp: int = 0
    udp_stream: int = 0
    be_liberal: bool = False


def conntrack_sysctls(settings: ConntrackSettings, cores: int) -> Mapping[str, int]:
    """The value of each setting that is asked for, by its path under ``/proc/sys``."""
    wanted = {
        "max": min(max(settings.per_core * cores, settings.least), GREATEST_MAX) if settings.per_core else 0,
        "tcp_timeout_established": settings.tcp_established,
        "tcp_timeout_close_wait": settings.tcp_close_wait,
        "udp_timeout": settings.udp,
        "udp_timeout_stream": settings.udp_stream,
        "tcp_be_liberal": int(settings.be_liberal),
    }
    return {f"{CONNTRACK}{name}": value for name, value in wanted.items() if value}
