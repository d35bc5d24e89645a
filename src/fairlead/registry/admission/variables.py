"""What expressions of conditions and policies can speak of.

Upstream: apiserver ``pkg/admission/plugin/cel/{compile,activation}.go``.
"""

from typing import Any

from fairlead.registry.admission.attempt import Attempt
from fairlead.registry.admission.review import request_of
from fairlead.registry.cel.expressions import plain
from fairlead.registry.resources import Resource


def variables_of(attempt: Attempt, resource: Resource, authorizer: object) -> dict[str, Any]:
    """The variables of an attempt whose objects are as ``resource`` shows them."""
    request = request_of(attempt, resource)
    del request["object"], request["oldObject"]
    documents = {"object": attempt.new, "oldObject": attempt.old, "request": request}
    return {**{name: plain(document) for name, document in documents.items()}, "authorizer": authorizer}
