"""``loadbalance``: the order of the records in an answer.

With the policy ``round_robin``, the default, each reply begins with another record. Without the directive records keep
their order. ``weighted`` chooses the first address at random, by weights from a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate

from immutables import Map

from fairlead.clusterdns.chain import DnsRequest, Lookup
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import number, one, seconds
from fairlead.clusterdns.names import Name, is_valid, to_name
from fairlead.clusterdns.plugins.scope import BlockScope
from fairlead.clusterdns.records import Answer, Data, RRset, RRType
from fairlead.model.addresses import parse_ip

POLICIES = ("round_robin", "weighted")
RELOAD = 30.0  # seconds between looks at the weights
WEIGHT_MAX = 255

Weights = Mapping[Name, Mapping[bytes, int]]


@dataclass(frozen=True)
class Steady:
    """Records keep their order, as in a block without ``loadbalance``."""

    any_class = True

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        return (await rest(request))._replace(steady=True)


@dataclass(frozen=True)
class LoadBalance:
    """Another order each time.

    Attributes:
        weights: of addresses by name; others have the weight 1. None rotates the records.
        limit: addresses in an answer at most; 0 for all.
    """

    weights: Weights | None = None
    limit: int = 0

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        answer = await rest(request)
        if self.weights is None and not self.limit:
            return answer
        sets = tuple(self._chosen(rrset, request.lot) for rrset in answer.answer)
        return answer._replace(answer=sets, steady=True, private=True)

    def _chosen(self, rrset: RRset, lot: int) -> RRset:
        if rrset.rtype not in (RRType.A, RRType.AAAA) or not rrset.data:
            return rrset
        data = rrset.data
        weights = (self.weights or {}).get(tuple(label.lower() for label in rrset.owner), {})
        first = _draw([_weight(item, weights) for item in data], lot) if self.weights is not None else lot % len(data)
        ordered = (
            (data[first], *data[:first], *data[first + 1 :])
            if self.weights is not None
            else (
                *data[first:],
                *data[:first],
            )
        )
        return replace(rrset, data=ordered[: self.limit or None])


def read_loadbalance(directive: Directive, scope: BlockScope) -> None:
    """``loadbalance [round_robin | weighted FILE] { reload DURATION; limit_answers N }``."""
    policy, *files = directive.arguments or ("round_robin",)
    read = {"reload": RELOAD, "limit": 0.0}

    def reload(option: Directive) -> None:
        if policy != "weighted":
            raise Wrong("reload belongs to the policy weighted")
        read["reload"] = seconds(one(option), "reload")

    def limit(option: Directive) -> None:
        read["limit"] = number(one(option), "limit_answers", 1)

    scope.options(directive, {"reload": reload, "limit_answers": limit})
    if policy not in POLICIES or len(files) != (policy == "weighted"):
        raise Wrong(f"loadbalance {' '.join(directive.arguments)}: known are round_robin, and weighted with one FILE")
    weights = weights_of(scope.around.read(files[0], read["reload"])) if files else None
    scope.plugins.append(LoadBalance(weights, int(read["limit"])))


def weights_of(text: str) -> Weights:
    """The weights in a file: a line with a name, then lines with an address and its weight."""
    found: dict[Name, dict[bytes, int]] = {}
    of: dict[bytes, int] | None = None
    for line, words in enumerate((raw.partition("#")[0].split() for raw in text.splitlines()), 1):
        if len(words) == 1 and is_valid(to_name(words[0])):
            of = found.setdefault(to_name(words[0]), {})
        elif len(words) == 2 and of is not None and (address := parse_ip(words[0])):
            of[address.packed] = number(words[1], f"weight in line {line}", 1, WEIGHT_MAX)
        elif words:
            raise Wrong(f"line {line} of the weights is neither a name nor an address with a weight")
    return Map({name: Map(weights) for name, weights in found.items()})


def _weight(item: Data, weights: Mapping[bytes, int]) -> int:
    return weights.get(item, 1) if isinstance(item, bytes) else 1


def _draw(weights: list[int], lot: int) -> int:
    """The index that a random number falls to."""
    sums = list(accumulate(weights))
    at = lot % sums[-1]
    return next(index for index, bound in enumerate(sums) if at < bound)
