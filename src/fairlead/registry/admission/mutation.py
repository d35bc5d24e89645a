"""Mutation of an object: policies, then webhooks, one after the other, and some of them a second time.

Upstream: apiserver ``pkg/admission/{reinvocation.go,plugin/webhook/mutating,plugin/policy/mutating}``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.admission.attempt import Attempt

Identity = tuple[str, ...]


class Mutated(NamedTuple):
    """The result of a mutator. ``needs_reinvocation``: earlier mutators must be called again."""

    document: Doc | None
    needs_reinvocation: bool


class Mutator(NamedTuple):
    """A policy or webhook that can change an object.

    Attributes:
        identity: unique.
        is_reinvoked: it is called again after another one has changed the object.
        change: its result for an attempt; None if it does not apply.
        reinvokes_itself: its own change causes its reinvocation.
    """

    identity: Identity
    is_reinvoked: bool
    change: Callable[[Attempt], Mutated | None]
    reinvokes_itself: bool = False


def mutate(attempt: Attempt, mutators: Sequence[Mutator], complete: Callable[[Doc], None]) -> Doc | None:
    """The object after all mutators.

    Args:
        complete: what the server itself adds to an object; done once more before the second round.

    Raises:
        ApiError: one refuses it, or could not be asked. Unanswered: the next one has to be asked.
    """
    rounds = _Rounds()
    for mutator in mutators:
        attempt = rounds.apply(mutator, attempt)
    if rounds.has_changed and attempt.new is not None:
        complete(attempt.new)
        for mutator in mutators:
            if mutator.identity in rounds.again:
                attempt = rounds.apply(mutator, attempt)
    return attempt.new


@dataclass
class _Rounds:
    """The mutators to reinvoke because the object changed after their call."""

    asked: set[Identity] = field(default_factory=set)
    again: set[Identity] = field(default_factory=set)
    has_changed: bool = False

    def apply(self, mutator: Mutator, attempt: Attempt) -> Attempt:
        if (change := mutator.change(attempt)) is None:
            return attempt
        if mutator.is_reinvoked and mutator.reinvokes_itself:
            self.asked.add(mutator.identity)
        if change.needs_reinvocation:
            self.has_changed = True
            self.again |= self.asked
            self.asked = set()
        if mutator.is_reinvoked and not mutator.reinvokes_itself:
            self.asked.add(mutator.identity)
        return replace(attempt, new=change.document)
