"""The directives of a server block, in the order in which their plugins are asked.

The order is upstream's (its ``plugin.cfg``), whatever the order in the file; rules of one plugin keep the file's order.
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
from fairlead.clusterdns.plugins.scope import BlockScope


class KnownDirective(NamedTuple):
    """How a directive is read; ``many``: whether one block can have several."""

    read: Callable[[Directive, BlockScope], None]
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
    file.ZoneFiles,
    forward.Forward,
)

DIRECTIVES: dict[str, KnownDirective] = {
    "acl": KnownDirective(acl.read_acl, many=True),
    "any": KnownDirective(small.read_any),
    "bind": KnownDirective(surroundings.read_bind, many=True),
    "bufsize": KnownDirective(surroundings.read_bufsize),
    "cache": KnownDirective(cache.read_cache),
    "cancel": KnownDirective(surroundings.read_nothing),
    "chaos": KnownDirective(small.read_chaos),
    "debug": KnownDirective(surroundings.read_nothing),
    "dns64": KnownDirective(dns64.read_dns64),
    "errors": KnownDirective(surroundings.read_errors),
    "file": KnownDirective(file.read_file, many=True),
    "forward": KnownDirective(forward.read_forward, many=True),
    "header": KnownDirective(small.read_header),
    "health": KnownDirective(surroundings.read_health),
    "hosts": KnownDirective(hosts.read_hosts),
    "k8s_external": KnownDirective(external.read_external),
    "kubernetes": KnownDirective(kubernetes.read_kubernetes),
    "loadbalance": KnownDirective(loadbalance.read_loadbalance),
    "local": KnownDirective(small.read_local),
    "log": KnownDirective(surroundings.read_log, many=True),
    "loop": KnownDirective(surroundings.read_loop),
    "minimal": KnownDirective(small.read_minimal),
    "multisocket": KnownDirective(surroundings.read_nothing),
    "nsid": KnownDirective(small.read_nsid),
    "prometheus": KnownDirective(surroundings.read_prometheus),
    "ready": KnownDirective(surroundings.read_ready),
    "reload": KnownDirective(surroundings.read_reload),
    "rewrite": KnownDirective(rewrite_rules.read_rewrite, many=True),
    "template": KnownDirective(template.read_template, many=True),
    "tls": KnownDirective(surroundings.read_tls),
    "transfer": KnownDirective(transfer.read_transfer, many=True),
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
