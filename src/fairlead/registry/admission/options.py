"""The options of a request as a document.

Upstream: apimachinery ``pkg/apis/meta/v1`` (CreateOptions and the others).
"""

from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.admission.attempt import CONNECT, DELETE
from fairlead.registry.documents.bodies import parse_object
from fairlead.registry.requests import Request

_OF_DELETION = ("gracePeriodSeconds", "propagationPolicy", "orphanDependents", "preconditions")
_KINDS = {"POST": "CreateOptions", "PUT": "UpdateOptions", "PATCH": "PatchOptions", "DELETE": "DeleteOptions"}


def options_of(request: Request, operation: str, dry_run: bool) -> Doc | None:
    """The options of a request that leads to an operation; a connection has none."""
    if operation == CONNECT:
        return None
    kind = _KINDS["DELETE" if operation == DELETE else request.method]
    document: Doc = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if kind == "DeleteOptions":
        document.update(_of_deletion(request))
    for name in ("fieldManager", "fieldValidation"):
        if request.query.get(name):
            document[name] = request.query[name]
    if request.flag("force"):
        document["force"] = True
    if dry_run:
        document["dryRun"] = ["All"]
    return document


def _of_deletion(request: Request) -> dict[str, Any]:
    body = parse_object(request.body, request.content_type) if request.body and request.method == "DELETE" else {}
    return {name: body[name] for name in _OF_DELETION if body.get(name) is not None}
