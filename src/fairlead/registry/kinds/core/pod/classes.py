"""The classes that a Pod names, and the refusal of a Pod by an admission plugin."""

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.status import ApiError, forbidden
from fairlead.registry.strategy import ClusterState


def named_class(pod: Doc, resource: str, name: str, state: ClusterState, missing: str) -> Doc:
    """An object without a namespace that a Pod names.

    Args:
        resource: its qualified name.
        missing: the reason of the refusal if there is none.

    Raises:
        ApiError: 403, there is no such object.
    """
    stored = state.of(resource).get(ObjectKey("", name))
    if stored is None:
        raise refused(pod, missing)
    return msgspec.json.decode(stored.document, type=Doc)


def refused(pod: Doc, why: str) -> ApiError:
    """403 for a Pod, which may have no name yet."""
    return forbidden("pods", pod["metadata"].get("name", ""), why)
