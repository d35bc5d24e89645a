"""What may change an object on its way: policies, then webhooks, one after the other, and some of them once more.

Upstream: apiserver ``pkg/admission/{reinvocation.go,plugin/webhook/mutating,plugin/policy/mutating}``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.admission.attempt import Attempt

Identity = tuple[str, ...]


class Mutated(NamedTuple):
    """What somebody made of an object. ``is_felt`` says that those who come again have to."""

    document: Doc | None
    is_felt: bool


class Mutator(NamedTuple):
    """One that may change an object.

    Attributes:
        identity: tells it from all others.
        comes_again: it is asked once more after another one has changed the object.
        change: what it makes of an attempt; None when the attempt is none of its business.
        feels_itself: its own change is one that it comes again for.
    """

    identity: Identity
    comes_again: bool
    change: Callable[[Attempt], Mutated | None]
    feels_itself: bool = False


def mutate(attempt: Attempt, mutators: Sequence[Mutator], complete: Callable[[Doc], None]) -> Doc | None:
    """The object as all leave it.

    Args:
        complete: what the server itself adds to an object; done once more before the second round.

    Raises:
        ApiError: one refuses it, or could not be asked. Unanswered: the next one has to be asked.
    """
    rounds = _Rounds()
    for mutator in mutators:
        attempt = rounds.pass_by(mutator, attempt)
    if rounds.has_changed and attempt.new is not None:
        complete(attempt.new)
        for mutator in mutators:
            if mutator.identity in rounds.again:
                attempt = rounds.pass_by(mutator, attempt)
    return attempt.new


@dataclass
class _Rounds:
    """Who is to be asked again, since something changed after they were: those who wish it, and were asked before."""

    asked: set[Identity] = field(default_factory=set)
    again: set[Identity] = field(default_factory=set)
    has_changed: bool = False

    def pass_by(self, mutator: Mutator, attempt: Attempt) -> Attempt:
        if (change := mutator.change(attempt)) is None:
            return attempt
        if mutator.comes_again and mutator.feels_itself:
            self.asked.add(mutator.identity)
        if change.is_felt:
            self.has_changed = True
            self.again |= self.asked
            self.asked = set()
        if mutator.comes_again and not mutator.feels_itself:
            self.asked.add(mutator.identity)
        return replace(attempt, new=change.document)
