"""NetworkPolicies that keep clients from a Service, or a Pod from DNS."""

import json
from collections.abc import Iterator

from fairlead.endpointslice.membership import resolve_ports
from fairlead.explain.cluster import Ref
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.lookups import resolve
from fairlead.explain.doctor.ward import Ward, harmed
from fairlead.explain.documents import rows
from fairlead.explain.policies import EGRESS, INGRESS, Peer, Port, named_ports, opens, policies_for, refusing
from fairlead.explain.statements import Evidence
from fairlead.model.objects import Pod, Service

_DNS = (Port(53, "UDP"), Port(53, "TCP"))


def check_isolation(ward: Ward, service: Service) -> Iterator[Finding]:
    """Pods behind a Service that are isolated, and whose target port no rule opens for anybody."""
    for pod in ward.pods_behind(service)[:1]:
        policies = policies_for(ward.cluster, pod, INGRESS)
        if not policies:
            continue
        for port in _targets(service, pod):
            if not any(opens(policy, INGRESS, port) for policy in policies):
                names = ", ".join(sorted(policy["metadata"]["name"] for policy in policies))
                ref = Ref("NetworkPolicy", pod.namespace, str(policies[0]["metadata"]["name"]))
                text = (
                    f"NetworkPolicy {names} isolates the Pods of Service {service.key}, and no rule opens port "
                    f"{port.number}"
                )
                evidence = (ward.cluster.field(ref, ".spec.ingress", len(list(rows(policies[0], "spec", "ingress")))),)
                yield Finding("policy-isolates", ref, text, evidence, (_opening(ref, port),), harmed(service))
                return


def _targets(service: Service, pod: Pod) -> list[Port]:
    found = resolve_ports(service, pod)
    return [Port(p.port, p.protocol or "TCP", named_ports(pod, p.port)) for p in found if p.port]


def _opening(ref: Ref, port: Port) -> Fix:
    rule = {"ports": [{"port": port.number, "protocol": port.protocol}]}
    patch = json.dumps([{"op": "add", "path": "/spec/ingress", "value": [rule]}], separators=(",", ":"))
    return Fix(f"kubectl -n {ref.namespace} patch networkpolicy {ref.name} --type json -p '{patch}'")


def check_clients(ward: Ward) -> Iterator[Finding]:
    """Clients that plainly use a Service which a policy, on either side, keeps them from."""
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
        there = Peer(server.ips[0] if server.ips else "", server)
        here = Peer(client.ips[0] if client.ips else "", client)
        out = refusing(ward.cluster, client, EGRESS, there, port)
        in_ = refusing(ward.cluster, server, INGRESS, here, port)
        sides = ((out, "Egress", client.namespace), (in_, "Ingress", server.namespace))
        for names, side, namespace in sides:
            if names and (
                side == "Egress" or any(opens(p, INGRESS, port) for p in policies_for(ward.cluster, server, INGRESS))
            ):
                ref = Ref("NetworkPolicy", namespace, names[0])
                text = (
                    f"NetworkPolicy {', '.join(names)} ({side}) keeps Pod {client.name} from port "
                    f"{port.number} of Service {service.key}"
                )
                evidence = (Evidence(f"{ref} .spec.{side.lower()}: no rule fits", ward.cluster.sources.get(ref, "")),)
                fix = Fix(f"kubectl -n {namespace} edit networkpolicy {names[0]}")
                yield Finding("policy-blocks", ref, text, evidence, (fix,), harmed(service))


def check_dns(ward: Ward) -> Iterator[Finding]:
    """Pods that use names and may not ask for them."""
    dns = ward.dns_service
    servers = ward.pods_behind(dns) if dns else []
    if not dns or not servers:
        return
    told: set[str] = set()
    users = {r.client.ref for r in ward.references if any(c.isalpha() for c in r.host)}
    for key, pod in sorted(ward.cluster.snapshot.pods.items()):
        if Ref("Pod", *key) not in users:
            continue
        refusals = [refusing(ward.cluster, pod, EGRESS, _peer(servers[0]), port) for port in _DNS]
        names = refusals[0] if all(refusals) else []
        if names and names[0] not in told:
            told.add(names[0])
            yield _no_dns(ward, pod, names[0], dns)


def _peer(pod: Pod) -> Peer:
    return Peer(pod.ips[0] if pod.ips else "", pod)


def _no_dns(ward: Ward, pod: Pod, name: str, dns: Service) -> Finding:
    ref = Ref("NetworkPolicy", pod.namespace, name)
    space = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": dns.namespace}}}
    rule = {"to": [space], "ports": [{"port": port.number, "protocol": port.protocol} for port in _DNS]}
    patch = json.dumps([{"op": "add", "path": "/spec/egress/-", "value": rule}], separators=(",", ":"))
    command = f"kubectl -n {pod.namespace} patch networkpolicy {name} --type json -p '{patch}'"
    text = f"NetworkPolicy {name} (Egress) keeps Pod {pod.name} from DNS, so it finds no name at all"
    evidence = (Evidence(f"{ref} .spec.egress: no rule opens port 53", ward.cluster.sources.get(ref, "")),)
    return Finding("policy-blocks-dns", ref, text, evidence, (Fix(command),))
