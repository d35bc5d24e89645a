"""The files that a Pod has of its own: resolv.conf, hosts, hostname.

Formats: resolv.conf(5), hosts(5). Contents follow upstream's kubelet (``pkg/kubelet/network/dns`` and
``pkg/kubelet/kubelet_pods.go``) and the Kubernetes DNS documentation.
"""

from typing import NamedTuple

from fairlead.nodeagent.manifest import DNSConfig, DNSOption, RunPod

_LOCALHOST = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


class ClusterDNS(NamedTuple):
    """Where names are asked for: the address of the DNS Service, and the cluster's domain."""

    address: str = "10.96.0.10"
    domain: str = "cluster.local"


def own_files(pod: RunPod, pod_ip: str, dns: ClusterDNS) -> dict[str, str]:
    """Contents by path. A Pod in its node's network without ClusterFirstWithHostNet keeps the node's resolv.conf."""
    texts = {"/etc/hosts": hosts(pod, pod_ip, dns), "/etc/hostname": f"{pod.hostname}\n"}
    resolver = resolv_conf(pod, dns)
    return texts if resolver is None else {**texts, "/etc/resolv.conf": resolver}


def resolv_conf(pod: RunPod, dns: ClusterDNS) -> str | None:
    """The Pod's resolv.conf; None where its DNS policy means that of the node."""
    policy = pod.spec.dns_policy
    extra = pod.spec.dns_config or DNSConfig()
    cluster_first = policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not pod.spec.host_network)
    if not cluster_first and policy != "None":
        return None
    base = _cluster_first(pod.namespace, dns) if cluster_first else DNSConfig()
    servers = dict.fromkeys((*base.nameservers, *extra.nameservers))
    searches = dict.fromkeys((*base.searches, *extra.searches))
    options = {option.name: option.value for config in (base, extra) for option in config.options}
    lines = [f"nameserver {server}" for server in servers]
    if searches:
        lines.append(f"search {' '.join(searches)}")
    if options:
        lines.append("options " + " ".join(name if not value else f"{name}:{value}" for name, value in options.items()))
    return "".join(f"{line}\n" for line in lines)


def _cluster_first(namespace: str, dns: ClusterDNS) -> DNSConfig:
    searches = (f"{namespace}.svc.{dns.domain}", f"svc.{dns.domain}", dns.domain)
    return DNSConfig((dns.address,), searches, (DNSOption("ndots", "5"),))


def hosts(pod: RunPod, pod_ip: str, dns: ClusterDNS) -> str:
    """The Pod's hosts file: itself under its full name too when it has a subdomain."""
    names = [pod.hostname]
    if pod.spec.subdomain:
        names.insert(0, f"{pod.hostname}.{pod.spec.subdomain}.{pod.namespace}.svc.{dns.domain}")
    lines = [f"{pod_ip}\t{' '.join(names)}\n"]
    lines += [f"{alias.ip}\t{' '.join(alias.hostnames)}\n" for alias in pod.spec.host_aliases or ()]
    return _LOCALHOST + "".join(lines)
