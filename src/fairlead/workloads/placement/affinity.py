"""Node affinity: the Nodes that a Pod requires or prefers by their labels.

Upstream: ``pkg/scheduler/framework/plugins/nodeaffinity``, component-helpers ``nodeaffinity``.
"""

from collections.abc import Mapping

from fairlead.model.labels import requirement
from fairlead.model.objects import Node, NodeSelectorTerm, Pod, SelectorTerm

NAME_FIELD = "metadata.name"


def allows_node(pod: Pod, node: Node) -> bool:
    """Whether the Pod's required node affinity, if any, matches the Node."""
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    if affinity is None or affinity.required is None:
        return True
    return any(_term_holds(term, node) for term in affinity.required.node_selector_terms)


def _term_holds(term: NodeSelectorTerm, node: Node) -> bool:
    """An empty term matches no Node, as upstream."""
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


def preference_score(pod: Pod, node: Node) -> int:
    """The sum of the weights of the preferred node affinity terms that match the Node."""
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity else None
    preferred = (affinity.preferred or ()) if affinity else ()
    return sum(each.weight for each in preferred if _term_holds(each.preference, node))
