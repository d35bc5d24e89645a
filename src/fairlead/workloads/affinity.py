"""Where a Pod must be by the labels of Nodes, and whom it must not share a place with.

A place is all Nodes with the same value of a label, the topology key. Only what is required is looked at, not what is
preferred; anti-affinity counts both ways: the new Pod's against those that are there, and theirs against it.
Upstream: ``pkg/scheduler/framework/plugins/{nodeaffinity,interpodaffinity}``, component-helpers ``nodeaffinity``.
"""

from collections.abc import Iterable, Mapping

from fairlead.model.labels import matches, requirement, requirements
from fairlead.model.objects import Node, NodeSelectorTerm, Pod, PodAffinityTerm, SelectorTerm

NAME_FIELD = "metadata.name"

Place = tuple[str, str]  # topology key, its value


def allows_node(pod: Pod, node: Node) -> bool:
    """Whether the Pod's required node affinity, if it has one, lets it be on the Node."""
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    if affinity is None or affinity.required is None:
        return True
    return any(_term_holds(term, node) for term in affinity.required.node_selector_terms)


def _term_holds(term: NodeSelectorTerm, node: Node) -> bool:
    """A term that says nothing finds nothing, as upstream has it."""
    expressions, fields = term.match_expressions or (), term.match_fields or ()
    named = {NAME_FIELD: node.name}
    return (
        bool(expressions or fields)
        and all(_holds(expression, node.labels) for expression in expressions)
        and all(_holds(expression, named) for expression in fields)
    )


def _holds(expression: SelectorTerm, labels: Mapping[str, str]) -> bool:
    if expression.operator not in ("Gt", "Lt"):
        return requirement(expression).matches(labels)
    value, bound = labels.get(expression.key, ""), (expression.values or ("",))[0]
    if not (value.isdigit() and bound.isdigit()):
        return False
    return int(value) > int(bound) if expression.operator == "Gt" else int(value) < int(bound)


def anti_affinity(pod: Pod) -> tuple[PodAffinityTerm, ...]:
    """The Pod's required anti-affinity terms."""
    affinity = pod.spec.affinity.pod_anti_affinity if pod.spec.affinity else None
    return (affinity.required or ()) if affinity else ()


def shunned_places(
    pod: Pod, placed: Iterable[Pod], shunning: Iterable[Pod], labels_of: Mapping[str, Mapping[str, str]]
) -> frozenset[Place]:
    """The places where the Pod must not be.

    Args:
        placed: all Pods that have a Node; looked at only when the Pod has terms of its own.
        shunning: those of them that have terms of theirs.
        labels_of: the labels of each Node by its name.
    """
    own = anti_affinity(pod)
    by_own = ((term, other) for other in (placed if own else ()) for term in own if _is_meant(term, pod, other))
    by_theirs = ((term, other) for other in shunning for term in anti_affinity(other) if _is_meant(term, other, pod))
    found = set()
    for term, other in (*by_own, *by_theirs):
        value = labels_of.get(other.spec.node_name, {}).get(term.topology_key)
        if value is not None:
            found.add((term.topology_key, value))
    return frozenset(found)


def _is_meant(term: PodAffinityTerm, owner: Pod, other: Pod) -> bool:
    if other.namespace not in (term.namespaces or (owner.namespace,)) or term.label_selector is None:
        return False
    return matches(requirements(term.label_selector), other.labels)
