"""Candidates for a selector: Pods, and the templates of workloads, with those that nearly match."""

from collections.abc import Callable, Iterable, Mapping
from difflib import SequenceMatcher
from typing import NamedTuple

from fairlead.explain.cluster import WORKLOADS, Cluster, Ref
from fairlead.explain.documents import mapping, number, pairs, rows
from fairlead.model.document import Doc
from fairlead.model.objects import Pod

SLIP = 0.6  # of two words, by difflib's measure: above it, a typing error; below it, another word


Measure = Callable[[str], float]


class SelectorCandidate(NamedTuple):
    """A Pod, or a workload's template.

    Attributes:
        spec: the Pod's ``spec``.
        replicas: how many Pods a workload wants; 1 for a Pod itself.
    """

    ref: Ref
    labels: Mapping[str, str]
    spec: Doc
    replicas: int = 1

    @property
    def is_template(self) -> bool:
        return self.ref.kind != "Pod"


class NearMiss(NamedTuple):
    """A candidate that nearly matches a selector: the pairs that differ, with its own key and value."""

    candidate: SelectorCandidate
    wrong: Mapping[str, tuple[str, str] | None]
    score: float


def of_pod(cluster: Cluster, pod: Pod) -> SelectorCandidate:
    """A Pod as a candidate."""
    document = cluster.document("Pod", pod.namespace, pod.name) or {}
    return SelectorCandidate(Ref("Pod", pod.namespace, pod.name), pod.labels, mapping(document, "spec"))


def all_templates(cluster: Cluster) -> dict[str, list[SelectorCandidate]]:
    """The templates of workloads without a controller, by Namespace."""
    found: dict[str, list[SelectorCandidate]] = {}
    for kind in WORKLOADS:
        for key, document in cluster.of_kind(kind).items():
            if any(owner.get("controller") for owner in rows(document, "metadata", "ownerReferences")):
                continue
            labels = pairs(document, "spec", "template", "metadata", "labels")
            spec = mapping(document, "spec", "template", "spec")
            wanted = number(document, "spec", "replicas", default=1)
            found.setdefault(key.namespace, []).append(SelectorCandidate(Ref(kind, *key), labels, spec, wanted))
    return found


def one_of_each(candidates: Iterable[SelectorCandidate]) -> list[SelectorCandidate]:
    """The first of all that have the same labels: a Pod before a template, then by name."""
    found: dict[frozenset[tuple[str, str]], SelectorCandidate] = {}
    for candidate in sorted(candidates, key=_rank):
        found.setdefault(frozenset(candidate.labels.items()), candidate)
    return list(found.values())


def _rank(candidate: SelectorCandidate) -> tuple[bool, Ref]:
    return candidate.is_template, candidate.ref


def near_misses(selector: Mapping[str, str], candidates: Iterable[SelectorCandidate]) -> list[NearMiss]:
    """The candidates that were probably meant, the likeliest first."""
    measures = {value: likeness_to(value) for value in selector.values()}
    found = [miss for candidate in candidates if (miss := _compare(selector, measures, candidate)) is not None]
    return sorted(found, key=lambda miss: (-miss.score, *_rank(miss.candidate)))


def _compare(
    selector: Mapping[str, str], measures: Mapping[str, Measure], candidate: SelectorCandidate
) -> NearMiss | None:
    wrong = {key: value for key, value in selector.items() if candidate.labels.get(key) != value}
    likeness = {pair: _likeliest(pair, measures[pair[1]], candidate.labels) for pair in wrong.items()}
    best = [score for score, _ in likeness.values()]
    score = (len(selector) - len(wrong) + sum(best)) / max(len(selector), 1)
    if not wrong or score < 0.5 or (any(each < SLIP for each in best) and len(wrong) == len(selector)):
        return None
    return NearMiss(candidate, {pair[0]: instead for pair, (_, instead) in likeness.items()}, score)


def _likeliest(
    pair: tuple[str, str], measure: Measure, labels: Mapping[str, str]
) -> tuple[float, tuple[str, str] | None]:
    """The label most similar to a wanted one: the same key with a similar value, or a similar key with the same
    value."""
    key, value = pair
    options = [(measure(labels[key]), (key, labels[key]))] if key in labels else []
    options += [(0.9 if _same_end(key, k) else alike(key, k), (k, v)) for k, v in labels.items() if v == value]
    return max(options, default=(0.0, None))


def _same_end(one: str, other: str) -> bool:
    """Whether two keys mean the same: ``app`` and ``app.kubernetes.io/name`` do."""
    ends = {one.rpartition("/")[2], other.rpartition("/")[2]}
    return len(ends) == 1 or ends <= {"app", "name", "k8s-app"}


def alike(one: str, other: str) -> float:
    """The similarity of two words, from 0 to 1, ignoring case; a word is similar to its own extension."""
    return likeness_to(one)(other)


def likeness_to(word: str) -> Measure:
    """``alike`` for one word and many others; 0 for those that are unlikely typing errors."""
    word = word.lower()
    matcher = SequenceMatcher(None, "", word)

    def measure(other: str) -> float:
        other = other.lower()
        if word and other and (word.startswith(other) or other.startswith(word)):
            return 0.9
        matcher.set_seq1(other)
        # Upper bounds, which cost far less than the measure itself.
        if matcher.real_quick_ratio() < SLIP or matcher.quick_ratio() < SLIP:
            return 0.0
        return matcher.ratio()

    return measure


def closest(word: str, among: Mapping[str, object] | set[str]) -> str | None:
    """The most similar word, if a typing error is likely."""
    measure = likeness_to(word)
    scored = [(measure(each), each) for each in among if each]
    score, found = max(scored, default=(0.0, ""))
    return found if score >= SLIP else None
