"""``acl``: which clients may ask for which types of record."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from fairlead.clusterdns.chain import DnsRequest, Lookup
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import all_zones, network, record_type
from fairlead.clusterdns.names import Name, is_within
from fairlead.clusterdns.plugins.scope import BlockScope
from fairlead.clusterdns.records import Answer, Origin, Rcode, Reason
from fairlead.model.addresses import IPNetwork

ACTIONS = ("allow", "block", "filter", "drop")
_BLOCKED = 15  # the extended errors of RFC 8914, in the EDNS option of that number
_FILTERED = 17
_EXTENDED_ERROR = 15


class AclRule(NamedTuple):
    """The action for queries of these types from these networks; None means all."""

    action: str
    types: frozenset[int] | None
    networks: tuple[IPNetwork, ...] | None

    def matches(self, qtype: int, client: str) -> bool:
        if self.types is not None and qtype not in self.types:
            return False
        return self.networks is None or any(ip_address(client) in network for network in self.networks)


@dataclass(frozen=True)
class Acl:
    """The first rule that matches decides; without one the query is allowed."""

    zones: tuple[Name, ...]
    rules: tuple[AclRule, ...]
    any_class = True

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        if not any(is_within(request.question.name, zone) for zone in self.zones):
            return await rest(request)
        matching = (rule for rule in self.rules if rule.matches(request.question.qtype, request.client or "::"))
        action = next((rule.action for rule in matching), "allow")
        if action == "allow":
            return _private(await rest(request))
        origin = Origin(Reason.CONFIGURED)
        if action == "filter":
            return Answer(Rcode.NOERROR, origin, zone=(), private=True, options=(_extended(_FILTERED),))
        return Answer(Rcode.REFUSED, origin, private=True, options=(_extended(_BLOCKED),), dropped=action == "drop")


def read_acl(directive: Directive, scope: BlockScope) -> None:
    """``acl [ZONE...] { ACTION [type TYPE...] [net NETWORK...] }``."""
    rules = [found for option in directive.options if (found := _rule(option, scope)) is not None]
    scope.plugins.append(Acl(all_zones(directive.arguments) or scope.zones, tuple(rules)))


def _rule(option: Directive, scope: BlockScope) -> AclRule | None:
    with scope.faults.at(option.place):
        if option.name not in ACTIONS:
            raise Wrong(f"acl: {option.name} is no action; known are {', '.join(ACTIONS)}")
        types, networks = _criteria(option.arguments)
        every = not types or "*" in types
        kinds = None if every else frozenset(map(record_type, types))
        anywhere = not networks or "*" in networks
        return AclRule(option.name, kinds, None if anywhere else tuple(map(network, networks)))
    return None


def _criteria(words: Sequence[str]) -> tuple[list[str], list[str]]:
    found: dict[str, list[str]] = {"type": [], "net": []}
    into: list[str] | None = None
    for word in words:
        if word in found:
            into = found[word]
        elif into is None:
            raise Wrong(f"acl: {word!r} follows neither 'type' nor 'net'")
        else:
            into.append(word)
    return found["type"], found["net"]


def _extended(code: int) -> tuple[int, bytes]:
    return _EXTENDED_ERROR, code.to_bytes(2, "big")


def _private(answer: Answer) -> Answer:
    return answer._replace(private=True)
