"""NetworkPolicies that block clients of a Service, or a Pod's access to DNS."""

import json
from collections.abc import Iterable, Iterator

from fairlead.endpointslice.membership import resolve_ports
from fairlead.explain.cluster import Ref
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.lookups import resolve
from fairlead.explain.doctor.ward import Ward, harmed
from fairlead.explain.policies import refusing
from fairlead.explain.statements import Evidence
from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import Pod, Service
from fairlead.model.phrases import Phrase
from fairlead.trace.policies import EGRESS, INGRESS, End, ReceivedPacket, isolating_policies, opens, rules_of

_DNS = (ReceivedPacket(53, "UDP"), ReceivedPacket(53, "TCP"))


def check_isolation(ward: Ward, service: Service) -> Iterator[Finding]:
    """Isolated Pods of a Service whose target port no rule opens."""
    for pod in ward.pods_behind(service)[:1]:
        policies = isolating_policies(ward.cluster.snapshot, pod, INGRESS)
        if not policies:
            continue
        for port in _targets(service, pod):
            if not _is_open(policies, port, pod):
                names = ", ".join(policy.name for policy in policies)
                ref = Ref("NetworkPolicy", pod.namespace, policies[0].name)
                text = Phrase(
                    "NetworkPolicy {names} isolates the Pods of Service {service}, and no rule opens port {port}",
                    names=names,
                    service=service.key,
                    port=port.port,
                )
                evidence = (ward.cluster.field(ref, ".spec.ingress", len(rules_of(policies[0], INGRESS))),)
                yield Finding(
                    "policy-isolates",
                    ref,
                    text,
                    evidence,
                    (_opening(ref, port, is_begun=bool(rules_of(policies[0], INGRESS))),),
                    harmed(service),
                )
                return


def _is_open(policies: Iterable[NetworkPolicy], port: ReceivedPacket, pod: Pod) -> bool:
    """Whether a rule opens a port of a Pod for any client."""
    return any(opens(rule, port, pod) for policy in policies for rule in rules_of(policy, INGRESS))


def _targets(service: Service, pod: Pod) -> list[ReceivedPacket]:
    return [ReceivedPacket(p.port, p.protocol or "TCP") for p in resolve_ports(service, pod) if p.port]


def _opening(ref: Ref, port: ReceivedPacket, *, is_begun: bool) -> Fix:
    """A rule for the port, appended to those of the policy."""
    rule = {"ports": [{"port": port.port, "protocol": port.protocol}]}
    path, value = ("/spec/ingress/-", rule) if is_begun else ("/spec/ingress", [rule])
    patch = json.dumps([{"op": "add", "path": path, "value": value}], separators=(",", ":"))
    return Fix(f"kubectl -n {ref.namespace} patch networkpolicy {ref.name} --type json -p '{patch}'")


def check_clients(ward: Ward) -> Iterator[Finding]:
    """Clients that clearly use a Service, and a policy, on either side, that blocks them."""
    told: set[tuple[Ref, str]] = set()
    for reference in ward.references:
        client = ward.cluster.snapshot.pods.get((reference.namespace, reference.client.ref.name))  # type: ignore[call-overload]
        service = resolve(ward, reference).service
        if client is None or service is None or reference.client.is_template:
            continue
        for server in ward.pods_behind(service)[:1]:
            for finding in _between(ward, client, server, service):
                key = (finding.subject, finding.text)
                if key not in told:
                    told.add(key)
                    yield finding


def _between(ward: Ward, client: Pod, server: Pod, service: Service) -> Iterator[Finding]:
    for port in _targets(service, server):
        here, there = _end(client), _end(server)
        out = refusing(ward.cluster, EGRESS, here, there, port)
        in_ = refusing(ward.cluster, INGRESS, there, here, port)
        isolating = isolating_policies(ward.cluster.snapshot, server, INGRESS)
        sides = ((out, "Egress", client.namespace), (in_, "Ingress", server.namespace))
        for names, side, namespace in sides:
            if names and (side == "Egress" or _is_open(isolating, port, server)):
                ref = Ref("NetworkPolicy", namespace, names[0])
                text = Phrase(
                    "NetworkPolicy {names} ({side}) keeps Pod {client} from port {port} of Service {service}",
                    names=names,
                    side=side,
                    client=client.name,
                    port=port.port,
                    service=service.key,
                )
                evidence = (Evidence(f"{ref} .spec.{side.lower()}: no rule fits", ward.cluster.sources.get(ref, "")),)
                fix = Fix(f"kubectl -n {namespace} edit networkpolicy {names[0]}")
                yield Finding("policy-blocks", ref, text, evidence, (fix,), harmed(service))


def check_dns(ward: Ward) -> Iterator[Finding]:
    """Pods that use names and are not allowed to query DNS."""
    dns = ward.dns_service
    servers = ward.pods_behind(dns) if dns else []
    if not dns or not servers:
        return
    # Resolvers use UDP; after translation, policies see the servers' own port.
    asked = next((port for port in _targets(dns, servers[0]) if port.protocol == "UDP"), _DNS[0])
    told: set[str] = set()
    users = {r.client.ref for r in ward.references if any(c.isalpha() for c in r.host)}
    for key, pod in sorted(ward.cluster.snapshot.pods.items()):
        if Ref("Pod", *key) not in users:
            continue
        names = refusing(ward.cluster, EGRESS, _end(pod), _end(servers[0]), asked)
        if names and names[0] not in told:
            told.add(names[0])
            yield _no_dns(ward, pod, names[0], dns)


def _end(pod: Pod) -> End:
    return End(pod.ips[0] if pod.ips else "", pod)


def _no_dns(ward: Ward, pod: Pod, name: str, dns: Service) -> Finding:
    ref = Ref("NetworkPolicy", pod.namespace, name)
    space = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": dns.namespace}}}
    rule = {"to": [space], "ports": [{"port": port.port, "protocol": port.protocol} for port in _DNS]}
    patch = json.dumps([{"op": "add", "path": "/spec/egress/-", "value": rule}], separators=(",", ":"))
    command = f"kubectl -n {pod.namespace} patch networkpolicy {name} --type json -p '{patch}'"
    text = Phrase(
        "NetworkPolicy {name} (Egress) keeps Pod {pod} from DNS, so it finds no name at all", name=name, pod=pod.name
    )
    evidence = (Evidence(f"{ref} .spec.egress: no rule opens port 53", ward.cluster.sources.get(ref, "")),)
    return Finding("policy-blocks-dns", ref, text, evidence, (Fix(command),))
