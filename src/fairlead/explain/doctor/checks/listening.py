"""Observed listening sockets compared with the targets of Services."""

from collections.abc import Iterator, Sequence

from fairlead.explain.candidates import SelectorCandidate
from fairlead.explain.cluster import Ref
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.port_fixes import patched, port_evidence, target_of
from fairlead.explain.doctor.ward import Ward, harmed, ref_of
from fairlead.explain.observations import SOCKETS, Socket, listening
from fairlead.explain.statements import Evidence, EvidenceKind
from fairlead.model.objects import Service, ServicePort
from fairlead.model.phrases import Phrase


def sockets_seen(ward: Ward, candidate: SelectorCandidate) -> tuple[SelectorCandidate, list[Socket], str] | None:
    """The observed listening sockets of a Pod; None without an observation."""
    for observation in ward.cluster.observed(SOCKETS):
        if observation.is_of(candidate.ref.namespace, candidate.ref.name):
            return candidate, listening(observation.text), observation.where
    return None


def by_sockets(
    ward: Ward, service: Service, port: ServicePort, seen: Sequence[tuple[SelectorCandidate, list[Socket], str]]
) -> Iterator[Finding]:
    """Checks of the Pods' listening sockets, independent of declared ports."""
    target = target_of(port)
    for candidate, sockets, where in seen:
        own = [s for s in sockets if s.port == target and s.protocol == port.protocol.lower()]
        words = ", ".join(f"{s.address}:{s.port}" for s in sockets) or "nothing"
        evidence = Evidence(f"listening sockets: {words}", where, EvidenceKind.OBSERVATION)
        if own and all(s.is_loopback for s in own):
            text_ = Phrase(
                "{candidate} listens on {address}:{target} only: nobody else can connect to it",
                candidate=candidate.ref,
                address=own[0].address,
                target=target,
            )
            fix = Fix(f"kubectl -n {service.namespace} get pod {candidate.ref.name} -o yaml  # listen on 0.0.0.0")
            yield Finding("listens-on-loopback", candidate.ref, text_, (evidence,), (fix,), harmed(service))
            return
        if not own and port.protocol == "TCP":
            yield _elsewhere(ward, service, port, candidate, sockets, evidence)
            return


def _elsewhere(
    ward: Ward,
    service: Service,
    port: ServicePort,
    candidate: SelectorCandidate,
    sockets: list[Socket],
    evidence: Evidence,
) -> Finding:
    others = sorted({s.port for s in sockets if not s.is_loopback})
    text_ = Phrase(
        "nothing in {candidate} listens on port {target}, where Service {service} sends{elsewhere}",
        candidate=candidate.ref,
        target=target_of(port),
        service=service.key,
        elsewhere=Phrase("; it listens on {ports}", ports=others) if others else "",
    )
    index = service.spec.ports.index(port)
    fixes = (
        (patched(service, index, targetPort=others[0]),)
        if len(others) == 1
        else (Fix(f"kubectl -n {service.namespace} logs {candidate.ref.name}"),)
    )
    subject: Ref = ref_of(service)
    return Finding(
        "listens-elsewhere", subject, text_, (port_evidence(ward, service, port), evidence), fixes, harmed(service)
    )
