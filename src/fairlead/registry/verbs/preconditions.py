"""Checks of a write that need only its metadata: the name in the URL, the version, and the namespace."""

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry import field_errors, object_meta
from fairlead.registry.requests import RequestTarget
from fairlead.registry.resources import BY_PATH, Resource
from fairlead.registry.status import conflict, forbidden, invalid, not_found
from fairlead.registry.store import State, Stored

STALE = "the object has been modified; please apply your changes to the latest version and try again"
_NAMESPACES = BY_PATH["", "v1", "namespaces"]


def check_namespace_is_open(state: State, resource: Resource, key: ObjectKey) -> None:
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


def check_identity(document: Doc, target: RequestTarget) -> Doc:
    """Return the document if its name and namespace are those of the URL; otherwise raise ApiError."""
    object_meta.tidy(document)
    object_meta.check_name(document["metadata"], target.name)
    object_meta.check_namespace(document["metadata"], target.namespace)
    return document


def check_version(new: Doc, old: Doc, resource: Resource) -> None:
    """Refuse an update of another version or of another object of the same name; both arguments are metadata."""
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
