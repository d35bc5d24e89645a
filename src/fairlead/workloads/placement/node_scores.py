"""Scores the Nodes that fit a Pod: the sum of four scores from 0 to 100, with upstream's weights.

Upstream: ``pkg/scheduler/framework/plugins`` (tainttoleration, nodeaffinity, interpodaffinity, podtopologyspread), the
default weights in ``pkg/scheduler/apis/config/v1/default_plugins.go``.
"""

from collections.abc import Callable, Sequence

from fairlead.model.objects import Node, Pod
from fairlead.workloads.placement.affinity import preference_score
from fairlead.workloads.placement.pod_affinity import InterPodAffinity
from fairlead.workloads.placement.topology_spread import Spread

_MOST = 100.0
_OF_TAINTS, _OF_NODES, _OF_PODS, _OF_SPREAD = 3, 2, 2, 2


def scores(
    pod: Pod, nodes: Sequence[Node], affinity: InterPodAffinity, spread: Spread, untolerated: Callable[[Node], int]
) -> dict[str, float]:
    """Name of each Node -> its score; the largest is preferred.

    Args:
        untolerated: the number of PreferNoSchedule taints of a Node that the Pod does not tolerate.
    """
    partial = (
        (_OF_TAINTS, _fewest([untolerated(node) for node in nodes])),
        (_OF_NODES, _most([preference_score(pod, node) for node in nodes])),
        (_OF_PODS, _between([affinity.score(node) for node in nodes])),
        (_OF_SPREAD, _spread(spread, nodes)),
    )
    totals = (sum(weight * each[index] for weight, each in partial) for index in range(len(nodes)))
    return {node.name: round(total, 6) for node, total in zip(nodes, totals, strict=True)}


def _fewest(counts: list[int]) -> list[float]:
    most = max(counts)
    return [_MOST * (most - count) / most if most else _MOST for count in counts]


def _most(weights: list[int]) -> list[float]:
    most = max(weights)
    return [_MOST * weight / most if most else 0.0 for weight in weights]


def _between(weights: list[int]) -> list[float]:
    least, most = min(weights), max(weights)
    return [_MOST * (weight - least) / (most - least) if most > least else 0.0 for weight in weights]


def _spread(spread: Spread, nodes: Sequence[Node]) -> list[float]:
    """A Node that lacks the topology key of a constraint scores 0."""
    costs = [spread.cost(node) for node in nodes]
    counted = [cost for lacks, cost in costs if not lacks]
    least, most = min(counted, default=0.0), max(counted, default=0.0)
    return [0.0 if lacks else _MOST * (most + least - cost) / most if most else _MOST for lacks, cost in costs]
