"""Writes with a body: create, update, patch."""

from fairlead.model.document import Doc
from fairlead.registry import object_meta
from fairlead.registry.documents import bodies
from fairlead.registry.documents.managed_fields.entries import UPDATE
from fairlead.registry.documents.other_versions import document_under
from fairlead.registry.documents.patching import parse_patch
from fairlead.registry.kinds.apiextensions.structural import prune
from fairlead.registry.requests import write_options
from fairlead.registry.verbs.apply import APPLY_PATCH, apply_object
from fairlead.registry.verbs.call import Call, Reply
from fairlead.registry.verbs.decoding import decoded, manager_of, written_reply
from fairlead.registry.verbs.generic_store import ObjectUpdate, create, update


def create_object(call: Call) -> Reply:
    options = write_options(call.request)
    document = bodies.parse_object(call.request.body, call.request.content_type)
    document, warnings = decoded(call, document, options)
    object_meta.tidy(document)
    document["metadata"].pop("managedFields", None)
    manager = manager_of(call, options, UPDATE)
    made = create(call.state, call.target, document, call.env, options.dry_run, manager)
    return written_reply(call, made, warnings)


def update_object(call: Call) -> Reply:
    options = write_options(call.request)
    document = bodies.parse_object(call.request.body, call.request.content_type)
    document, warnings = decoded(call, document, options)
    manager = manager_of(call, options, UPDATE)
    change = ObjectUpdate(lambda old: document, only_existing=False, dry_run=options.dry_run, manager=manager)
    return written_reply(call, update(call.state, call.target, change, call.env), warnings)


def patch_object(call: Call) -> Reply:
    if bodies.media_type(call.request.content_type) == APPLY_PATCH:
        return apply_object(call)
    options = write_options(call.request)
    patch = parse_patch(call.request.body, call.request.content_type, call.type_name)
    warnings: list[str] = []

    def apply(old: Doc) -> Doc:
        shown = document_under(call.resource, old) if call.resource.view_of else old
        if call.resource.defined:
            shown = {**old, "apiVersion": call.resource.group_version}
            prune(shown, call.resource.defined.schema)  # what an earlier definition knew is not this client's fault
        document, found = decoded(call, patch(shown), options, patched=True)
        warnings.extend(found)
        return document

    manager = manager_of(call, options, UPDATE)
    change = ObjectUpdate(apply, only_existing=True, dry_run=options.dry_run, manager=manager)
    return written_reply(call, update(call.state, call.target, change, call.env), warnings)
