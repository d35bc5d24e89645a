"""NetworkPolicies in statements: which of them isolate a Pod, what they allow, and what they do not.

``trace.policies`` decides; this module has the sentences, and the fields that are their evidence.
"""

from collections.abc import Iterator

from fairlead.explain.cluster import Cluster, Ref
from fairlead.explain.statements import Evidence, Statement, failed, said
from fairlead.model.names import ObjectKey
from fairlead.model.network_policies import NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule
from fairlead.model.objects import LabelSelector, Pod, SelectorTerm
from fairlead.model.phrases import Phrase
from fairlead.trace.policies import (
    EGRESS,
    INGRESS,
    End,
    ReceivedPacket,
    Ruling,
    directions_of,
    has_policies,
    isolating_policies,
    peers_of,
    rules_of,
    ruling,
    selects,
)

DIRECTIONS = (INGRESS, EGRESS)
_VERBS = {INGRESS: "in", EGRESS: "out"}
_RULES = {INGRESS: "from {who: or }, on {where: or }", EGRESS: "to {who: or }, on {where: or }"}


def ref_of(policy: NetworkPolicy) -> Ref:
    return Ref("NetworkPolicy", policy.namespace, policy.name)


def refusing(cluster: Cluster, direction: str, own: End, other: End, asked: ReceivedPacket) -> list[str]:
    """The names of the policies that block a connection of the Pod at one end; none if it is allowed."""
    said_of_it = ruling(cluster.snapshot, direction, own, other, asked)
    return [] if said_of_it.passes else [policy.name for policy in said_of_it.isolating]


def selected_by(cluster: Cluster, policy: NetworkPolicy) -> list[Pod]:
    """The Pods that a policy selects, by name."""
    selector = policy.spec.pod_selector or LabelSelector()
    found = (pod for pod in cluster.pods_in(policy.namespace) if has_policies(pod) and selects(selector, pod.labels))
    return sorted(found, key=lambda pod: pod.name)


# --- statements ------------------------------------------------------------------------------------------------------


def tell_ruling(cluster: Cluster, ruled: Ruling) -> Statement:
    """The ruling of one end's policies about a packet: the rule that allows it, or that none does."""
    end = Phrase(
        "{direction} of Pod {pod}",
        direction=ruled.direction,
        pod=ObjectKey(ruled.pod.namespace, ruled.pod.name),
    )
    if ruled.permissions:
        first = ruled.permissions[0]
        evidence = _rule_evidence(cluster, first.policy, ruled.direction, first.rule)
        words = rule_words(rules_of(first.policy, ruled.direction)[first.rule], ruled.direction)
        return said(
            Phrase(
                "{end}: NetworkPolicy {policy} lets it through, by rule {rule}: {words}",
                end=end,
                policy=first.policy.name,
                rule=first.rule + 1,
                words=words,
            ),
            evidence,
        )
    names = ", ".join(policy.name for policy in ruled.isolating)
    parts = tuple(_refusal(cluster, policy, ruled.direction) for policy in ruled.isolating)
    return failed(
        Phrase(
            "{end}: NetworkPolicy {names} ({direction}) keeps it away: no rule lets it through",
            end=end,
            names=names,
            direction=ruled.direction,
        ),
        parts=parts,
    )


def _refusal(cluster: Cluster, policy: NetworkPolicy, direction: str) -> Statement:
    return said(
        Phrase("{policy} lets {allowed}", policy=policy.name, allowed=_allowed(policy, direction)),
        _side_evidence(cluster, policy, direction),
    )


def _allowed(policy: NetworkPolicy, direction: str) -> str:
    rules = rules_of(policy, direction)
    words = [rule_words(rule, direction) for rule in rules]
    verb = Phrase(_VERBS[direction])
    return Phrase("{verb} what is {rules:; }", verb=verb, rules=words) if rules else Phrase("nothing {verb}", verb=verb)


def tell_isolation(cluster: Cluster, pod: Pod, direction: str) -> Statement | None:
    """Which policies isolate a Pod in a direction, and what each allows; None if none does."""
    isolating = isolating_policies(cluster.snapshot, pod, direction)
    if not isolating:
        return None
    names = ", ".join(policy.name for policy in isolating)
    parts = (part for policy in isolating for part in tell_rules(cluster, policy, direction, naming=True))
    return said(
        Phrase("{direction} is isolated by NetworkPolicy {names}", direction=direction, names=names), parts=parts
    )


def tell_rules(cluster: Cluster, policy: NetworkPolicy, direction: str, *, naming: bool = False) -> Iterator[Statement]:
    """What a policy allows, rule by rule."""
    whose = f"{policy.name} " if naming else ""
    rules = rules_of(policy, direction)
    if not rules:
        yield said(
            Phrase("{whose}lets nothing {verb}", whose=whose, verb=Phrase(_VERBS[direction])),
            _side_evidence(cluster, policy, direction),
        )
    for number, rule in enumerate(rules):
        evidence = _rule_evidence(cluster, policy, direction, number)
        yield said(
            Phrase(
                "{whose}rule {number} lets {verb} what is {rule}",
                whose=whose,
                number=number + 1,
                verb=Phrase(_VERBS[direction]),
                rule=rule_words(rule, direction),
            ),
            evidence,
        )


def tell_policy(cluster: Cluster, policy: NetworkPolicy) -> Statement:
    """A policy: which Pods it isolates, and what it allows."""
    if cluster.has_read("Pod"):
        pods = selected_by(cluster, policy)
        because = cluster.field(ref_of(policy), ".spec.podSelector", selector_words(policy.spec.pod_selector))
        chosen = said(
            Phrase(
                "selects {count} Pod{count:plural}: {names}",
                count=len(pods),
                names=[pod.name for pod in pods] or Phrase("none"),
            ),
            because,
        )
    else:
        chosen = cluster.missing("which Pods it selects", "Pod")
    return Statement(
        Phrase("NetworkPolicy {policy}", policy=policy.key),
        (),
        (chosen, *(_direction(cluster, policy, d) for d in DIRECTIONS)),
    )


def _direction(cluster: Cluster, policy: NetworkPolicy, direction: str) -> Statement:
    types = cluster.field(ref_of(policy), ".spec.policyTypes", directions_of(policy))
    if direction not in directions_of(policy):
        return said(Phrase("{direction}: does not isolate them", direction=direction), types)
    rules = rules_of(policy, direction)
    what = (
        Phrase("allows nothing")
        if not rules
        else Phrase("allows what {count} rule{count:plural} say", count=len(rules))
    )
    return said(
        Phrase("{direction}: {what}", direction=direction, what=what),
        types,
        parts=tell_rules(cluster, policy, direction) if rules else (),
    )


def _side_evidence(cluster: Cluster, policy: NetworkPolicy, direction: str) -> Evidence:
    count = len(rules_of(policy, direction))
    return cluster.field(ref_of(policy), f".spec.{direction.lower()}", f"{count} rules" if count else "[]")


def _rule_evidence(cluster: Cluster, policy: NetworkPolicy, direction: str, number: int) -> Evidence:
    ref = ref_of(policy)
    return Evidence(f"{ref} .spec.{direction.lower()}[{number}]", cluster.sources.get(ref, ""))


# --- words -----------------------------------------------------------------------------------------------------------


def rule_words(rule: PolicyRule, direction: str) -> str:
    """A rule in a few words: ``from Pods role=front, on TCP 80``."""
    peers = peers_of(rule, direction)
    anybody = Phrase("anybody" if direction == INGRESS else "anywhere")
    who = [*map(peer_words, peers)] if peers else [anybody]
    where = [*map(port_words, rule.ports)] if rule.ports else [Phrase("any port")]
    return Phrase(_RULES[direction], who=who, where=where)


def peer_words(peer: PolicyPeer) -> str:
    """The peers at the other end."""
    if peer.ip_block is not None:
        excepts = Phrase(" except {excepts}", excepts=peer.ip_block.excepts) if peer.ip_block.excepts else ""
        return Phrase("{cidr}{excepts}", cidr=peer.ip_block.cidr, excepts=excepts)
    pods = (
        Phrase("Pods {selector}", selector=selector_words(peer.pod_selector))
        if peer.pod_selector
        else Phrase("all Pods")
    )
    if peer.namespace_selector is None:
        return Phrase("{pods} of this Namespace", pods=pods)
    return Phrase("{pods} of {spaces}", pods=pods, spaces=_spaces(peer.namespace_selector))


def _spaces(selector: LabelSelector) -> str:
    words = selector_words(selector)
    return Phrase("Namespaces {words}", words=words) if words != "all" else Phrase("any Namespace")


def selector_words(selector: LabelSelector | None) -> str:
    """The requirements of a selector; ``all`` if it has none."""
    pairs = ((selector.match_labels if selector else None) or {}).items()
    terms = (selector.match_expressions if selector else None) or ()
    return ", ".join((*(f"{key}={value}" for key, value in pairs), *map(_term, terms))) or Phrase("all")


def _term(term: SelectorTerm) -> str:
    values = f" ({', '.join(term.values)})" if term.values else ""
    return f"{term.key} {term.operator}{values}"


def port_words(port: PolicyPort) -> str:
    """Which ports."""
    if port.port is None:
        return Phrase("any {protocol} port", protocol=port.protocol)
    return f"{port.protocol} {port.port}" + (f"-{port.end_port}" if port.end_port is not None else "")
