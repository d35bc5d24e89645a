"""Quotas are charged in the step that writes an object, and credited in the step that removes it.

Only namespaces with quotas have this cost. A new or changed quota is counted once, over its namespace; then each write
adds its difference. Upstream: ``apiserver/pkg/admission/plugin/resourcequota``.
"""

from collections.abc import Iterator
from fractions import Fraction

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.model.quantities import quantity, spelled
from fairlead.registry.kinds.core.pod.amounts import Amounts
from fairlead.registry.kinds.usage import in_scope, lacking, usage_of
from fairlead.registry.resources import BY_PATH, BY_STORAGE, Resource
from fairlead.registry.status import forbidden
from fairlead.registry.store import State, Step, put

_QUOTAS = BY_PATH["", "v1", "resourcequotas"]


def charge(step: Step, resource: Resource, key: ObjectKey, old: Doc | None, new: Doc | None) -> Step:
    """Charge the quotas of a namespace with the difference between two versions of an object; None: it does not exist.

    Raises:
        ApiError: 403, a quota is exceeded, or the Pod lacks a field that a quota limits.
    """
    if not key.namespace or not step.state.of(_QUOTAS.storage):
        return step
    if resource is _QUOTAS and new is not None and (old is None or old.get("spec") != new.get("spec")):
        step = _counted(step, key)
    for quota_key, quota in list(_quotas_of(step.state, key.namespace)):
        step = _charged(step, resource, (quota_key, quota), old, new)
    return step


def _charged(step: Step, resource: Resource, place: tuple[ObjectKey, Doc], old: Doc | None, new: Doc | None) -> Step:
    key, quota = place
    status = quota.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    before, after = (_within(usage_of(resource, each), resource, each, quota) for each in (old, new))
    added = {
        name: after.get(name, Fraction()) - before.get(name, Fraction()) for name in {*before, *after} & hard.keys()
    }
    if not any(added.values()):
        return step
    if new is not None:
        _check(resource, new, quota, {name: amount for name, amount in added.items() if amount > 0}, old is None)
    total = {name: spelled(_read(used.get(name, "0")) + amount, hard[name]) for name, amount in added.items()}
    return _put(step, key, {**quota, "status": {**status, "used": {**used, **total}}})


def _within(amounts: Amounts, resource: Resource, document: Doc | None, quota: Doc) -> Amounts:
    """The usage for a quota with scopes: only Pods in these scopes count."""
    spec = quota.get("spec") or {}
    if document is None or not (spec.get("scopes") or spec.get("scopeSelector")):
        return amounts
    return amounts if resource.kind == "Pod" and in_scope(document, spec) else {}


def _check(resource: Resource, new: Doc, quota: Doc, added: Amounts, is_new: bool) -> None:
    name, quota_name = new["metadata"].get("name", ""), quota["metadata"]["name"]
    hard, used = quota["status"].get("hard") or {}, quota["status"].get("used") or {}
    if resource.kind == "Pod" and is_new and (missing := lacking(new, hard)):
        why = f"failed quota: {quota_name}: must specify {'; '.join(missing)}"
        raise forbidden(resource.plural, name, why, resource.group)
    over = sorted(each for each, amount in added.items() if _read(used.get(each, "0")) + amount > _read(hard[each]))
    if over:
        wanted = ",".join(f"{each}={spelled(added[each], hard[each])}" for each in over)
        held, limit = (",".join(f"{each}={table.get(each, '0')}" for each in over) for table in (used, hard))
        why = f"exceeded quota: {quota_name}, requested: {wanted}, used: {held}, limited: {limit}"
        raise forbidden(resource.plural, name, why, resource.group)


def _counted(step: Step, key: ObjectKey) -> Step:
    """The quota with the usage of its whole namespace."""
    stored = step.state.get(_QUOTAS.storage, key)
    assert stored is not None
    quota = msgspec.json.decode(stored.document, type=Doc)
    hard = (quota.get("spec") or {}).get("hard") or {}
    total: Amounts = dict.fromkeys(hard, Fraction())
    for resource, document in _objects_of(step.state, key.namespace):
        for name, amount in _within(usage_of(resource, document), resource, document, quota).items():
            if name in total and not (resource is _QUOTAS and document["metadata"]["name"] == key.name):
                total[name] += amount
    used = {name: spelled(amount, hard[name]) for name, amount in total.items()}
    return _put(step, key, {**quota, "status": {"hard": hard, "used": used} if hard else {}})


def _objects_of(state: State, namespace: str) -> Iterator[tuple[Resource, Doc]]:
    for storage, resource in BY_STORAGE.items():
        for key, stored in state.of(storage).items() if resource.namespaced else ():
            if key.namespace == namespace:
                yield resource, msgspec.json.decode(stored.document, type=Doc)


def _quotas_of(state: State, namespace: str) -> Iterator[tuple[ObjectKey, Doc]]:
    for key, stored in state.of(_QUOTAS.storage).items():
        if key.namespace == namespace:
            yield key, msgspec.json.decode(stored.document, type=Doc)


def _put(step: Step, key: ObjectKey, quota: Doc) -> Step:
    return put(step, _QUOTAS.storage, key, quota, {})


def _read(text: str) -> Fraction:
    return quantity(str(text)) or Fraction()
