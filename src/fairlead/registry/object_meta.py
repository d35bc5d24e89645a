"""The rules of ``metadata``, the same for all kinds.

Upstream: apiserver ``pkg/registry/rest/{create,update,meta}.go`` for what the server sets and keeps, apimachinery
``pkg/api/validation/objectmeta.go`` for what is refused and in which words.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors, dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required, too_long
from fairlead.registry.status import bad_request

ANNOTATIONS_BYTES = 256 << 10
GENERATED_SUFFIX = 5
# No vowels, nothing that looks like another letter: upstream's alphabet of apimachinery ``pkg/util/rand``.
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_MAX_GENERATE_NAME = 63 - GENERATED_SUFFIX

_NAME_PART = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_NAME_PART_DETAIL = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_LABEL_VALUE_DETAIL = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def tidy(document: Doc) -> None:
    """Ensure that there is a ``metadata``; leave out empty labels and annotations, as Go's encoder does."""
    metadata = document.setdefault("metadata", {})
    for name in ("labels", "annotations", "finalizers", "ownerReferences"):
        if name in metadata and not metadata[name]:
            del metadata[name]


def fill_for_create(document: Doc, namespace: str, now: str, uid: str, choose: Callable[[int], int]) -> None:
    """Set the fields that only the server decides, and generate a name if only ``generateName`` is given.

    Raises:
        ApiError: 400, a resourceVersion or a different namespace is given.
    """
    metadata = document["metadata"]
    if metadata.pop("resourceVersion", "") not in ("", "0"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    check_namespace(metadata, namespace)
    for name in ("selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
        metadata.pop(name, None)
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = generate_name(metadata["generateName"], choose)
    if namespace:
        metadata["namespace"] = namespace
    metadata["uid"] = uid
    metadata["creationTimestamp"] = now


def check_name(metadata: Doc, name: str) -> None:
    """Refuse a body for another name than the URL's; fill in a missing one."""
    given = metadata.setdefault("name", name) or name
    if given != name:
        raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")


def check_namespace(metadata: Doc, namespace: str) -> None:
    """Refuse a body for another namespace than the URL's; forget it where the URL has none.

    Upstream: ``EnsureObjectNamespaceMatchesRequestNamespace`` in ``pkg/registry/rest/meta.go`` of the API server.
    """
    if not namespace:
        metadata.pop("namespace", None)
    given = metadata.get("namespace", "")
    if given and given != namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def generate_name(base: str, choose: Callable[[int], int]) -> str:
    suffix = "".join(_SUFFIX_LETTERS[choose(len(_SUFFIX_LETTERS))] for _ in range(GENERATED_SUFFIX))
    return base[:_MAX_GENERATE_NAME] + suffix


# Fields that an update can leave out, and that are kept from the old object; ``validate_update`` refuses other values.
_KEPT_WHEN_ABSENT = ("uid", "creationTimestamp", "namespace", "deletionTimestamp", "deletionGracePeriodSeconds")


def carry_over(new: Doc, old: Doc) -> None:
    """Keep fields in an update that only the server sets."""
    after, before = new["metadata"], old["metadata"]
    after.pop("selfLink", None)
    for name in _KEPT_WHEN_ABSENT:
        if name in before and not after.get(name):
            after[name] = before[name]
    for name in ("generation", "generateName", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if name in before:
            after[name] = before[name]
        elif name != "generateName":
            after.pop(name, None)


def validate(metadata: Doc, name_errors: Callable[[str], Sequence[str]], namespaced: bool) -> list[FieldError]:
    """Faults of an object's metadata."""
    errors: list[FieldError] = []
    if generate := metadata.get("generateName"):
        errors += [invalid("metadata.generateName", generate, d) for d in name_errors(f"{generate.rstrip('-.')}")]
    name = metadata.get("name")
    if not name:
        errors.append(required("metadata.name", "name or generateName is required"))
    else:
        errors += [invalid("metadata.name", name, detail) for detail in name_errors(name)]
    if namespaced:
        namespace = metadata.get("namespace", "")
        errors += [invalid("metadata.namespace", namespace, d) for d in dns1123_label_errors(namespace)]
    errors += validate_labels(metadata.get("labels") or {}, "metadata.labels")
    errors += _validate_annotations(metadata.get("annotations") or {})
    errors += _validate_owners(metadata.get("ownerReferences") or [])
    errors += _validate_finalizers(metadata.get("finalizers") or [])
    return errors


def unqualified_finalizers(metadata: Doc) -> list[FieldError]:
    """Faults of finalizers that name no domain, as built-in kinds ask for one and kinds that users define do not."""
    detail = "name is neither a standard finalizer name nor is it fully qualified"
    names = metadata.get("finalizers") or ()
    return [invalid("metadata.finalizers", n, detail) for n in names if "/" not in n and n not in _PLAIN_FINALIZERS]


_IMMUTABLE = ("name", "namespace", "uid", "creationTimestamp")


def validate_update(new: Doc, old: Doc) -> list[FieldError]:
    """Faults of a change of metadata."""
    errors = []
    if old.get("deletionTimestamp"):
        added = sorted(set(new.get("finalizers") or []) - set(old.get("finalizers") or []))
        if added:
            detail = (
                f"no new finalizers can be added if the object is being deleted, found new finalizers {_go_list(added)}"
            )
            errors.append(forbidden("metadata.finalizers", detail))
    changed = [name for name in _IMMUTABLE if new.get(name) != old.get(name)]
    return errors + [invalid(f"metadata.{name}", new.get(name, ""), "field is immutable") for name in changed]


def _go_list(names: Sequence[str]) -> str:
    return "[]string{" + ", ".join(f'"{name}"' for name in names) + "}"


def qualified_name_errors(value: str) -> list[str]:
    """Reasons why ``value`` is not a qualified name such as ``app`` or ``example.com/app``; empty when it is."""
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        detail = (
            "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
            "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
            "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')"
        )
        return [detail]
    errors = []
    if slash and not prefix:
        errors.append("prefix part must be non-empty")
    elif slash:
        errors += [f"prefix part {detail}" for detail in dns1123_subdomain_errors(prefix)]
    if not name:
        errors.append("name part must be non-empty")
    elif len(name) > 63:
        errors.append("name part must be no more than 63 bytes")
    if not _NAME_PART.fullmatch(name):
        errors.append(_NAME_PART_DETAIL)
    return errors


def label_value_errors(value: str) -> list[str]:
    errors = ["must be no more than 63 bytes"] if len(value) > 63 else []
    if not _LABEL_VALUE.fullmatch(value):
        errors.append(_LABEL_VALUE_DETAIL)
    return errors


def validate_labels(labels: Mapping[str, str], path: str) -> list[FieldError]:
    """Faults of labels, reported as upstream does: on the whole map's path, with the offending key or value."""
    errors: list[FieldError] = []
    for key, value in sorted(labels.items()):
        errors += [invalid(path, key, detail) for detail in qualified_name_errors(key)]
        errors += [invalid(path, value, detail) for detail in label_value_errors(value)]
    return errors


def _validate_annotations(annotations: Mapping[str, str]) -> list[FieldError]:
    path = "metadata.annotations"
    errors = [invalid(path, key, d) for key in sorted(annotations) for d in qualified_name_errors(key.lower())]
    if sum(len(key) + len(value) for key, value in annotations.items()) > ANNOTATIONS_BYTES:
        errors.append(too_long(path, ANNOTATIONS_BYTES))
    return errors


def _validate_owners(owners: Sequence[Doc]) -> list[FieldError]:
    errors = []
    for index, owner in enumerate(owners):
        path = f"metadata.ownerReferences[{index}]"
        errors += [
            invalid(f"{path}.{name}", "", "must not be empty")
            for name in ("apiVersion", "kind", "name", "uid")
            if not owner.get(name)
        ]
    if sum(owner.get("controller") is True for owner in owners) > 1:
        detail = "Only one reference can have Controller set to true."
        errors.append(invalid("metadata.ownerReferences", list(owners), detail))
    return errors


_PLAIN_FINALIZERS = frozenset({"kubernetes", "orphan", "foregroundDeletion"})


def _validate_finalizers(finalizers: Sequence[str]) -> list[FieldError]:
    path = "metadata.finalizers"
    errors = [invalid(path, name, d) for name in finalizers for d in qualified_name_errors(name)]
    if {"orphan", "foregroundDeletion"} <= set(finalizers):
        errors.append(invalid(path, list(finalizers), "finalizer orphan and foregroundDeletion cannot be both set"))
    return errors
