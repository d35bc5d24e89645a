"""The system below all Services: the DNS server, the proxies, and the observed rules and flows of nodes."""

import re
from collections.abc import Iterator

from fairlead.explain.cluster import Ref
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.ward import Ward, harmed, ref_of
from fairlead.explain.observations import CONNTRACK, IPTABLES, LOG, NFT, NFT_JSON, RESOLV_CONF, Observation
from fairlead.explain.pod_state import troubles_of
from fairlead.explain.resolving import DNS_NAMESPACE
from fairlead.explain.statements import Evidence, EvidenceKind
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Pod, Service
from fairlead.model.phrases import Phrase

_PROXIES = ("kube-proxy", "fairlead-proxy")
_LAST = 50  # lines of a log
_FAILURES = re.compile(r"SERVFAIL|plugin/errors: 2 .*(timeout|refused|unreachable)|plugin/loop: Loop")
_MANY = 3
_RULES = (NFT, NFT_JSON, IPTABLES)


def check_dns(ward: Ward) -> Iterator[Finding]:
    """The DNS Service and the servers behind it."""
    if not ward.cluster.has_read("Service") or DNS_NAMESPACE not in _namespaces(ward):
        return
    service = ward.dns_service
    if service is None:
        ref = Ref("Namespace", "", DNS_NAMESPACE)
        text = Phrase("there is no DNS Service in {namespace}: no name is answered", namespace=DNS_NAMESPACE)
        yield Finding(
            "dns-not-there",
            ref,
            text,
            (Evidence("Services of the Namespace", "what was read"),),
            (Fix("kubectl -n kube-system get deployments,services"),),
        )
        return
    yield from _down(ward, service)
    yield from _failing(ward, service)
    yield from _other_server(ward, service)


def _namespaces(ward: Ward) -> set[str]:
    """Namespaces with any object that was read."""
    return {ref.namespace for ref in ward.cluster.documents}


def _down(ward: Ward, service: Service) -> Iterator[Finding]:
    pods = ward.pods_behind(service)
    if not ward.cluster.has_read("EndpointSlice") or ward.has_ready_endpoint(service) or any(p.is_ready for p in pods):
        return
    evidence = [Evidence(f"EndpointSlices of {service.key}: no ready endpoint", "what was read")]
    words = Phrase("no server is behind it")
    if pods:
        trouble = troubles_of(ward.cluster, pods[0])[0]
        words = Phrase("Pod {pod} is not ready: {trouble}", pod=pods[0].name, trouble=trouble.message)
        evidence.append(trouble.evidence)
    fix = Fix(f"kubectl -n {service.namespace} logs {'deployment/' + service.name if not pods else pods[0].name}")
    text = Phrase("the DNS Service {service} has no ready server: {words}", service=service.key, words=words)
    yield Finding("dns-down", ref_of(service), text, tuple(evidence), (fix,))


def _failing(ward: Ward, service: Service) -> Iterator[Finding]:
    for pod in ward.pods_behind(service):
        for log in ward.cluster.observed(LOG):
            lines = [line for line in log.text.splitlines()[-_LAST:] if _FAILURES.search(line)]
            if log.is_of(pod.namespace, pod.name) and (
                len(lines) >= _MANY or any("plugin/loop" in line for line in lines)
            ):
                text = Phrase(
                    "the DNS server {pod} cannot answer for names outside: {line}",
                    pod=pod.name,
                    line=lines[-1].strip(),
                )
                evidence = Evidence(f"log: {lines[-1].strip()}", log.where, EvidenceKind.OBSERVATION)
                fix = Fix(f"kubectl -n {pod.namespace} edit configmap coredns  # forward . SERVER-THAT-ANSWERS")
                yield Finding("dns-failing", Ref("Pod", pod.namespace, pod.name), text, (evidence,), (fix,))


def _other_server(ward: Ward, service: Service) -> Iterator[Finding]:
    for seen in ward.cluster.observed(RESOLV_CONF):
        servers = re.findall(r"^nameserver (\S+)", seen.text, re.MULTILINE)
        pod = next((p for p in ward.cluster.snapshot.pods.values() if seen.is_of(p.namespace, p.name)), None)
        if (
            pod is None
            or pod.spec.dns_policy != "ClusterFirst"
            or pod.spec.host_network
            or set(servers) & {*service.cluster_ips, "169.254.20.10"}
        ):
            continue
        text = Phrase(
            "Pod {pod} asks {servers}, and the cluster's DNS is at {cluster_ips}",
            pod=pod.key,
            servers=servers,
            cluster_ips=service.cluster_ips,
        )
        evidence = Evidence(f"resolv.conf: nameserver {' '.join(servers)}", seen.where, EvidenceKind.OBSERVATION)
        fix = Fix(
            f"kubectl get --raw /api/v1/nodes/{pod.spec.node_name or 'NODE'}/proxy/configz  # clusterDNS of the kubelet"
        )
        yield Finding("dns-other-server", Ref("Pod", *pod.key), text, (evidence,), (fix,))


def check_proxies(ward: Ward) -> Iterator[Finding]:
    """The Pods of the proxies, and the observed rules."""
    proxies = (p for name in _PROXIES for p in ward.cluster.selected_pods(DNS_NAMESPACE, {"k8s-app": name}))
    for pod in proxies:
        if ward.is_running(pod) and not pod.is_ready and not pod.is_terminating:
            yield _dead(ward, pod)
    yield from _without_proxy(ward)
    for seen in ward.cluster.observations:
        if seen.kind in _RULES:
            node = _node_of(ward, seen)
            yield from _leftovers(ward, seen, node)
            yield from _behind(ward, seen, node)


_NO_PROXY = {"type": "virtual-kubelet", "eks.amazonaws.com/compute-type": "fargate", "kubernetes.io/os": "windows"}


def _without_proxy(ward: Ward) -> Iterator[Finding]:
    """Nodes without a Pod of the proxy, if other nodes have one."""
    for name in _PROXIES:
        served = {pod.spec.node_name for pod in ward.cluster.selected_pods(DNS_NAMESPACE, {"k8s-app": name})}
        for node in sorted(ward.cluster.snapshot.nodes.values(), key=lambda node: node.name):
            is_other = any(node.labels.get(key) == value for key, value in _NO_PROXY.items())
            if not served or node.name in served or is_other or not node.is_ready or node.is_terminating:
                continue
            ref = Ref("Node", "", node.name)
            text = Phrase("Node {node} has no Pod of {proxy}, and other nodes have one", node=node.name, proxy=name)
            evidence = Evidence(f"Pods of {name} on {', '.join(sorted(served))}", "what was read")
            fix = Fix(f"kubectl -n {DNS_NAMESPACE} describe daemonset {name}")
            yield Finding("proxy-down", ref, text, (evidence,), (fix,))


def _dead(ward: Ward, pod: Pod) -> Finding:
    trouble = troubles_of(ward.cluster, pod)[0]
    text = Phrase(
        "the proxy {pod} of node {node_name} is not ready: {trouble}",
        pod=pod.name,
        node_name=pod.spec.node_name,
        trouble=trouble.message,
    )
    fix = Fix(f"kubectl -n {pod.namespace} logs {pod.name} --previous")
    return Finding("proxy-down", Ref("Pod", *pod.key), text, (trouble.evidence,), (fix,))


def _node_of(ward: Ward, seen: Observation) -> str:
    return next((name for name in sorted(ward.cluster.snapshot.nodes) if seen.is_of(name)), "a node")


_TRACES = {
    "kube-proxy (iptables)": re.compile(r"\bKUBE-SVC-[A-Z0-9]{16}\b"),
    "kube-proxy (nftables)": re.compile(r'table ip6? kube-proxy \{|"name": ?"kube-proxy"'),
    "Fairlead (nftables)": re.compile(r'table ip6? fairlead \{|"name": ?"fairlead"'),
    "IPVS": re.compile(r"\bKUBE-NODE-PORT\b|--match-set KUBE-CLUSTER-IP"),
}


def _leftovers(ward: Ward, seen: Observation, node: str) -> Iterator[Finding]:
    """Rules of two proxies: the older ones might decide first, and are no longer updated."""
    same_node = [o for o in ward.cluster.observations if o.kind in _RULES and _node_of(ward, o) == node]
    found = [name for name, sign in _TRACES.items() if any(sign.search(o.text) for o in same_node)]
    if len(found) > 1 and seen is same_node[0]:
        text = Phrase("{node} has rules of {found: and of }: packets meet both", node=node, found=found)
        evidence = Evidence(f"rules of {' and '.join(found)}", seen.where, EvidenceKind.OBSERVATION)
        fix = Fix("kube-proxy --cleanup  # on the node, of the proxy that no longer runs")
        yield Finding("proxy-leftovers", Ref("Node", "", node), text, (evidence,), (fix,))


def _behind(ward: Ward, seen: Observation, node: str) -> Iterator[Finding]:
    """Services whose virtual IP or endpoints are missing in the rules of a node that has others."""
    words = frozenset(re.findall(r"\d+\.\d+\.\d+\.\d+", seen.text))
    ours = [s for s in ward.services if s.cluster_ips and ":" not in s.cluster_ips[0] and ward.has_ready_endpoint(s)]
    if not any(service.cluster_ips[0] in words for service in ours):
        return
    for service in ours:
        ready = {
            e.addresses[0] for e in ward.endpoints(service) if e.is_ready and e.addresses and ":" not in e.addresses[0]
        }
        lacks = (
            "its virtual IP"
            if service.cluster_ips[0] not in words
            else "its endpoints"
            if ready and not ready & words
            else ""
        )
        if lacks and not service.is_headless:
            text = Phrase(
                "the rules of {node} do not know {lacks}: Service {service} does not work there",
                node=node,
                lacks=Phrase(lacks),
                service=service.key,
            )
            evidence = Evidence(
                f"no rule has {service.cluster_ips[0] if 'IP' in lacks else ', '.join(sorted(ready))}",
                seen.where,
                EvidenceKind.OBSERVATION,
            )
            fix = Fix(f"kubectl -n kube-system delete pod -l k8s-app=kube-proxy --field-selector spec.nodeName={node}")
            yield Finding("proxy-behind", Ref("Node", "", node), text, (evidence,), (fix,), harmed(service))


_FLOW = re.compile(
    r"^(?:ipv4\s+\d+\s+)?udp\s.*?src=(?P<client>\S+) dst=(?P<to>\S+) sport=\d+ dport=(?P<port>\d+)"
    r".*?src=(?P<server>\S+) dst=",
)


def check_flows(ward: Ward) -> Iterator[Finding]:
    """UDP flows to a Service that were translated to a former endpoint, or not at all."""
    known = {
        (ip, port.port): service
        for service in ward.services
        for port in service.spec.ports
        if port.protocol == "UDP"
        for ip in service.cluster_ips
    }
    for seen in ward.cluster.observed(CONNTRACK):
        told: set[ObjectKey] = set()
        for line in seen.text.splitlines():
            match = _FLOW.search(line)
            service = known.get((match["to"], int(match["port"]))) if match else None
            if match and service and service.key not in told and _is_stale(ward, service, match["server"]):
                told.add(service.key)
                yield _stale(ward, service, match, seen)


def _is_stale(ward: Ward, service: Service, server: str) -> bool:
    serving = {a for e in ward.endpoints(service) if e.is_ready or e.is_serving for a in e.addresses}
    return bool(serving) and server not in serving


def _stale(ward: Ward, service: Service, flow: "re.Match[str]", seen: Observation) -> Finding:
    to, port, server = flow["to"], flow["port"], flow["server"]
    text = Phrase(
        "a UDP flow of {client} to Service {service} leads to {server}, which is none of its endpoints",
        client=flow["client"],
        service=service.key,
        server=server,
    )
    evidence = Evidence(f"conntrack: {flow[0].strip()}", seen.where, EvidenceKind.OBSERVATION)
    fix = Fix(f"conntrack -D -p udp --orig-dst {to} --dport {port} --reply-src {server}")
    return Finding("stale-flows", Ref("Node", "", _node_of(ward, seen)), text, (evidence,), (fix,), harmed(service))
