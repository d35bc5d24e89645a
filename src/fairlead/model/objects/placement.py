"""On which Nodes a Pod can run: selectors, affinities, tolerations and spread."""

from collections.abc import Mapping

import msgspec

from fairlead.model.objects.metadata import Slim


class Toleration(Slim, frozen=True):
    """Which taints a Pod bears; an empty ``key`` or ``effect`` stands for all of them."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


class SelectorTerm(Slim, frozen=True):
    """One expression over labels; ``operator`` is In, NotIn, Exists, DoesNotExist, or for Nodes also Gt or Lt."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] | None = None


class LabelSelector(Slim, frozen=True):
    """A selector as workloads and affinities write it: all pairs and all expressions must hold."""

    match_labels: Mapping[str, str] | None = None
    match_expressions: tuple[SelectorTerm, ...] | None = None


class NodeSelectorTerm(Slim, frozen=True):
    """Expressions over a Node's labels and over its field ``metadata.name``, all of which must hold."""

    match_expressions: tuple[SelectorTerm, ...] | None = None
    match_fields: tuple[SelectorTerm, ...] | None = None


class NodeSelector(Slim, frozen=True):
    """Terms, one of which must hold."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()


class PreferredNodes(Slim, frozen=True):
    """Nodes that are preferred, by a weight from 1 to 100."""

    weight: int = 0
    preference: NodeSelectorTerm = NodeSelectorTerm()


class NodeAffinity(Slim, frozen=True):
    """Which Nodes a Pod must be on, and which it is to be on if that can be."""

    required: NodeSelector | None = msgspec.field(default=None, name=_REQUIRED)
    preferred: tuple[PreferredNodes, ...] | None = msgspec.field(default=None, name=_PREFERRED)


class PodAffinityTerm(Slim, frozen=True):
    """Other Pods, selected by labels, and the Node label whose values are the topology domains.

    Attributes:
        namespaces, namespace_selector: where the other Pods are; if neither is there, in the Pod's own namespace.
    """

    topology_key: str = ""
    label_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] | None = None
    namespace_selector: LabelSelector | None = None


class PreferredPods(Slim, frozen=True):
    """Other Pods to be near, or away from, by a weight from 1 to 100."""

    pod_affinity_term: PodAffinityTerm
    weight: int = 0


class PodAffinity(Slim, frozen=True):
    """Which other Pods a Pod must be near, or (as anti-affinity) must not share a place with, and what it prefers."""

    required: tuple[PodAffinityTerm, ...] | None = msgspec.field(default=None, name=_REQUIRED)
    preferred: tuple[PreferredPods, ...] | None = msgspec.field(default=None, name=_PREFERRED)


class Affinity(Slim, frozen=True):
    """Requirements and preferences for the Node of a Pod."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class TopologySpreadConstraint(Slim, frozen=True):
    """How Pods are spread over the values of a label of Nodes; ``when_unsatisfiable`` is DoNotSchedule or
    ScheduleAnyway."""

    max_skew: int = 1
    topology_key: str = ""
    when_unsatisfiable: str = ""
    label_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] | None = None
    min_domains: int = 1
    node_affinity_policy: str = "Honor"
    node_taints_policy: str = "Ignore"
