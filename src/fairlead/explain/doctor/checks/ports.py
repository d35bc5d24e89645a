"""Target ports that no container has, or on which no process listens."""

from collections.abc import Iterator, Sequence
from typing import Any

from fairlead.explain.candidates import SelectorCandidate, closest
from fairlead.explain.cluster import Ref
from fairlead.explain.doctor.binding import loopback_word
from fairlead.explain.doctor.checks.listening import by_sockets, sockets_seen
from fairlead.explain.doctor.findings import Finding, Fix
from fairlead.explain.doctor.port_fixes import patched, patched_together, port_evidence, target_of
from fairlead.explain.doctor.ward import Ward, harmed, ref_of
from fairlead.explain.documents import at, number, rows, text, texts
from fairlead.explain.statements import Evidence
from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service, ServicePort
from fairlead.model.phrases import Phrase


class _Declared:
    """The ports that the containers of a Pod declare."""

    def __init__(self, spec: Doc) -> None:
        sidecars = [c for c in rows(spec, "initContainers") if text(c, "restartPolicy") == "Always"]
        self.containers = [*rows(spec, "containers"), *sidecars]
        self.ports = [p for c in self.containers for p in rows(c, "ports")]

    def numbers(self, protocol: str) -> list[int]:
        return [number(p, "containerPort") for p in self.ports if (text(p, "protocol") or "TCP") == protocol]

    def names(self, protocol: str) -> dict[str, int]:
        found = (p for p in self.ports if text(p, "name") and (text(p, "protocol") or "TCP") == protocol)
        return {text(p, "name"): number(p, "containerPort") for p in found}

    def probed(self) -> set[int | str]:
        """Ports of readiness and liveness probes: a process answers there."""
        kinds = ("readinessProbe", "livenessProbe", "startupProbe")
        found = (
            at(c, kind, way, "port")
            for c in self.containers
            for kind in kinds
            for way in ("httpGet", "tcpSocket", "grpc")
        )
        return {port for port in found if isinstance(port, int | str)}


def check_ports(ward: Ward, service: Service) -> Iterator[Finding]:
    """Each port of a Service against the containers behind it."""
    if not service.spec.selector or service.is_external_name:
        return
    candidates = ward.behind(service)
    if not candidates:
        return
    found = [
        (port.target_port or port.port, each)
        for index, port in enumerate(service.spec.ports)
        for each in _check(ward, service, index, port, candidates)
    ]
    whole = patched_together(service, [each for _, each in found])
    yield from _one_of_each_cause([(target, each) for (target, _), each in zip(found, whole, strict=True)])


def _one_of_each_cause(found: Sequence[tuple[int | str, Finding]]) -> list[Finding]:
    """Keeps one of the findings with the same target port or the same evidence: they have the same cause."""
    causes: dict[tuple[str, Ref, object], Finding] = {}
    for target, finding in found:
        what = target if finding.fixes[0].patch else finding.evidence[-1]
        causes.setdefault((finding.code, finding.subject, what), finding)
    return list(causes.values())


def _check(
    ward: Ward, service: Service, index: int, port: ServicePort, candidates: Sequence[SelectorCandidate]
) -> Iterator[Finding]:
    if isinstance(port.target_port, str):
        if all(port.target_port not in _Declared(c.spec).names(port.protocol) for c in candidates):
            yield _unnamed(ward, service, index, port, candidates[0])
        else:
            yield from _partly_named(ward, service, port, candidates)
        return
    seen = [found for c in candidates if (found := sockets_seen(ward, c)) is not None]
    if seen:
        yield from by_sockets(ward, service, port, seen)
        return
    yield from _by_words(ward, service, port, candidates)
    yield from _by_declaration(ward, service, index, port, candidates[0])


def _partly_named(
    ward: Ward, service: Service, port: ServicePort, candidates: Sequence[SelectorCandidate]
) -> Iterator[Finding]:
    """A ready Pod without the named port, among others with it: it gets no connections."""
    name = str(port.target_port)
    for candidate in candidates:
        pod = ward.cluster.snapshot.pods.get(ObjectKey(candidate.ref.namespace, candidate.ref.name))
        declared = _Declared(candidate.spec)
        if candidate.is_template or pod is None or not pod.is_ready or name in declared.names(port.protocol):
            continue
        text_ = Phrase(
            "{candidate} has no port {target_port}, which others behind Service {service} have: nobody is sent to it",
            candidate=candidate.ref,
            target_port=name,
            service=service.key,
        )
        evidence = (port_evidence(ward, service, port), _ports_of(ward, candidate, declared))
        fix = Fix(f"kubectl -n {service.namespace} get pods -o yaml  # name the container's port {name}")
        yield Finding("target-port-unnamed", candidate.ref, text_, evidence, (fix,), harmed(service))
        return


def _unnamed(ward: Ward, service: Service, index: int, port: ServicePort, candidate: SelectorCandidate) -> Finding:
    declared = _Declared(candidate.spec)
    names = declared.names(port.protocol)
    other = "UDP" if port.protocol == "TCP" else "TCP"
    evidence = (port_evidence(ward, service, port), _ports_of(ward, candidate, declared))
    if port.target_port in declared.names(other):
        text_ = Phrase(
            "port {target_port} of {candidate} is {other}, where Service {service} wants {protocol}",
            target_port=port.target_port,
            candidate=candidate.ref,
            other=other,
            service=service.key,
            protocol=port.protocol,
        )
        return Finding(
            "protocol-mismatch",
            ref_of(service),
            text_,
            evidence,
            (patched(service, index, protocol=other),),
            harmed(service),
        )
    meant = closest(str(port.target_port), names) or (next(iter(names)) if len(names) == 1 else None)
    numbers = declared.numbers(port.protocol)
    instead: Any = meant or (numbers[0] if len(set(numbers)) == 1 else None)
    fixes = (
        (patched(service, index, targetPort=instead),)
        if instead
        else (Fix(f"kubectl -n {service.namespace} edit service {service.name}"),)
    )
    text_ = Phrase(
        "targetPort {target_port} of Service {service} is no port of {candidate}; it has {ports}",
        target_port=port.target_port,
        service=service.key,
        candidate=candidate.ref,
        ports=[f"{n} ({v})" for n, v in names.items()] or numbers or Phrase("none"),
    )
    return Finding("target-port-unnamed", ref_of(service), text_, evidence, fixes, harmed(service))


def _ports_of(ward: Ward, candidate: SelectorCandidate, declared: _Declared) -> Evidence:
    words = [
        f"{text(p, 'name') or 'unnamed'} {number(p, 'containerPort')}/{text(p, 'protocol') or 'TCP'}"
        for p in declared.ports
    ]
    return ward.cluster.field(candidate.ref, ".spec.containers[*].ports", words)


def _by_declaration(
    ward: Ward, service: Service, index: int, port: ServicePort, candidate: SelectorCandidate
) -> Iterator[Finding]:
    """Declared ports are only documentation: a probe of the port is stronger evidence."""
    declared, target = _Declared(candidate.spec), target_of(port)
    numbers = declared.numbers(port.protocol)
    other = "UDP" if port.protocol == "TCP" else "TCP"
    evidence = (port_evidence(ward, service, port), _ports_of(ward, candidate, declared))
    if target in numbers or target in declared.probed():
        return
    if target in declared.numbers(other):
        text_ = Phrase(
            "port {target} of {candidate} is {other}, where Service {service} wants {protocol}",
            target=target,
            candidate=candidate.ref,
            other=other,
            service=service.key,
            protocol=port.protocol,
        )
        yield Finding(
            "protocol-mismatch",
            ref_of(service),
            text_,
            evidence,
            (patched(service, index, protocol=other),),
            harmed(service),
        )
    elif numbers and not _mentions(declared, target):
        text_ = Phrase(
            "targetPort {target} of Service {service} is no port of {candidate}, which has {ports}",
            target=target,
            service=service.key,
            candidate=candidate.ref,
            ports=numbers,
        )
        fix = patched(service, index, targetPort=numbers[0])
        yield Finding("target-port-undeclared", ref_of(service), text_, evidence, (fix,), harmed(service))


def _mentions(declared: _Declared, port: int) -> bool:
    """Whether a container's arguments or variables contain the port."""
    words = [
        w
        for c in declared.containers
        for w in (*texts(c, "command"), *texts(c, "args"), *(text(e, "value") for e in rows(c, "env")))
    ]
    return any(str(port) in word for word in words)


def _by_words(
    ward: Ward, service: Service, port: ServicePort, candidates: Sequence[SelectorCandidate]
) -> Iterator[Finding]:
    """An argument or variable that makes the process listen on loopback."""
    for candidate in candidates[:1]:
        for container in _Declared(candidate.spec).containers:
            word = loopback_word(container, target_of(port))
            if word:
                evidence = ward.cluster.field(candidate.ref, f".spec.containers[{text(container, 'name')}]", word)
                text_ = Phrase(
                    "{candidate} listens on 127.0.0.1 only ({word}): nobody else can connect to it",
                    candidate=candidate.ref,
                    word=word,
                )
                command = (
                    f"kubectl -n {service.namespace} edit {candidate.ref.kind.lower()} {candidate.ref.name}  # "
                    "listen on 0.0.0.0"
                )
                yield Finding(
                    "listens-on-loopback", candidate.ref, text_, (evidence,), (Fix(command),), harmed(service)
                )
