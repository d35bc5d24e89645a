"""``cache``: how long replies of upstream servers are kept, and how long clients are told to keep any reply.

Names of the cluster are answered from memory and never cached, so that a change shows in the next reply; the
directive's TTLs apply to them too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from fairlead.clusterdns.chain import DnsRequest, Lookup
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import all_zones, is_number, none, number, seconds
from fairlead.clusterdns.names import Name, is_within
from fairlead.clusterdns.outside_reply import with_ttls
from fairlead.clusterdns.plugins.scope import BlockScope
from fairlead.clusterdns.records import Answer, Rcode
from fairlead.clusterdns.upstream_cache import CachePolicy

CAPACITY_MIN = 256  # replies; upstream's least
FAILURE_MAX = 300.0  # seconds, RFC 2308 section 7

DEFAULT = CachePolicy(prefetch_hits=0, stale_for=0)  # without options: neither early refreshes nor stale answers


@dataclass(frozen=True)
class Cache:
    """A policy for names in ``zones``.

    Attributes:
        no_success, no_denial: zones whose answers, or denials, are not cached.
    """

    zones: tuple[Name, ...]
    policy: CachePolicy
    no_success: tuple[Name, ...] = ()
    no_denial: tuple[Name, ...] = ()

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        name = request.question.name
        if not any(is_within(name, zone) for zone in self.zones):
            return await rest(request)
        policy = self._policy_for(name)
        answer = await rest(request._replace(cache=policy))
        denies = answer.rcode is Rcode.NXDOMAIN or not answer.answer
        off = any(is_within(name, zone) for zone in (self.no_denial if denies else self.no_success))
        return answer if off else _bounded(answer, self.policy.bound(denies))

    def _policy_for(self, name: Name) -> CachePolicy:
        success = any(is_within(name, zone) for zone in self.no_success)
        return self._policies[success, any(is_within(name, zone) for zone in self.no_denial)]

    @cached_property
    def _policies(self) -> Mapping[tuple[bool, bool], CachePolicy]:
        """Policies by whether answers, and denials, are cached; built once, because each question needs one."""
        no_success, no_denial = replace(self.policy, capacity=0), replace(self.policy, denial_capacity=0)
        neither = replace(no_success, denial_capacity=0)
        return {
            (False, False): self.policy,
            (True, False): no_success,
            (False, True): no_denial,
            (True, True): neither,
        }


def _bounded(answer: Answer, most: int) -> Answer:
    if all(rrset.ttl <= most for rrset in (*answer.answer, *answer.authority, *answer.additional)):
        return answer
    return with_ttls(answer, lambda ttl: min(ttl, most))


def read_cache(directive: Directive, scope: BlockScope) -> None:
    """``cache [TTL] [ZONE...] { success|denial CAPACITY [TTL] [MINTTL]; prefetch …; serve_stale …; … }``."""
    words = directive.arguments
    policy = DEFAULT
    if words and is_number(words[0]):
        ttl = number(words[0], "cache", 1)
        policy, words = replace(policy, positive_max=ttl, negative_max=ttl), words[1:]
    read = _Reading(policy, all_zones(words) or scope.zones)
    scope.options(directive, read.known)
    scope.plugins.append(Cache(read.zones, read.policy, read.off["success"], read.off["denial"]))


class _Reading:
    """The options of one directive."""

    def __init__(self, policy: CachePolicy, zones: tuple[Name, ...]) -> None:
        self.policy, self.zones = policy, zones
        self.off: dict[str, tuple[Name, ...]] = {"success": (), "denial": ()}
        self.known = {
            "success": self._success,
            "denial": self._denial,
            "prefetch": self._prefetch,
            "serve_stale": self._serve_stale,
            "servfail": self._servfail,
            "disable": self._disable,
            "keepttl": self._keep_ttl,
        }

    def _keep_ttl(self, option: Directive) -> None:
        none(option)
        self.policy = replace(self.policy, keeps_ttl=True)

    def _success(self, option: Directive) -> None:
        capacity, most, least = _bounds(option, self.policy.positive_max)
        self.policy = replace(self.policy, capacity=capacity, positive_max=most, positive_min=least)

    def _denial(self, option: Directive) -> None:
        capacity, most, least = _bounds(option, self.policy.negative_max)
        self.policy = replace(self.policy, denial_capacity=capacity, negative_max=most, negative_min=least)

    def _prefetch(self, option: Directive) -> None:
        if not 1 <= len(option.arguments) <= 3:
            raise Wrong("prefetch needs AMOUNT [DURATION [PERCENTAGE%]]")
        amount, gap, share = (*option.arguments, *("1m", "10%")[len(option.arguments) - 1 :])
        if not share.endswith("%"):
            raise Wrong(f"prefetch: {share!r} is not a percentage such as 10%")
        percent = number(share[:-1], "prefetch", 10, 90)
        hits = number(amount, "prefetch")
        gap_seconds = seconds(gap, "prefetch")
        self.policy = replace(self.policy, prefetch_hits=hits, prefetch_gap=gap_seconds, prefetch_share=percent / 100)

    def _serve_stale(self, option: Directive) -> None:
        duration, mode = (*option.arguments, *("1h", "immediate")[len(option.arguments) :])[:2]
        if mode not in ("immediate", "verify"):
            raise Wrong(f"serve_stale: {mode!r} is not one of immediate, verify")
        patience = 0.0 if mode == "immediate" else None
        stale_for = seconds(duration, "serve_stale")
        self.policy = replace(self.policy, stale_for=stale_for, stale_patience=patience, stale_ttl=0)

    def _servfail(self, option: Directive) -> None:
        duration = seconds(option.arguments[0] if option.arguments else "", "servfail")
        if duration > FAILURE_MAX:
            raise Wrong(f"servfail may be 5m at most: {option.arguments[0]}")
        self.policy = replace(self.policy, failure_for=duration)

    def _disable(self, option: Directive) -> None:
        kind, *zones = option.arguments or ("",)
        if kind not in self.off:
            raise Wrong(f"disable: {kind!r} is not one of success, denial")
        self.off[kind] = all_zones(zones) or self.zones


def _bounds(option: Directive, most: int) -> tuple[int, int, int]:
    """Capacity, greatest and least TTL."""
    words = option.arguments
    if not 1 <= len(words) <= 3:
        raise Wrong(f"{option.name} needs CAPACITY [TTL [MINTTL]]")
    capacity = number(words[0], option.name)
    greatest = number(words[1], option.name, 1) if len(words) > 1 else most
    return max(CAPACITY_MIN, capacity), greatest, number(words[2], option.name) if len(words) > 2 else 0
