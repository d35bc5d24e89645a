"""The directives of a server block: in which order their plugins are asked, and which there are.

The order is upstream's (its ``plugin.cfg``), whatever the order in the file; rules of one plugin stay in the file's.
"""

from collections.abc import Callable
from typing import NamedTuple

from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.plugins import (
    acl,
    cache,
    dns64,
    external,
    file,
    forward,
    hosts,
    kubernetes,
    loadbalance,
    rewrite,
    rewrite_rules,
    small,
    surroundings,
    template,
    transfer,
)
from fairlead.clusterdns.plugins.autopath import Autopath
from fairlead.clusterdns.plugins.scope import Scope


class Known(NamedTuple):
    """How a directive is read; ``many`` may stand in one block."""

    read: Callable[[Directive, Scope], None]
    many: bool = False


ORDER: tuple[type, ...] = (
    small.Nsid,
    small.Local,
    dns64.Dns64,
    acl.Acl,
    small.RefuseAny,
    small.Chaos,
    loadbalance.Steady,
    loadbalance.LoadBalance,
    cache.Cache,
    rewrite.Rewrite,
    small.Header,
    Autopath,
    small.Minimal,
    template.Templated,
    hosts.Hosts,
    external.External,
    kubernetes.Kubernetes,
    file.Files,
    forward.Forward,
)

DIRECTIVES: dict[str, Known] = {
    "acl": Known(acl.read_acl, many=True),
    "any": Known(small.read_any),
    "bind": Known(surroundings.read_bind, many=True),
    "bufsize": Known(surroundings.read_bufsize),
    "cache": Known(cache.read_cache),
    "cancel": Known(surroundings.read_nothing),
    "chaos": Known(small.read_chaos),
    "debug": Known(surroundings.read_nothing),
    "dns64": Known(dns64.read_dns64),
    "errors": Known(surroundings.read_errors),
    "file": Known(file.read_file, many=True),
    "forward": Known(forward.read_forward, many=True),
    "header": Known(small.read_header),
    "health": Known(surroundings.read_health),
    "hosts": Known(hosts.read_hosts),
    "k8s_external": Known(external.read_external),
    "kubernetes": Known(kubernetes.read_kubernetes),
    "loadbalance": Known(loadbalance.read_loadbalance),
    "local": Known(small.read_local),
    "log": Known(surroundings.read_log, many=True),
    "loop": Known(surroundings.read_loop),
    "minimal": Known(small.read_minimal),
    "multisocket": Known(surroundings.read_nothing),
    "nsid": Known(small.read_nsid),
    "prometheus": Known(surroundings.read_prometheus),
    "ready": Known(surroundings.read_ready),
    "reload": Known(surroundings.read_reload),
    "rewrite": Known(rewrite_rules.read_rewrite, many=True),
    "template": Known(template.read_template, many=True),
    "tls": Known(surroundings.read_tls),
    "transfer": Known(transfer.read_transfer, many=True),
}

# Upstream's own plugins that are not here; any other word is a mistake.
REFUSED = frozenset(
    [
        "auto",
        "azure",
        "clouddns",
        "dnssec",
        "dnstap",
        "erratic",
        "etcd",
        "geoip",
        "grpc",
        "grpc_server",
        "https",
        "https3",
        "metadata",
        "nomad",
        "on",
        "pprof",
        "proxyproto",
        "quic",
        "root",
        "route53",
        "secondary",
        "sign",
        "timeouts",
        "trace",
        "tsig",
        "view",
        "whoami",
        "federation",
        "fanout",
        "alternate",
        "health_checks",
        "kubernetai",
        "unbound",
        "dump",
    ]
)
