"""Server-side apply as a request: the body has all fields that its manager wants in the object, which can be new."""

from fairlead.model.document import Doc
from fairlead.registry import field_errors, object_meta
from fairlead.registry.documents import bodies
from fairlead.registry.documents.managed_fields.entries import APPLY
from fairlead.registry.documents.managed_fields.ownership import AppliedConfiguration, apply_configuration
from fairlead.registry.object_versions import ObjectVersions
from fairlead.registry.requests import WriteOptions, write_options
from fairlead.registry.status import bad_request, invalid
from fairlead.registry.verbs.call import Call, Reply
from fairlead.registry.verbs.decoding import decoded, manager_of, written_reply
from fairlead.registry.verbs.generic_store import ObjectUpdate, create, update

APPLY_PATCH = "application/apply-patch+yaml"


def apply_object(call: Call) -> Reply:
    options = write_options(call.request)
    configuration, warnings = _configuration(call, options)
    manager = manager_of(call, options, APPLY)
    is_given = call.env.kinds.strategy(call.resource).is_given
    application = AppliedConfiguration(manager, configuration, options.force, call.env.now, is_given)
    versions = ObjectVersions(call.resource, call.env.answers)
    if call.state.get(call.resource.storage, call.target.key) is None and call.target.subresource is None:
        document = apply_configuration(versions, None, application)
        return written_reply(call, create(call.state, call.target, document, call.env, options.dry_run), warnings)

    def apply(old: Doc) -> Doc:
        return apply_configuration(versions, old, application)

    change = ObjectUpdate(apply, only_existing=True, dry_run=options.dry_run, manager=manager)
    return written_reply(call, update(call.state, call.target, change, call.env), warnings)


def _configuration(call: Call, options: WriteOptions) -> tuple[Doc, list[str]]:
    request, target = call.request, call.target
    if not request.query.get("fieldManager"):
        fault = field_errors.required("fieldManager", "is required for apply patch")
        raise invalid("PatchOptions", "", [fault], "meta.k8s.io")
    document, warnings = decoded(call, bodies.parse_object(request.body, request.content_type), options, patched=True)
    object_meta.tidy(document)
    metadata = document["metadata"]
    if metadata.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    object_meta.check_name(metadata, target.name)
    object_meta.check_namespace(metadata, target.namespace)
    # Each subresource is applied through its own path.
    if target.subresource:
        document = {name: value for name, value in document.items() if name not in ("spec", "data")}
    elif call.resource.subresource("status"):
        document.pop("status", None)
    return document, warnings
