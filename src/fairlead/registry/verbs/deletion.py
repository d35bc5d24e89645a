"""Deleting objects: at once, after a grace period (Pods), or when the last finalizer is gone.

How long and by what an object is kept are hooks of its kind.
Upstream: apiserver ``pkg/registry/rest/delete.go`` and ``pkg/registry/generic/registry/store.go``.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.conversion import shown_as
from fairlead.registry.documents.bodies import parse_object
from fairlead.registry.environment import Environment, Kinds, Write
from fairlead.registry.requests import Request, RequestTarget, integer_option, is_dry_run
from fairlead.registry.resources import BY_STORAGE, Resource
from fairlead.registry.selectors import selection_of
from fairlead.registry.status import ApiError, bad_request, conflict, forbidden, not_found, success
from fairlead.registry.store import State, Step, allocate, put, remove
from fairlead.registry.strategy import Strategy
from fairlead.registry.verbs.call import Call, Reply
from fairlead.registry.verbs.ip_addresses import withdraw
from fairlead.registry.verbs.quotas import charge

_POLICIES = ("", "Orphan", "Foreground", "Background")
# The finalizer by which a propagation policy instructs the garbage collector.
_FINALIZER_OF = {"Orphan": "orphan", "Foreground": "foregroundDeletion"}


@dataclass(frozen=True)
class DeleteOptions:
    """How to delete; ``grace`` in seconds, None when the client leaves it to the kind."""

    grace: int | None = None
    uid: str = ""
    resource_version: str = ""
    propagation: str = ""
    dry_run: bool = False


class _Preconditions(msgspec.Struct, rename="camel"):
    uid: str | None = None
    resource_version: str | None = None


class _Body(msgspec.Struct, rename="camel"):
    grace_period_seconds: int | None = None
    propagation_policy: str | None = None
    orphan_dependents: bool | None = None
    preconditions: _Preconditions | None = None
    dry_run: list[str] | None = None


class Deleted(NamedTuple):
    """The result of a deletion: the object as it was or is now, or a Status, depending on the kind."""

    step: Step
    document: bytes


def delete_options(request: Request) -> DeleteOptions:
    """Options from the query and, where there is one, from the body.

    Raises:
        ApiError: 400, an option is not understood.
    """
    return _options(request, parse_object(request.body, request.content_type) if request.body else {})


def eviction_options(request: Request, eviction: Doc) -> DeleteOptions:
    """Options that an Eviction carries, or its query.

    Raises:
        ApiError: 400, an option is not understood.
    """
    return _options(request, eviction.get("deleteOptions") or {})


def _options(request: Request, document: Any) -> DeleteOptions:
    try:
        body = msgspec.convert(document, _Body)
    except msgspec.ValidationError as error:
        raise bad_request(f"the delete options are not valid: {error}") from error
    policy = body.propagation_policy or request.query.get("propagationPolicy", "")
    if body.orphan_dependents is not None or "orphanDependents" in request.query:
        orphan = body.orphan_dependents or request.flag("orphanDependents")
        policy = policy or ("Orphan" if orphan else "Background")
    if policy not in _POLICIES:
        raise bad_request(f'invalid propagationPolicy: "{policy}", must be one of Foreground, Background, Orphan')
    grace = body.grace_period_seconds
    preconditions = body.preconditions or _Preconditions()
    return DeleteOptions(
        grace if grace is not None else integer_option(request, "gracePeriodSeconds"),
        preconditions.uid or "",
        preconditions.resource_version or "",
        policy,
        any(is_dry_run(value) for value in (*(body.dry_run or ()), request.query.get("dryRun", ""))),
    )


def delete(state: State, target: RequestTarget, options: DeleteOptions, env: Environment) -> Deleted:
    """Delete an object, or start its deletion.

    Raises:
        ApiError: 404 it does not exist, 409 a precondition fails, 403 the namespace must not be deleted.
    """
    resource = target.resource
    stored = state.get(resource.storage, target.key)
    if stored is None:
        raise not_found(resource.plural, target.name, resource.group)
    document: Doc = msgspec.json.decode(stored.document)
    _check_preconditions(document["metadata"], options, resource)
    strategy = env.kinds.strategy(resource)
    if why := strategy.undeletable(target.name):
        raise forbidden(resource.plural, target.name, why)
    write = Write(state, target, None, document, options.dry_run)
    if env.mutate is not None:
        env.mutate(write)
    env.review(write)
    step = _delete_document(Step(state), target, document, options, env)
    if step is None:
        return Deleted(Step(state), stored.document)
    gone = step.state.get(resource.storage, target.key) is None
    answer = step.changes[0].after.document
    if gone and not strategy.returns_deleted:
        answer = msgspec.json.encode(success(200, _about(resource, document["metadata"])))
    return Deleted(Step(state) if options.dry_run else step, answer)


def _about(resource: Resource, metadata: Doc) -> Doc:
    details = {"name": metadata["name"], "group": resource.group, "kind": resource.plural, "uid": metadata["uid"]}
    return {key: value for key, value in details.items() if value}


def _delete_document(
    step: Step, target: RequestTarget, document: Doc, options: DeleteOptions, env: Environment
) -> Step | None:
    """The step that deletes or marks the object; None if it is already marked and nothing changes."""
    resource, strategy = target.resource, env.kinds.strategy(target.resource)
    metadata = document["metadata"]
    finalizers = list(metadata.get("finalizers") or [])
    wanted = _with_policy(finalizers, options.propagation, strategy.orphans)
    metadata.pop("finalizers", None)
    if wanted:
        metadata["finalizers"] = wanted
    grace = strategy.grace(document, options.grace)
    if not grace and not is_held(document, strategy):
        return remove_object(step, resource, target.key, document, env.kinds)
    marked = metadata.get("deletionTimestamp")
    shorter = grace < metadata.get("deletionGracePeriodSeconds", 0)
    if marked and not shorter and wanted == finalizers:
        return None
    if not marked:
        _mark(document, env.now, grace)
        strategy.mark_deleted(document)
    elif shorter:
        metadata["deletionTimestamp"] = later(marked, grace - metadata["deletionGracePeriodSeconds"])
        metadata["deletionGracePeriodSeconds"] = grace
    return put(step, resource.storage, target.key, document, strategy.fields)


def _mark(document: Doc, now: str, grace: int) -> None:
    metadata = document["metadata"]
    metadata["deletionTimestamp"] = later(now, grace)
    metadata["deletionGracePeriodSeconds"] = grace
    if metadata.get("generation"):
        metadata["generation"] += 1


def _with_policy(finalizers: list[str], policy: str, orphans: bool) -> list[str]:
    if not policy:
        decided = not orphans or any(name in finalizers for name in _FINALIZER_OF.values())
        return finalizers if decided else [*finalizers, _FINALIZER_OF["Orphan"]]
    others = [name for name in finalizers if name not in _FINALIZER_OF.values()]
    return [*others, _FINALIZER_OF[policy]] if policy in _FINALIZER_OF else others


def later(moment: str, seconds: int) -> str:
    """The RFC 3339 text of a moment some seconds after (or before) another."""
    return (datetime.fromisoformat(moment) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def is_held(document: Doc, strategy: Strategy) -> bool:
    """Whether something still keeps the object: its finalizers, or what the kind knows besides."""
    return bool(document["metadata"].get("finalizers")) or strategy.is_held(document)


def remove_object(step: Step, resource: Resource, key: ObjectKey, document: Doc, kinds: Kinds) -> Step:
    """Remove the object, with its allocations and the objects that are deleted with it."""
    strategy = kinds.strategy(resource)
    effects = strategy.release(document)
    step = remove(allocate(step, key, effects), resource.storage, key, document, strategy.fields)
    step = charge(step, resource, key, document, None)
    if strategy.shows_ips:
        step = withdraw(step, effects.free_ips, kinds)
    for plural in strategy.deletes_with:
        other = next(row for row in BY_STORAGE.values() if (row.group, row.plural) == (resource.group, plural))
        companion = step.state.get(other.storage, key)
        if companion is not None:
            step = remove_object(step, other, key, msgspec.json.decode(companion.document), kinds)
    return step


def _check_preconditions(metadata: Doc, options: DeleteOptions, resource: Resource) -> None:
    checks = (
        ("UID", options.uid, metadata["uid"]),
        ("ResourceVersion", options.resource_version, metadata["resourceVersion"]),
    )
    for label, wanted, actual in checks:
        if wanted and wanted != actual:
            why = f"Precondition failed: {label} in precondition: {wanted}, {label} in object meta: {actual}"
            raise conflict(resource.plural, metadata["name"], why, resource.group)


def delete_selected(
    state: State, targets: list[RequestTarget], options: DeleteOptions, env: Environment
) -> tuple[Step, list[bytes]]:
    """Delete each of the targets; one that may not be deleted refuses the whole request, and nothing is deleted."""
    step = Step(state)
    shown = []
    for target in targets:
        try:
            done = delete(step.state, target, options, env)
        except ApiError as error:
            if error.code == 404:
                continue
            raise
        before = state.get(target.resource.storage, target.key)
        if before is not None:
            shown.append(before.document)
        step = Step(done.step.state, step.changes + done.step.changes)
    return step, shown


def delete_object(call: Call) -> Reply:
    options = delete_options(call.request)
    done = delete(call.state, call.target, options, call.env)
    if b'"kind":"Status"' in done.document[:20]:
        return Reply(done.document, step=done.step)
    return Reply(call.shown(done.document), step=done.step)


def delete_collection(call: Call) -> Reply:
    options = delete_options(call.request)
    view = call.view
    selection = selection_of(call.request, call.target, call.env.kinds.strategy(call.resource).fields)
    objects = call.state.of(call.resource.storage)
    targets = [RequestTarget(call.resource, *key) for key in selection.selected(objects)]
    step, shown = delete_selected(call.state, targets, options, call.env)
    metadata = {"resourceVersion": str(step.state.version)}
    documents = shown_as(shown, call.resource, call.env.answers)
    return Reply(view.many(documents, metadata, call.env.kinds, call.env.now), step=step)
