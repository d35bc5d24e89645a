"""The common part of all writes: from the body to the stored document, and from there to the answer."""

from collections.abc import Sequence

from fairlead.model.document import Doc
from fairlead.registry.documents import bodies
from fairlead.registry.documents.managed_fields.entries import Manager
from fairlead.registry.documents.other_versions import stored_form
from fairlead.registry.kinds.apiextensions.structural import prune
from fairlead.registry.requests import WriteOptions
from fairlead.registry.resources import Resource
from fairlead.registry.schemas.decode import Decoded, decode, decode_metadata
from fairlead.registry.status import bad_request
from fairlead.registry.verbs.call import Call, Reply
from fairlead.registry.verbs.persistence import Written


def decoded(call: Call, document: Doc, options: WriteOptions, patched: bool = False) -> tuple[Doc, list[str]]:
    """The document of a write as it is stored, and warnings about fields that it does not have."""
    resource = call.resource
    faults: list[str] = []
    if patched:
        bodies.check_merged(document)
    elif options.field_validation != "Ignore" and bodies.media_type(call.request.content_type) == bodies.JSON:
        faults += bodies.duplicate_fields(call.request.body, document)
    bodies.check_kind(document, resource.group_version, resource.kind)
    document, unknown = shaped(document, resource)
    faults = [*unknown, *faults]
    faults = faults[: bodies.MAX_STRICT_ERRORS]
    if faults and options.field_validation == "Strict":
        raise bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
            f"strict decoding error: {', '.join(faults)}"
        )
    if resource.view_of:
        document = stored_form(resource, document)
    if resource.defined and resource.defined.conversion is None:
        document["apiVersion"] = resource.defined.stored_as
    return document, faults if options.field_validation == "Warn" else []


def shaped(document: Doc, resource: Resource) -> Decoded:
    """The document with only the fields of its kind."""
    if not resource.defined:
        return decode(resource.group_version, resource.kind, document)
    shaped = decode_metadata(resource.group_version, resource.kind, document)
    gone = prune(shaped.document, resource.defined.schema)
    return Decoded(shaped.document, (*shaped.unknown, *(f'unknown field "{path}"' for path in gone)))


def written_reply(call: Call, written: Written, warnings: Sequence[str]) -> Reply:
    body = call.shown(written.document)
    code = 201 if written.created else 200
    return Reply(body, code, step=written.step, warnings=(*warnings, *written.warnings))


def manager_of(call: Call, options: WriteOptions, operation: str) -> Manager:
    """The manager of the fields that this write changes."""
    subresource = call.target.subresource.name if call.target.subresource else ""
    return Manager(options.field_manager, operation, call.resource.group_version, subresource)
