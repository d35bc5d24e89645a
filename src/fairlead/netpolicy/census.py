"""The Pods, Namespaces and policies of a cluster as NetworkPolicies see them, immutable and indexed.

Pods in their node's network have no address of their own: policies do not apply to them, and selectors do not select
them. The same holds for Pods that have ended, whose addresses other Pods can have. A Pod that is not ready, or is being
deleted, still sends and receives.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from immutables import Map

from fairlead.model.names import ObjectKey
from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import Container, Namespace, Pod
from fairlead.netpolicy.reading import ReadPolicy, read_policy

K = TypeVar("K")
V = TypeVar("V")

NAME_LABEL = "kubernetes.io/metadata.name"  # which the API server puts on each Namespace

Labels = Mapping[str, str]


class NamedPort(NamedTuple):
    """A named port of a Pod's container; protocol in lower case."""

    protocol: str
    name: str
    number: int


class PolicySubject(NamedTuple):
    """A Pod to which policies apply."""

    key: ObjectKey
    labels: Labels
    addresses: tuple[str, ...]
    ports: frozenset[NamedPort]
    node: str
    is_terminating: bool
    created: str


def subject_of(pod: Pod | None) -> PolicySubject | None:
    """The Pod as policies see it; None for one to which they do not apply."""
    if pod is None or pod.spec.host_network or pod.is_finished or not pod.ips:
        return None
    return PolicySubject(
        pod.key,
        pod.labels,
        tuple(dict.fromkeys(pod.ips)),
        frozenset(_named_ports(pod)),
        pod.spec.node_name,
        pod.is_terminating,
        pod.metadata.creation_timestamp or "",
    )


def _named_ports(pod: Pod) -> Iterator[NamedPort]:
    for container in (*pod.spec.containers, *filter(_is_sidecar, pod.spec.init_containers or ())):
        for port in container.ports or ():
            if port.name:
                yield NamedPort(port.protocol.lower(), port.name, port.container_port)


def _is_sidecar(container: Container) -> bool:
    return container.restart_policy == "Always"


Subjects = Map[ObjectKey, PolicySubject]
Policies = Map[ObjectKey, ReadPolicy]
NOBODY: Subjects = Map()
NO_POLICIES: Policies = Map()
_NO_KEYS: frozenset[ObjectKey] = frozenset()


@dataclass(frozen=True)
class Census:
    """A cluster at one time.

    Attributes:
        subjects, policies: by key.
        in_namespace, policies_in: the same, by Namespace.
        claims: which subjects have an address.
        namespaces: the labels of each Namespace.
    """

    subjects: Subjects = field(default_factory=Map)
    policies: Policies = field(default_factory=Map)
    in_namespace: Map[str, Subjects] = field(default_factory=Map)
    policies_in: Map[str, Policies] = field(default_factory=Map)
    claims: Map[str, frozenset[ObjectKey]] = field(default_factory=Map)
    namespaces: Map[str, Labels] = field(default_factory=Map)

    @classmethod
    def of(
        cls, pods: Iterable[Pod], namespaces: Iterable[Namespace] = (), policies: Iterable[NetworkPolicy] = ()
    ) -> "Census":
        """The census of all objects."""
        census = cls()
        for pod in pods:
            census = census.with_subject(pod.key, subject_of(pod))
        for namespace in namespaces:
            census = census.with_namespace(namespace.name, namespace.labels)
        for policy in policies:
            census = census.with_policy(policy.key, read_policy(policy))
        return census

    def with_subject(self, key: ObjectKey, new: PolicySubject | None) -> "Census":
        """A census in which the Pod of that key is this one; None: policies do not apply to it, or it is gone."""
        old = self.subjects.get(key)
        if old == new:
            return self
        claims = self.claims
        for address in old.addresses if old else ():
            rest = claims[address] - {key}
            claims = claims.set(address, rest) if rest else claims.delete(address)
        for address in new.addresses if new else ():
            claims = claims.set(address, claims.get(address, _NO_KEYS) | {key})
        siblings = _put(self.in_namespace.get(key.namespace, NOBODY), key, new)
        return replace(
            self,
            subjects=_put(self.subjects, key, new),
            in_namespace=_put(self.in_namespace, key.namespace, siblings or None),
            claims=claims,
        )

    def with_namespace(self, name: str, labels: Labels | None) -> "Census":
        """A census with these labels of a Namespace; None: it is gone."""
        return replace(self, namespaces=_put(self.namespaces, name, labels))

    def with_policy(self, key: ObjectKey, new: ReadPolicy | None) -> "Census":
        """A census with this policy; None: it is gone."""
        siblings = _put(self.policies_in.get(key.namespace, NO_POLICIES), key, new)
        return replace(
            self,
            policies=_put(self.policies, key, new),
            policies_in=_put(self.policies_in, key.namespace, siblings or None),
        )

    def owner(self, address: str) -> PolicySubject | None:
        """The Pod that has an address; of several, one that is not being deleted, and the youngest."""
        subjects = [self.subjects[key] for key in self.claims.get(address, _NO_KEYS)]
        return max(subjects, key=lambda s: (not s.is_terminating, s.created, s.key), default=None)

    def labels_of(self, namespace: str) -> Labels:
        """A Namespace's labels, with the one of its name that every API server adds."""
        return {NAME_LABEL: namespace, **self.namespaces.get(namespace, {})}


def _put(mapping: Map[K, V], key: K, value: V | None) -> Map[K, V]:
    """The mapping with this value, None for none."""
    if value is not None:
        return mapping.set(key, value)
    return mapping.delete(key) if key in mapping else mapping
