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
from fairlead.registry import field_errors, object_meta
from fairlead.registry.conversion import converted, is_converted, shown_as
from fairlead.registry.documents.managed_fields.entries import UPDATE, Manager, follow_update, own_all
from fairlead.registry.environment import Environment, Write
from fairlead.registry.field_errors import FieldError
from fairlead.registry.object_versions import ObjectVersions
from fairlead.registry.requests import RequestTarget
from fairlead.registry.resources import BY_PATH, BY_STORAGE, Resource
from fairlead.registry.schemas.canonical import canonicalize
from fairlead.registry.schemas.catalogue import type_of
from fairlead.registry.status import already_exists, conflict, forbidden, invalid, not_found
from fairlead.registry.store import State, Step, Stored, allocate, put
from fairlead.registry.strategy import NO_EFFECTS, Context, SideEffects, Strategy
from fairlead.registry.verbs.deletion import is_held, remove_object
from fairlead.registry.verbs.ip_addresses import publish, withdraw
from fairlead.registry.verbs.quotas import charge

STALE = "the object has been modified; please apply your changes to the latest version and try again"
_NAMESPACES = BY_PATH["", "v1", "namespaces"]


class Written(NamedTuple):
    """What a write leads to. ``step`` has no changes for a dry run and for an update that changes nothing."""

    step: Step
    document: bytes
    created: bool = False
    warnings: tuple[str, ...] = ()


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
    canonicalize(stored_type(resource), document)
    if resource.namespaced:
        _check_namespace(state, resource, ObjectKey(target.namespace, document["metadata"].get("name", "")))
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
    if strategy.bumps_generation:
        metadata["generation"] = 1
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
    step = _put(allocate(Step(state), key, effects), resource, key, document, env)
    step = charge(_follow(step, resource, effects, env), resource, key, None, document)
    return Written(_unless(dry_run, state, step), _shown(step, dry_run, document), True, warnings)


def _put(step: Step, resource: Resource, key: ObjectKey, document: Doc, env: Environment) -> Step:
    """Write the document, under the version that its kind is kept in; ``document`` gets the resourceVersion."""
    fields = env.kinds.strategy(resource).fields
    if resource.defined is None or not is_converted(resource):
        return put(step, resource.storage, key, document, fields)
    (kept,) = converted([document], resource, resource.defined.stored_as, env.answers)
    step = put(step, resource.storage, key, {**kept, "metadata": {**kept["metadata"]}}, fields)
    document["metadata"]["resourceVersion"] = str(step.state.version)
    return step


def _own(resource: Resource, document: Doc, env: Environment, manager: Manager) -> None:
    """Make the manager the owner of a new object's fields, unless it says already whose they are."""
    if "managedFields" not in document["metadata"]:
        without = _SIDES[bool(resource.subresource("status"))]
        own_all(ObjectVersions(resource, env.answers), document, without, _writer(manager, resource), env.now)


def _follow_owners(revision: "_Revision", new: Doc, env: Environment) -> None:
    """Move the ownership of what an update changes to its manager."""
    resource = revision.target.resource
    manager = _writer(revision.change.manager, resource)
    follow_update(ObjectVersions(resource, env.answers), revision.old, new, manager, env.now)


def _writer(manager: Manager, resource: Resource) -> Manager:
    """The manager with the version that it writes; the server itself writes the one that is stored."""
    if manager is not SYSTEM:
        return manager
    row = resource if resource.defined else BY_STORAGE[resource.storage]
    return manager._replace(api_version=row.group_version)


def _completed(strategy: Strategy, namespace: str, context: Context, document: Doc) -> None:
    """Add to a new object what the server adds."""
    if namespace:
        document["metadata"]["namespace"] = namespace
    strategy.default(document)
    strategy.admit_create(document, context)


def _mutated(write: Write, mutate: Callable[[Write], Doc]) -> Doc:
    """What policies and webhooks make of a document. They own nothing of it, and cannot say who does."""
    assert write.new is not None
    owners = write.new["metadata"].get("managedFields")
    document = mutate(write)
    object_meta.tidy(document)
    document["metadata"].pop("managedFields", None)
    if owners is not None:
        document["metadata"]["managedFields"] = owners
    return document


def canonical(document: Doc, resource: Resource, strategy: Strategy) -> Doc:
    """The document in its one form, completed."""
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


def _check_namespace(state: State, resource: Resource, key: ObjectKey) -> None:
    """Refuse to create in a namespace that is missing or going away, as upstream's NamespaceLifecycle plugin does."""
    namespace = state.get(_NAMESPACES.storage, ObjectKey("", key.namespace))
    if namespace is None:
        raise not_found("namespaces", key.namespace)
    if b'"deletionTimestamp"' in namespace.document and _metadata(namespace).get("deletionTimestamp"):
        why = f"unable to create new content in namespace {key.namespace} because it is being terminated"
        message = f"namespace {key.namespace} is being terminated"
        cause = {"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}
        raise forbidden(resource.plural, key.name, why, resource.group, [cause])


def _metadata(stored: Stored) -> Doc:
    document: Doc = msgspec.json.decode(stored.document)
    metadata: Doc = document["metadata"]
    return metadata


class ObjectUpdate(NamedTuple):
    """How an object is to change.

    Attributes:
        apply: (old) -> new; may keep parts of its argument, which is its own copy.
        only_existing: whether a missing object is an error even for kinds that a PUT may create (a patch's is).
        manager: whose the changed fields are from now on.
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
            document = _named(change.apply({}), target)
            document["metadata"].pop("managedFields", None)
            return create(state, target, document, env, change.dry_run, change.manager)
        raise not_found(resource.plural, target.name, resource.group)
    (presented,) = shown_as((stored.document,), resource, env.answers)
    old: Doc = msgspec.json.decode(presented)
    new = _named(change.apply(msgspec.json.decode(presented)), target)
    canonicalize(stored_type(resource), new)
    _check_version(new["metadata"], old["metadata"], resource)
    owns = change.manager.operation == UPDATE
    if env.mutate is not None:
        env.kinds.strategy(resource).default(new)
        object_meta.carry_over(new, old)
        if owns:
            _follow_owners(_Revision(state, target, change, old, new, owns), new, env)
        new = _named(_mutated(Write(state, target, new, old, change.dry_run), env.mutate), target)
        owns = False
    env.admit(state, target, new, old)
    revision = _Revision(state, target, change, old, new, owns)
    return _stored(revision, *_revised(revision, env), env)


class _Revision(NamedTuple):
    """An update under way; ``owns`` says whether its manager is still to become the owner of what it changes."""

    state: State
    target: RequestTarget
    change: ObjectUpdate
    old: Doc
    new: Doc
    owns: bool


def _revised(revision: _Revision, env: Environment) -> tuple[Doc, SideEffects]:
    """The document to store, and what it takes and gives back; the kind's rules have all had their say."""
    state, target, change, old, new, _ = revision
    resource, strategy = target.resource, env.kinds.strategy(target.resource)
    context = env.context(state, change.dry_run)
    side = target.subresource.name if target.subresource else ""
    strategy.default(new)
    object_meta.carry_over(new, old)
    effects = NO_EFFECTS if side else strategy.allocate(new, old, context)
    own = strategy.sides.get(side)
    new = own.prepare(new, old) if own else _PREPARE[side](new, old, resource)
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
        step = _put(step, resource, target.key, new, env)
    step = charge(_follow(step, resource, effects, env), resource, target.key, old, new)
    return Written(_unless(change.dry_run, state, step), _shown(step, change.dry_run, new), warnings=warnings)


def _follow(step: Step, resource: Resource, effects: SideEffects, env: Environment) -> Step:
    """Let the IPAddress objects follow what the object has taken and freed."""
    if not env.kinds.strategy(resource).shows_ips:
        return step
    return publish(withdraw(step, effects.free_ips, env.kinds), effects.take_ips, env)


def _prepare_object(new: Doc, old: Doc, resource: Resource) -> Doc:
    if resource.subresource("status"):
        new.pop("status", None)
        if "status" in old:
            new["status"] = msgspec.to_builtins(old["status"])
    return new


def _prepare_status(new: Doc, old: Doc, resource: Resource) -> Doc:
    kept = {key: value for key, value in old.items() if key != "status"}
    result: Doc = msgspec.json.decode(msgspec.json.encode(kept))
    # Owners and finalizers belong to the main resource; labels and annotations may be written through either.
    owners = result["metadata"].get("ownerReferences")
    result["metadata"] = new["metadata"]
    if owners:
        result["metadata"]["ownerReferences"] = owners
    if "status" in new:
        result["status"] = new["status"]
    return result


def _prepare_finalize(new: Doc, old: Doc, resource: Resource) -> Doc:
    result: Doc = msgspec.json.decode(msgspec.json.encode(old))
    spec = new.get("spec")
    finalizers = spec.get("finalizers") if isinstance(spec, dict) else None
    result["spec"] = {"finalizers": finalizers} if finalizers else {}
    return result


# What a write to each side of an object may change.
_PREPARE: dict[str, Callable[[Doc, Doc, Resource], Doc]] = {
    "": _prepare_object,
    "status": _prepare_status,
    "finalize": _prepare_finalize,
    "approval": _prepare_status,
}


def _named(document: Doc, target: RequestTarget) -> Doc:
    """Check that a document is about the object that the URL names."""
    object_meta.tidy(document)
    object_meta.check_name(document["metadata"], target.name)
    object_meta.check_namespace(document["metadata"], target.namespace)
    return document


def _check_version(new: Doc, old: Doc, resource: Resource) -> None:
    name = old["name"]
    version = new.get("resourceVersion", "")
    if version in ("", "0"):
        if not resource.unconditional_update:
            message = "must be specified for an update"
            fault = field_errors.invalid("metadata.resourceVersion", 0, message)
            raise invalid(resource.kind, name, [fault], resource.group)
    elif version != old["resourceVersion"]:
        raise conflict(resource.plural, name, STALE, resource.group)
    if new.get("uid") and new["uid"] != old["uid"]:
        why = f"Precondition failed: UID in precondition: {new['uid']}, UID in object meta: {old['uid']}"
        raise conflict(resource.plural, name, why, resource.group)


def _set_generation(strategy: Strategy, new: Doc, old: Doc) -> None:
    if strategy.bumps_generation:
        before = old["metadata"].get("generation", 1)
        new["metadata"]["generation"] = before + 1 if strategy.bumps_generation(new, old) else before


def _is_finished(document: Doc, strategy: Strategy) -> bool:
    """Whether an update took away the last thing that held a deletion up."""
    metadata = document["metadata"]
    if not metadata.get("deletionTimestamp") or is_held(document, strategy):
        return False
    return not metadata.get("deletionGracePeriodSeconds")


def _unless(dry_run: bool, state: State, step: Step) -> Step:
    return Step(state) if dry_run else step


def _shown(step: Step, dry_run: bool, document: Doc) -> bytes:
    """The document for the client; a dry run shows the version that is still in force, and none of an object to be."""
    change = step.changes[0]
    if not dry_run:
        # A quota is written once more, with what it counts.
        same = (each for each in reversed(step.changes) if (each.resource, each.key) == (change.resource, change.key))
        return next(same).after.document
    metadata = {key: value for key, value in document["metadata"].items() if key != "resourceVersion"}
    if change.before:
        metadata["resourceVersion"] = str(change.before.version)
    return msgspec.json.encode({**document, "metadata": metadata})
