"""A Pod: its addresses and names, whether it is ready, and which Services it is behind."""

from collections.abc import Iterator

from fairlead.explain.about.endpoints import explain_member
from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.pod_state import why_not_ready
from fairlead.explain.policies import DIRECTIONS, tell_isolation
from fairlead.explain.statements import Evidence, Statement, failed, said, unchecked
from fairlead.model.labels import contains
from fairlead.model.objects import Pod, Service
from fairlead.model.phrases import Phrase


def explain_pod(cluster: Cluster, pod: Pod) -> Statement:
    """Everything about one Pod that Services depend on."""
    parts = [_addresses(cluster, pod), _readiness(cluster, pod), _services(cluster, pod), _policies(cluster, pod)]
    return Statement(Phrase("Pod {pod}", pod=pod.key), (), (*parts, *_own_name(cluster, pod)))


def _ref(pod: Pod) -> Ref:
    return Ref("Pod", pod.namespace, pod.name)


def _addresses(cluster: Cluster, pod: Pod) -> Statement:
    if not pod.ips:
        return failed("has no address yet", *why_not_ready(cluster, pod))
    names = [f"{ip.replace('.', '-')}.{pod.namespace}.pod.{cluster.zone}" for ip in pod.ips if "." in ip]
    where = Phrase(" on node {node}", node=pod.spec.node_name) if pod.spec.node_name else ""
    text = Phrase("has the address {ips}{where}", ips=pod.ips, where=where)
    return said(
        text,
        cluster.field(_ref(pod), ".status.podIPs", pod.ips),
        parts=(said(Phrase("name {name}", name=n)) for n in names),
    )


def _readiness(cluster: Cluster, pod: Pod) -> Statement:
    if pod.is_ready:
        return said("is ready", cluster.field(_ref(pod), "condition Ready", "True"))
    return failed("is not ready", *why_not_ready(cluster, pod))


def services_of(cluster: Cluster, pod: Pod) -> Iterator[Service]:
    """The Services whose selector matches a Pod."""
    for service in cluster.snapshot.services.values():
        selector = service.spec.selector
        if selector and service.namespace == pod.namespace and contains(pod.labels, selector):
            yield service


def _services(cluster: Cluster, pod: Pod) -> Statement:
    if not cluster.has_read("Service"):
        return cluster.missing("which Services select it", "Service")
    found = sorted(services_of(cluster, pod), key=lambda service: service.key)
    parts = tuple(
        Statement(Phrase("Service {service}", service=s.key), (), (explain_member(cluster, s, pod),)) for s in found
    )
    return Statement(Phrase("is selected by {count} Service{count:plural}", count=len(found)), (), parts)


def _policies(cluster: Cluster, pod: Pod) -> Statement:
    if not cluster.has_read("NetworkPolicy"):
        return cluster.missing("which NetworkPolicies apply", "NetworkPolicy")
    if pod.spec.host_network:
        evidence = cluster.field(_ref(pod), ".spec.hostNetwork", "true")
        return said("no NetworkPolicy isolates it: it uses its node's network", evidence)
    found = [told for direction in DIRECTIONS if (told := tell_isolation(cluster, pod, direction))]
    if not found:
        return said("no NetworkPolicy isolates it", Evidence("NetworkPolicies of the Namespace", "what was read"))
    return Statement("NetworkPolicies", (), tuple(found))


def _own_name(cluster: Cluster, pod: Pod) -> Iterator[Statement]:
    """The name of a Pod with host name and subdomain, under the headless Service of that subdomain."""
    if not pod.spec.hostname or not pod.spec.subdomain:
        return
    name = f"{pod.spec.hostname}.{pod.spec.subdomain}.{pod.namespace}.svc.{cluster.zone}"
    evidence = cluster.field(_ref(pod), ".spec.subdomain", pod.spec.subdomain)
    if not cluster.has_read("Service"):
        yield unchecked(
            Phrase("name {name}, if the Service {subdomain} is there", name=name, subdomain=pod.spec.subdomain),
            evidence,
        )
    elif (pod.namespace, pod.spec.subdomain) in {tuple(key) for key in cluster.snapshot.services}:
        yield said(Phrase("name {name}", name=name), evidence)
    else:
        yield failed(
            Phrase(
                "name {name} does not exist: there is no Service {subdomain}", name=name, subdomain=pod.spec.subdomain
            ),
            evidence,
        )
