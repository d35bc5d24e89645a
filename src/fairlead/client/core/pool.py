"""The set of endpoints as one client knows it: who is in it, who may be used, who is busy.

Not safe for threads: the caller does the locking. What a pick costs does not grow with the set, for candidates
are kept until something changes; the policy may cost more.
"""

import enum
import math
from collections.abc import Iterable

from fairlead.client.core.endpoint import Endpoint, NoEndpoints, Place, Update, Wanted
from fairlead.client.core.health import Ejection
from fairlead.client.core.member import Member, Members
from fairlead.client.core.policies import Chance, Policy


class RequestOutcome(enum.Enum):
    """How a request ended."""

    WORKED = enum.auto()
    FAILED = enum.auto()
    UNKNOWN = enum.auto()  # cancelled, or failed for reasons of its own


class Pool:
    """The endpoints of one Service.

    Attributes:
        heard: whether the source has sent an update.
        probed: whether every endpoint has been asked for its role once.
    """

    def __init__(self, policy: Policy, ejection: Ejection, chance: Chance) -> None:
        self.heard = False
        self.probed = False
        self._policy, self._ejection, self._chance = policy, ejection, chance
        self._reason = ""
        self._members: dict[Place, Member] = {}
        self._candidates: dict[str | None, Members] = {}  # by role
        self._until = math.inf  # when an ejection ends, and the candidates are no longer right

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        return tuple(member.endpoint for member in self._members.values())

    def knows(self, wanted: Wanted) -> bool:
        """Whether the set is known well enough to report that no endpoint fits the request."""
        return self.heard and (wanted.role is None or self.probed)

    def update(self, heard: Update) -> None:
        """Take in what a source says. Endpoints that stay keep all that is known of them."""
        self.heard = True
        self._reason = heard.reason
        if heard.endpoints is not None:
            self._replace(heard.endpoints)

    def _replace(self, endpoints: Iterable[Endpoint]) -> None:
        members = {}
        for endpoint in sorted(endpoints, key=lambda endpoint: endpoint.place):
            member = members[endpoint.place] = self._members.get(endpoint.place) or Member(endpoint)
            member.endpoint = endpoint
        self._members = members
        self._candidates.clear()

    def assign(self, endpoint: Endpoint, role: str | None) -> None:
        """Take in which role an endpoint has; None when it did not say."""
        member = self._members.get(endpoint.place)
        if member is not None and member.role != role:
            member.role = role
            self._candidates.clear()

    def pick(self, wanted: Wanted, now: float) -> Member:
        """Choose an endpoint and count a request to it, until it is released.

        Raises:
            NoEndpoints: the set has none for this request.
        """
        candidates = self._candidates_at(now, wanted.role)
        if not candidates:
            raise NoEndpoints(self._why_none(wanted))
        if wanted.tried:
            candidates = [m for m in candidates if m.endpoint not in wanted.tried] or candidates
        member = self._policy.choose(candidates, wanted, self._chance)
        member.in_flight += 1
        return member

    def release(self, member: Member, verdict: RequestOutcome, now: float) -> None:
        """End a request. The endpoint might have left the set, and another one might have its address."""
        member.in_flight -= 1
        if verdict is RequestOutcome.WORKED:
            member.health = member.health.after_success()
        elif verdict is RequestOutcome.FAILED and self._members.get(member.endpoint.place) is member:
            self._count_failure(member, now)

    def _count_failure(self, member: Member, now: float) -> None:
        """A failed endpoint has no role until it has been asked again: the primary may be another one by now."""
        others = sum(m.health.is_ejected(now) for m in self._members.values() if m is not member)
        may_eject = self._ejection.allows(others, len(self._members))
        member.health = member.health.after_failure(now, self._ejection, may_eject)
        member.role = None
        self._candidates.clear()

    def _candidates_at(self, now: float, role: str | None) -> Members:
        if now >= self._until:
            self._candidates.clear()
        found = self._candidates.get(role)
        if found is None:
            found = self._candidates[role] = self._find_candidates(now, role)
            ends = (m.health.until for m in self._members.values() if m.health.is_ejected(now))
            self._until = min(ends, default=math.inf)
        return found

    def _find_candidates(self, now: float, role: str | None) -> Members:
        """When all that would do are ejected, all are used: a bad endpoint is better than none."""
        in_role = [m for m in self._members.values() if role in (None, m.role)]
        usable = [m for m in in_role if not m.health.is_ejected(now)] or in_role
        first = min((m.endpoint.priority for m in usable), default=0)
        return tuple(m for m in usable if m.endpoint.priority == first)

    def _why_none(self, wanted: Wanted) -> str:
        if not self._members:
            return self._reason or "the set is empty"
        return f"none of {len(self._members)} endpoints has the role {wanted.role!r} now"
