"""Subjects that a user can name: ``svc/web``, ``pod/db-0``, ``dns/web.default``, an address, a port; and their
explanations."""

from collections.abc import Callable
from typing import NamedTuple

from fairlead.explain.about.names import explain_name
from fairlead.explain.about.others import (
    explain_endpoint_slice,
    explain_node,
    explain_stateful_set,
)
from fairlead.explain.about.pods import explain_pod
from fairlead.explain.about.points import explain_address, explain_port
from fairlead.explain.about.services import explain_service
from fairlead.explain.cluster import Cluster, Ref, plural
from fairlead.explain.policies import tell_policy
from fairlead.explain.proxying import Proxying
from fairlead.explain.statements import Statement
from fairlead.model.addresses import parse_ip
from fairlead.model.names import ObjectKey
from fairlead.model.phrases import Phrase

KINDS = {
    "Service": ("service", "services", "svc"),
    "Pod": ("pod", "pods", "po"),
    "EndpointSlice": ("endpointslice", "endpointslices"),
    "Node": ("node", "nodes", "no"),
    "StatefulSet": ("statefulset", "statefulsets", "sts"),
    "NetworkPolicy": ("networkpolicy", "networkpolicies", "netpol"),
    "name": ("dns", "name"),
    "address": ("address", "ip"),
    "port": ("port",),
}
_WORDS = {word: kind for kind, words in KINDS.items() for word in words}


class SubjectError(ValueError):
    """The subject cannot be read, or does not exist; the message says so."""


class NoSuchObject(SubjectError):
    """The object does not exist."""


class Subject(NamedTuple):
    """Something to explain: an object, a DNS name, an address or a port."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        if self.kind in ("name", "address", "port"):
            return f"{self.kind} {self.name}"
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def parse_subject(text: str, namespace: str = "default") -> Subject:
    """Parse ``KIND/NAME``, ``KIND/NAMESPACE/NAME``, an address or ``ADDRESS:PORT``.

    Raises:
        SubjectError: it is none of these.
    """
    word, slash, name = text.partition("/")
    if not slash:
        return _parse_bare(text)
    kind = _WORDS.get(word.lower())
    if kind is None or not name:
        known = ", ".join(words[0] for words in KINDS.values())
        raise SubjectError(Phrase("{text!r}: give KIND/NAME, with one of these kinds: {known}", text=text, known=known))
    if kind in ("name", "address", "port", "Node"):
        return Subject(kind, "", name)
    space, slash, rest = name.partition("/")
    return Subject(kind, space, rest) if slash else Subject(kind, namespace, name)


def _parse_bare(text: str) -> Subject:
    host, colon, port = text.rpartition(":")
    if parse_ip(text) or (colon and port.isdigit() and parse_ip(host.strip("[]"))):
        return Subject("address", "", text)
    if text.isdigit():
        return Subject("port", "", text)
    raise SubjectError(Phrase("{text!r}: give KIND/NAME, an address, or ADDRESS:PORT", text=text))


def explain(cluster: Cluster, subject: Subject, proxying: Proxying, from_namespace: str | None = None) -> Statement:
    """Everything about the subject.

    Args:
        from_namespace: for a DNS name: the Namespace of the querying Pod.

    Raises:
        SubjectError: it does not exist, or does not fit its kind.
    """
    if subject.kind == "name":
        return explain_name(cluster, subject.name, from_namespace)
    if subject.kind == "address":
        return _address(cluster, subject)
    if subject.kind == "port":
        if not subject.name.isdigit():
            raise SubjectError(Phrase("{text!r} is not a port", text=subject.name))
        return explain_port(cluster, int(subject.name))
    return _OBJECTS[subject.kind](cluster, subject, proxying)


def _address(cluster: Cluster, subject: Subject) -> Statement:
    whole = parse_ip(subject.name)
    host, _, port = subject.name.rpartition(":")
    address = whole or parse_ip(host.strip("[]"))
    if address is None:
        raise SubjectError(Phrase("{text!r} is not an address", text=subject.name))
    return explain_address(cluster, address, None if whole else int(port))


def _service(cluster: Cluster, subject: Subject, proxying: Proxying) -> Statement:
    found = cluster.snapshot.services.get(ObjectKey(subject.namespace, subject.name))
    return explain_service(cluster, found, proxying) if found else _absent(cluster, subject)


def _pod(cluster: Cluster, subject: Subject, _: Proxying) -> Statement:
    found = cluster.snapshot.pods.get(ObjectKey(subject.namespace, subject.name))
    return explain_pod(cluster, found) if found else _absent(cluster, subject)


def _node(cluster: Cluster, subject: Subject, proxying: Proxying) -> Statement:
    found = cluster.snapshot.nodes.get(subject.name)
    return explain_node(cluster, found, proxying) if found else _absent(cluster, subject)


def _slice(cluster: Cluster, subject: Subject, _: Proxying) -> Statement:
    key = ObjectKey(subject.namespace, subject.name)
    owner = cluster.snapshot.slice_owners.get(key)
    if owner is None:
        return _unowned_slice(cluster, subject)
    return explain_endpoint_slice(cluster, cluster.snapshot.slices[owner][subject.name])


def _unowned_slice(cluster: Cluster, subject: Subject) -> Statement:
    from fairlead.explain.reading import decoded
    from fairlead.model.objects import EndpointSlice

    document = cluster.document(*subject)
    if document is None or cluster.fault_of(Ref(*subject)):
        return _absent(cluster, subject)
    return explain_endpoint_slice(cluster, decoded(EndpointSlice, document))


def _stateful_set(cluster: Cluster, subject: Subject, _: Proxying) -> Statement:
    document = cluster.document(*subject)
    key = ObjectKey(subject.namespace, subject.name)
    return explain_stateful_set(cluster, key, document) if document else _absent(cluster, subject)


def _policy(cluster: Cluster, subject: Subject, _: Proxying) -> Statement:
    policy = cluster.snapshot.policies.get(ObjectKey(subject.namespace, subject.name))
    return tell_policy(cluster, policy) if policy else _absent(cluster, subject)


def _absent(cluster: Cluster, subject: Subject) -> Statement:
    """Missing, unreadable, or not looked for: the three must not be confused."""
    fault = cluster.fault_of(Ref(*subject))
    if fault is not None:
        raise SubjectError(Phrase("{where}: {message}", where=fault.where, message=fault.message))
    if not cluster.has_read(subject.kind):
        raise SubjectError(
            Phrase(
                "{kinds} were not read, so nothing can be said about {subject}",
                kinds=plural(subject.kind),
                subject=subject,
            )
        )
    spaces = sorted(key.namespace for key in cluster.of_kind(subject.kind) if key.name == subject.name)
    hint = Phrase("; there is one in {spaces}", spaces=spaces) if spaces else ""
    raise NoSuchObject(Phrase("there is no {subject}{hint}", subject=subject, hint=hint))


_OBJECTS: dict[str, Callable[[Cluster, Subject, Proxying], Statement]] = {
    "Service": _service,
    "Pod": _pod,
    "Node": _node,
    "EndpointSlice": _slice,
    "StatefulSet": _stateful_set,
    "NetworkPolicy": _policy,
}
