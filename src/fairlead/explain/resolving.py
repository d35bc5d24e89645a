"""The settings of a Pod's resolver by its ``dnsPolicy`` and ``dnsConfig``, and the names that it tries in turn."""

from typing import NamedTuple

from fairlead.explain.cluster import Cluster
from fairlead.explain.documents import mapping, rows, text, texts
from fairlead.model.document import Doc
from fairlead.model.objects import Service

DNS_NAMESPACE = "kube-system"
_DNS_NAMES = ("kube-dns", "coredns", "rke2-coredns-rke2-coredns", "dns-default")


class Resolver(NamedTuple):
    """The settings of a client's resolver.

    Attributes:
        uses_cluster: whether it uses the cluster's DNS at all.
    """

    uses_cluster: bool
    ndots: int
    suffixes: tuple[str, ...]


def dns_service(cluster: Cluster) -> Service | None:
    """The Service that Pods ask for names."""
    for key in sorted(cluster.snapshot.services):
        service = cluster.snapshot.services[key]
        is_labelled = service.labels.get("k8s-app") == "kube-dns"
        if key.namespace == DNS_NAMESPACE and (is_labelled or key.name in _DNS_NAMES):
            return service
    return None


def resolver_of(cluster: Cluster, namespace: str, spec: Doc) -> Resolver:
    """The resolver of a Pod with this ``spec``."""
    policy = text(spec, "dnsPolicy") or "ClusterFirst"
    host_network = spec.get("hostNetwork") is True and policy != "ClusterFirstWithHostNet"
    config = mapping(spec, "dnsConfig")
    given = {text(o, "name"): text(o, "value") for o in rows(config, "options")}
    searches = texts(config, "searches")
    ndots = given.get("ndots", "")
    if policy in ("Default", "None") or host_network:
        uses = policy == "None" and _asks_cluster(cluster, texts(config, "nameservers"))
        return Resolver(uses, int(ndots) if ndots.isdigit() else 1, searches)
    own = (f"{namespace}.svc.{cluster.zone}", f"svc.{cluster.zone}", cluster.zone)
    return Resolver(True, int(ndots) if ndots.isdigit() else 5, (*own, *searches))


def _asks_cluster(cluster: Cluster, nameservers: tuple[str, ...]) -> bool:
    service = dns_service(cluster)
    return service is not None and bool(set(nameservers) & set(service.cluster_ips))


def tried_names(host: str, resolver: Resolver) -> list[str]:
    """The names that are asked for, in their order; a final dot forbids the search."""
    bare = host.rstrip(".")
    if host.endswith("."):
        return [bare]
    searched = [f"{bare}.{suffix}" for suffix in resolver.suffixes]
    return [bare, *searched] if bare.count(".") >= resolver.ndots else [*searched, bare]
