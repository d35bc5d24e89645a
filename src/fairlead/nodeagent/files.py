"""The files that the node writes for each Pod: resolv.conf, hosts, hostname.

Formats: resolv.conf(5), hosts(5). Contents follow upstream's kubelet (``pkg/kubelet/network/dns`` and
``pkg/kubelet/kubelet_pods.go``) and the Kubernetes DNS documentation.
"""

from collections.abc import Sequence
from typing import NamedTuple

from fairlead.nodeagent.manifest import DNSConfig, DNSOption, RunPod

_LOCALHOST = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


MAX_NAMESERVERS, MAX_SEARCHES = 3, 32  # upstream's limits, pkg/apis/core/validation; more are left out


class ClusterDNS(NamedTuple):
    """The DNS settings: the address of the DNS Service, the cluster domain, and the node's resolv.conf."""

    address: str = "10.96.0.10"
    domain: str = "cluster.local"
    of_node: str = ""


def own_files(pod: RunPod, pod_ips: Sequence[str], dns: ClusterDNS) -> dict[str, str]:
    """Contents by path; without a resolv.conf where the node's own is as it should be."""
    texts = {"/etc/hosts": hosts(pod, pod_ips, dns), "/etc/hostname": f"{pod.hostname}\n"}
    resolver = resolv_conf(pod, dns)
    return texts if resolver is None else {**texts, "/etc/resolv.conf": resolver}


def resolv_conf(pod: RunPod, dns: ClusterDNS) -> str | None:
    """The Pod's resolv.conf; None where its DNS policy means that of the node, and nothing is to be added."""
    base, extra = _base(pod, dns), pod.spec.dns_config
    if base is None and extra is None:
        return None
    base, extra = base or _parse(dns.of_node), extra or DNSConfig()
    servers = list(dict.fromkeys((*base.nameservers, *extra.nameservers)))[:MAX_NAMESERVERS]
    searches = list(dict.fromkeys((*base.searches, *extra.searches)))[:MAX_SEARCHES]
    options = {option.name: option.value for config in (base, extra) for option in config.options}
    lines = [f"nameserver {server}" for server in servers]
    if searches:
        lines.append(f"search {' '.join(searches)}")
    if options:
        lines.append("options " + " ".join(name if not value else f"{name}:{value}" for name, value in options.items()))
    return "".join(f"{line}\n" for line in lines)


def _base(pod: RunPod, dns: ClusterDNS) -> DNSConfig | None:
    """What the DNS policy gives; None where that is the node's. A Pod in its node's network has to say
    ClusterFirstWithHostNet to be a client of the cluster's DNS."""
    policy = pod.spec.dns_policy
    if policy == "None":
        return DNSConfig()
    if policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not pod.spec.host_network):
        return _cluster_first(pod.namespace, dns)
    return None


def _parse(text: str) -> DNSConfig:
    """A resolv.conf(5); the last search or domain counts."""
    servers: list[str] = []
    searches: tuple[str, ...] = ()
    options: list[DNSOption] = []
    for words in map(str.split, text.splitlines()):
        match words:
            case ["nameserver", server, *_]:
                servers.append(server)
            case ["search" | "domain", *names]:
                searches = tuple(names)
            case ["options", *found]:
                options += [DNSOption(name, value or None) for name, _, value in (o.partition(":") for o in found)]
    return DNSConfig(tuple(servers), searches, tuple(options))


def _cluster_first(namespace: str, dns: ClusterDNS) -> DNSConfig:
    searches = (f"{namespace}.svc.{dns.domain}", f"svc.{dns.domain}", dns.domain)
    return DNSConfig((dns.address,), searches, (DNSOption("ndots", "5"),))


def hosts(pod: RunPod, pod_ips: Sequence[str], dns: ClusterDNS) -> str:
    """The Pod's hosts file: itself under its full name too when it has a subdomain."""
    names = [pod.hostname]
    if pod.spec.subdomain:
        names.insert(0, f"{pod.hostname}.{pod.spec.subdomain}.{pod.namespace}.svc.{dns.domain}")
    lines = [f"{ip}\t{' '.join(names)}\n" for ip in pod_ips]
    lines += [f"{alias.ip}\t{' '.join(alias.hostnames)}\n" for alias in pod.spec.host_aliases or ()]
    return _LOCALHOST + "".join(lines)
