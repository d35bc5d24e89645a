"""NetworkPolicies: completed, checked and stored. It is the nodes that enforce them (``netpolicy``).

Upstream: pkg/registry/networking/networkpolicy, pkg/apis/networking/v1/defaults.go, pkg/apis/networking/validation.
"""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, age, labels_text, name
from fairlead.registry.kinds.value_rules import PROTOCOLS, cidr_errors, one_of, port_errors, port_or_name_errors
from fairlead.registry.strategy import Column, Context, Strategy

_POLICY_TYPES = ("Egress", "Ingress")
_SIDES = (("ingress", "from"), ("egress", "to"))


def default(policy: Doc) -> None:
    """Fill in missing fields: a policy applies to ingress, and to egress if it has rules for it."""
    spec = policy.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    spec["policyTypes"] = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    for side, _ in _SIDES:
        for rule in spec.get(side) or ():
            for port in rule.get("ports") or ():
                port.setdefault("protocol", "TCP")


def validate(policy: Doc, context: Context) -> list[FieldError]:
    """The faults of a policy."""
    spec = policy["spec"]
    faults = list(_rules(spec))
    if len(spec["policyTypes"]) > len(_POLICY_TYPES):
        return [*faults, invalid("spec.policyTypes", spec["policyTypes"], "may not specify more than two policyTypes")]
    for i, kind in enumerate(spec["policyTypes"]):
        faults += one_of(f"spec.policyTypes[{i}]", kind, _POLICY_TYPES)
    return faults


def _rules(spec: Doc) -> Iterator[FieldError]:
    for side, peers in _SIDES:
        for i, rule in enumerate(spec.get(side) or ()):
            path = f"spec.{side}[{i}]"
            for j, port in enumerate(rule.get("ports") or ()):
                yield from _port(f"{path}.ports[{j}]", port)
            for j, peer in enumerate(rule.get(peers) or ()):
                yield from _peer(f"{path}.{peers}[{j}]", peer)


def _port(path: str, port: Doc) -> list[FieldError]:
    faults = one_of(f"{path}.protocol", port["protocol"], PROTOCOLS)
    if (number := port.get("port")) is not None:
        faults += [invalid(f"{path}.port", number, why) for why in port_or_name_errors(number)]
    if (end := port.get("endPort")) is not None:
        faults += [invalid(f"{path}.endPort", end, why) for why in _end_errors(number, end)]
    return faults


def _end_errors(number: int | str | None, end: int) -> list[str]:
    """Reasons why a range of ports cannot end there."""
    if number is None:
        return ["may not be specified when `port` is not specified"]
    if isinstance(number, str):
        return ["may not be specified when `port` is non-numeric"]
    return [*(["must be greater than or equal to `port`"] if end < number else []), *port_errors(end)]


def _peer(path: str, peer: Doc) -> list[FieldError]:
    block = peer.get("ipBlock")
    others = [field for field in ("podSelector", "namespaceSelector") if peer.get(field) is not None]
    if block is None:
        return [] if others else [required(path, "must specify a peer")]
    faults = [forbidden(path, "may not specify both ipBlock and another peer")] if others else []
    if not block.get("cidr"):
        return [*faults, required(f"{path}.ipBlock.cidr")]
    faults += [invalid(f"{path}.ipBlock.cidr", block["cidr"], why) for why in cidr_errors(block["cidr"])]
    for i, text in enumerate(block.get("except") or ()):
        wrong = cidr_errors(text) or _except_errors(block["cidr"], text)
        faults += [invalid(f"{path}.ipBlock.except[{i}]", text, why) for why in wrong]
    return faults


def _except_errors(cidr: str, text: str) -> list[str]:
    """Reasons why a network is no valid exception of another; invalid networks are already reported."""
    if cidr_errors(cidr):
        return []
    whole, part = ip_network(cidr), ip_network(text)
    is_within = whole.version == part.version and part.network_address in whole and part.prefixlen > whole.prefixlen
    return [] if is_within else ["must be a strict subset of `cidr`"]


def row(policy: Doc, now: str) -> list[Any]:
    """The cells of one policy."""
    return [name(policy), labels_text(policy["spec"]["podSelector"].get("matchLabels")), age(policy, now)]


STRATEGY = Strategy(
    default=default,
    validate_create=validate,
    validate_update=lambda new, old, context: validate(new, context),
    bumps_generation=lambda new, old: bool(new["spec"] != old["spec"]),
    columns=(NAME, Column("Pod-Selector"), AGE),
    row=row,
)
