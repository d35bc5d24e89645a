"""Roles and their bindings. Names can be any path segment, such as ``system:node``. The role of a binding never
changes: otherwise a user who may write its subjects could grant another role.

What they allow is in ``registry.access.rbac``. Upstream: pkg/apis/rbac/validation, apimachinery
``pkg/api/validation/path``.
"""

from collections.abc import Iterator

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, invalid, not_supported, required
from fairlead.registry.strategy import Context, Strategy

_GROUP = "rbac.authorization.k8s.io"
# Kind of a subject -> its group.
_SUBJECT_GROUPS = {"Group": _GROUP, "ServiceAccount": "", "User": _GROUP}
_ROLE_KINDS = {"ClusterRoleBinding": ("ClusterRole",), "RoleBinding": ("ClusterRole", "Role")}


def _name_errors(name: str) -> list[str]:
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return [f"may not contain '{sign}'" for sign in "/%" if sign in name]


def _subject_faults(binding: Doc) -> list[FieldError]:
    """The faults of a binding's subjects."""
    # In a namespace, a ServiceAccount without one is that namespace's.
    is_namespaced = binding["kind"] == "RoleBinding"
    subjects = enumerate(binding.get("subjects") or ())
    return [fault for i, each in subjects for fault in _subject(f"subjects[{i}]", each, is_namespaced)]


def _subject(path: str, subject: Doc, is_namespaced: bool) -> Iterator[FieldError]:
    kind, subject_name, group = (subject.get(field, "") for field in ("kind", "name", "apiGroup"))
    if not subject_name:
        yield required(f"{path}.name")
    if kind not in _SUBJECT_GROUPS:
        yield not_supported(f"{path}.kind", kind, tuple(_SUBJECT_GROUPS))
    elif group != _SUBJECT_GROUPS[kind]:
        yield not_supported(f"{path}.apiGroup", group, (_SUBJECT_GROUPS[kind],))
    if kind == "ServiceAccount":
        if subject_name:
            yield from (invalid(f"{path}.name", subject_name, why) for why in dns1123_subdomain_errors(subject_name))
        if not is_namespaced and not subject.get("namespace"):
            yield required(f"{path}.namespace")


def _role_ref_faults(binding: Doc) -> list[FieldError]:
    """The faults of a binding's role."""
    ref, path = binding.get("roleRef") or {}, "roleRef"
    faults = []
    if ref.get("apiGroup") != _GROUP:
        faults.append(not_supported(f"{path}.apiGroup", ref.get("apiGroup", ""), (_GROUP,)))
    kinds = _ROLE_KINDS[binding["kind"]]
    if ref.get("kind") not in kinds:
        faults.append(not_supported(f"{path}.kind", ref.get("kind", ""), kinds))
    if not ref.get("name"):
        return [*faults, required(f"{path}.name")]
    return faults + [invalid(f"{path}.name", ref["name"], why) for why in _name_errors(ref["name"])]


def _default(binding: Doc) -> None:
    """Fill in the groups that roles and subjects are of."""
    ref = binding.setdefault("roleRef", {})
    ref["apiGroup"] = ref.get("apiGroup") or _GROUP
    for subject in binding.get("subjects") or ():
        if group := _SUBJECT_GROUPS.get(subject.get("kind", "")):
            subject["apiGroup"] = subject.get("apiGroup") or group


def _validate(new: Doc, context: Context) -> list[FieldError]:
    return _role_ref_faults(new) + _subject_faults(new)


def _validate_update(new: Doc, old: Doc, context: Context) -> list[FieldError]:
    faults = _validate(new, context)
    if new.get("roleRef") == old.get("roleRef"):
        return faults
    return [*faults, invalid("roleRef", new.get("roleRef"), "cannot change roleRef")]


ROLE = Strategy(name_errors=_name_errors)
BINDING = Strategy(
    name_errors=_name_errors, default=_default, validate_create=_validate, validate_update=_validate_update
)
