"""Creating and updating objects, in the order of upstream's generic store.

Create: fill metadata, check the namespace, admit, default, allocate, prepare, validate, persist. Update: patch, compare
versions, admit, default, allocate, prepare, validate, persist. A refused write raises and has changed nothing: its step
is discarded. Upstream: apiserver ``pkg/registry/generic/registry/store.go``.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry import object_meta
from fairlead.registry.conversion import shown_as
from fairlead.registry.documents.managed_fields.entries import UPDATE, Manager, follow_update, own_all
from fairlead.registry.environment import Environment, Write
from fairlead.registry.field_errors import FieldError
from fairlead.registry.object_versions import ObjectVersions
from fairlead.registry.requests import RequestTarget
from fairlead.registry.resources import BY_STORAGE, Resource
from fairlead.registry.schemas.canonical import canonicalize
from fairlead.registry.schemas.catalogue import type_of
from fairlead.registry.status import already_exists, invalid, not_found
from fairlead.registry.store import State, Step, allocate
from fairlead.registry.strategy import NO_EFFECTS, Context, SideEffects, Strategy
from fairlead.registry.verbs.deletion import is_held, remove_object
from fairlead.registry.verbs.persistence import (
    Written,
    follow_ip_addresses,
    reply_document,
    store_document,
    unless_dry_run,
)
from fairlead.registry.verbs.preconditions import check_identity, check_namespace_is_open, check_version
from fairlead.registry.verbs.quotas import charge
from fairlead.registry.verbs.sides import PREPARE

SYSTEM = Manager("fairlead", UPDATE, "")


def create(
    state: State,
    target: RequestTarget,
    document: Doc,
    env: Environment,
    dry_run: bool = False,
    manager: Manager = SYSTEM,
) -> Written:
    """Add an object; ``target`` is the collection, or the object for a PUT that creates it. Its fields are the
    manager's, unless the document says already whose they are.

    Raises:
        ApiError: the object is refused.
    """
    resource = target.resource
    strategy = env.kinds.strategy(resource)
    object_meta.tidy(document)
    if resource.subresource("status") and not strategy.brings_status:
        document.pop("status", None)
    canonicalize(stored_type(resource), document)
    if resource.namespaced:
        check_namespace_is_open(state, resource, ObjectKey(target.namespace, document["metadata"].get("name", "")))
    context = env.context(state, dry_run)
    if env.mutate is not None:
        object_meta.check_namespace(document["metadata"], target.namespace)
        strategy.default(document)
        _own(resource, document, env, manager)
        complete = partial(_completed, strategy, target.namespace, context)
        complete(document)
        document = _mutated(Write(state, target, document, None, dry_run, complete=complete), env.mutate)
    object_meta.fill_for_create(document, target.namespace, env.now, env.new_uid(), env.choose)
    metadata = document["metadata"]
    key = ObjectKey(target.namespace, metadata.get("name", ""))
    env.admit(state, target, document, None)
    strategy.default(document)
    _own(resource, document, env, manager)
    if env.mutate is None:
        strategy.admit_create(document, context)
    effects = strategy.allocate(document, None, context)
    if strategy.bumps_generation and strategy.first_generation:
        metadata["generation"] = strategy.first_generation
    strategy.prepare_create(document, context)
    faults = object_meta.validate(metadata, strategy.name_errors, resource.namespaced)
    faults += _finalizer_faults(metadata, strategy)
    faults += env.cluster.faults_among(strategy.validate_create(document, context))
    if faults:
        raise invalid(resource.kind, key.name, faults, resource.group)
    warnings = env.review(Write(state, target, document, None, dry_run))
    if state.get(resource.storage, key) is not None:
        raise already_exists(resource.plural, key.name, resource.group)
    strategy.on_read(document)
    warnings += tuple(strategy.warnings(document, None))
    step = store_document(allocate(Step(state), key, effects), resource, key, document, env)
    step = charge(follow_ip_addresses(step, resource, effects, env), resource, key, None, document)
    return Written(unless_dry_run(dry_run, state, step), reply_document(step, dry_run, document), True, warnings)


def _own(resource: Resource, document: Doc, env: Environment, manager: Manager) -> None:
    """Make the manager the owner of a new object's fields, unless the object has managedFields."""
    if "managedFields" not in document["metadata"]:
        without = _SIDES[bool(resource.subresource("status"))]
        own_all(ObjectVersions(resource, env.answers), document, without, _writer(manager, resource), env.now)


def _follow_owners(revision: "_Revision", new: Doc, env: Environment) -> None:
    """Make the manager of an update the owner of the fields that it changes."""
    resource = revision.target.resource
    manager = _writer(revision.change.manager, resource)
    follow_update(ObjectVersions(resource, env.answers), revision.old, new, manager, env.now)


def _writer(manager: Manager, resource: Resource) -> Manager:
    """The manager with the API version that it writes: for the server itself, the stored version."""
    if manager is not SYSTEM:
        return manager
    row = resource if resource.defined else BY_STORAGE[resource.storage]
    return manager._replace(api_version=row.group_version)


def _completed(strategy: Strategy, namespace: str, context: Context, document: Doc) -> None:
    """Add to a new object the fields that the server sets."""
    if namespace:
        document["metadata"]["namespace"] = namespace
    strategy.default(document)
    strategy.admit_create(document, context)


def _mutated(write: Write, mutate: Callable[[Write], Doc]) -> Doc:
    """The document after mutating policies and webhooks, which cannot change the owners of fields."""
    assert write.new is not None
    owners = write.new["metadata"].get("managedFields")
    document = mutate(write)
    object_meta.tidy(document)
    document["metadata"].pop("managedFields", None)
    if owners is not None:
        document["metadata"]["managedFields"] = owners
    return document


def canonical(document: Doc, resource: Resource, strategy: Strategy) -> Doc:
    """The document in its canonical form, with defaults."""
    object_meta.tidy(document)
    canonicalize(stored_type(resource), document)
    strategy.default(document)
    return document


# Whether a kind has a status of its own -> what a write of the object itself does not own.
_SIDES = {True: ("status",), False: ()}


def _finalizer_faults(metadata: Doc, strategy: Strategy) -> list[FieldError]:
    return [] if strategy.allows_bare_finalizers else object_meta.unqualified_finalizers(metadata)


def stored_type(resource: Resource) -> str:
    """The type of the documents as they are stored; empty for one outside the catalogue."""
    if resource.defined:
        return resource.defined.type_name
    kind = BY_STORAGE[resource.storage]
    return type_of(kind.group_version, kind.kind) or ""


class ObjectUpdate(NamedTuple):
    """A change of an object.

    Attributes:
        apply: (old) -> new; may keep parts of its argument, which is its own copy.
        only_existing: a missing object is an error, even for kinds that a PUT can create (true for patches).
        manager: the new owner of the changed fields.
    """

    apply: Callable[[Doc], Doc]
    only_existing: bool
    dry_run: bool = False
    manager: Manager = SYSTEM


def update(state: State, target: RequestTarget, change: ObjectUpdate, env: Environment) -> Written:
    """Change an object, or one side of it when the target has a subresource.

    Raises:
        ApiError: the change is refused, or the object is not there.
    """
    resource = target.resource
    stored = state.get(resource.storage, target.key)
    if stored is None:
        if resource.create_on_update and not change.only_existing and target.subresource is None:
            document = check_identity(change.apply({}), target)
            document["metadata"].pop("managedFields", None)
            return create(state, target, document, env, change.dry_run, change.manager)
        raise not_found(resource.plural, target.name, resource.group)
    (presented,) = shown_as((stored.document,), resource, env.answers)
    old: Doc = msgspec.json.decode(presented)
    new = check_identity(change.apply(msgspec.json.decode(presented)), target)
    canonicalize(stored_type(resource), new)
    check_version(new["metadata"], old["metadata"], resource)
    owns = change.manager.operation == UPDATE
    if env.mutate is not None:
        env.kinds.strategy(resource).default(new)
        object_meta.carry_over(new, old)
        if owns:
            _follow_owners(_Revision(state, target, change, old, new, owns), new, env)
        new = check_identity(_mutated(Write(state, target, new, old, change.dry_run), env.mutate), target)
        owns = False
    env.admit(state, target, new, old)
    revision = _Revision(state, target, change, old, new, owns)
    return _stored(revision, *_revised(revision, env), env)


class _Revision(NamedTuple):
    """An update in progress; ``owns``: its manager does not own the changed fields yet."""

    state: State
    target: RequestTarget
    change: ObjectUpdate
    old: Doc
    new: Doc
    owns: bool


def _revised(revision: _Revision, env: Environment) -> tuple[Doc, SideEffects]:
    """The document to store, prepared and validated by its kind, and the allocations that change."""
    state, target, change, old, new, _ = revision
    resource, strategy = target.resource, env.kinds.strategy(target.resource)
    context = env.context(state, change.dry_run)
    side = target.subresource.name if target.subresource else ""
    strategy.default(new)
    object_meta.carry_over(new, old)
    effects = NO_EFFECTS if side else strategy.allocate(new, old, context)
    own = strategy.sides.get(side)
    new = own.prepare(new, old) if own else PREPARE[side](new, old, resource)
    if not side:
        strategy.prepare_update(new, old, context)
    elif side == "status":
        strategy.prepare_status_update(new, old, context)
    elif side == "approval":
        strategy.prepare_approval(new, old, context)
    _set_generation(strategy, new, old)
    faults = object_meta.validate(new["metadata"], lambda name: (), resource.namespaced)
    faults += _finalizer_faults(new["metadata"], strategy)
    faults += object_meta.validate_update(new["metadata"], old["metadata"])
    found = own.validate(new, old) if own else strategy.validate_update(new, old, context)
    faults += env.cluster.faults_among(found)
    if faults:
        raise invalid(resource.kind, target.name, faults, resource.group)
    strategy.on_read(new)
    return new, effects


def _stored(revision: _Revision, new: Doc, effects: SideEffects, env: Environment) -> Written:
    state, target, change, old, _, owns = revision
    resource, strategy = target.resource, env.kinds.strategy(target.resource)
    warnings = (*env.review(Write(state, target, new, old, change.dry_run)), *strategy.warnings(new, old))
    if owns:
        _follow_owners(revision, new, env)
    new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
    if new == old:
        return Written(Step(state), msgspec.json.encode(old), warnings=warnings)
    step = allocate(Step(state), target.key, effects)
    if _is_finished(new, strategy):
        step = remove_object(step, resource, target.key, new, env.kinds)
    else:
        step = store_document(step, resource, target.key, new, env)
    step = charge(follow_ip_addresses(step, resource, effects, env), resource, target.key, old, new)
    return Written(
        unless_dry_run(change.dry_run, state, step), reply_document(step, change.dry_run, new), warnings=warnings
    )


def _set_generation(strategy: Strategy, new: Doc, old: Doc) -> None:
    if strategy.bumps_generation:
        before = old["metadata"].get("generation", strategy.first_generation)
        if generation := before + strategy.bumps_generation(new, old):
            new["metadata"]["generation"] = generation


def _is_finished(document: Doc, strategy: Strategy) -> bool:
    """Whether an update took away the last thing that held a deletion up."""
    metadata = document["metadata"]
    if not metadata.get("deletionTimestamp") or is_held(document, strategy):
        return False
    return not metadata.get("deletionGracePeriodSeconds")
