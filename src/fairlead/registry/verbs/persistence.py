"""The last step of a write: the checked document becomes part of the state, and the reply shows it."""

from typing import NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.conversion import converted, is_converted
from fairlead.registry.environment import Environment
from fairlead.registry.resources import Resource
from fairlead.registry.store import State, Step, put
from fairlead.registry.strategy import SideEffects
from fairlead.registry.verbs.ip_addresses import publish, withdraw


class Written(NamedTuple):
    """The result of a write. ``step`` has no changes for a dry run and for an update that changes nothing."""

    step: Step
    document: bytes
    created: bool = False
    warnings: tuple[str, ...] = ()


def store_document(step: Step, resource: Resource, key: ObjectKey, document: Doc, env: Environment) -> Step:
    """Store the document in the storage version of its kind; ``document`` gets the resourceVersion."""
    fields = env.kinds.strategy(resource).fields
    if resource.defined is None or not is_converted(resource):
        return put(step, resource.storage, key, document, fields)
    (kept,) = converted([document], resource, resource.defined.stored_as, env.answers)
    step = put(step, resource.storage, key, {**kept, "metadata": {**kept["metadata"]}}, fields)
    document["metadata"]["resourceVersion"] = str(step.state.version)
    return step


def follow_ip_addresses(step: Step, resource: Resource, effects: SideEffects, env: Environment) -> Step:
    """Create and delete the IPAddress objects of the addresses that the write has allocated and released."""
    if not env.kinds.strategy(resource).shows_ips:
        return step
    return publish(withdraw(step, effects.free_ips, env.kinds), effects.take_ips, env)


def unless_dry_run(dry_run: bool, state: State, step: Step) -> Step:
    """The step, or one without changes for a dry run."""
    return Step(state) if dry_run else step


def reply_document(step: Step, dry_run: bool, document: Doc) -> bytes:
    """The document for the client. A dry run shows the stored resourceVersion, or none for a new object."""
    change = step.changes[0]
    if not dry_run:
        # A quota is written once more, with what it counts.
        same = (each for each in reversed(step.changes) if (each.resource, each.key) == (change.resource, change.key))
        return next(same).after.document
    metadata = {key: value for key, value in document["metadata"].items() if key != "resourceVersion"}
    if change.before:
        metadata["resourceVersion"] = str(change.before.version)
    return msgspec.json.encode({**document, "metadata": metadata})
