"""Built-in kinds with more than one version: conversion of stored documents to another version and back."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.documents import autoscaler_v1, events_view
from fairlead.registry.resources import Resource


class _Version(NamedTuple):
    """Conversion from the stored form to the version's, and back."""

    shown: Callable[[bytes], bytes]
    stored: Callable[[Doc], Doc]


_VERSIONS = {
    ("autoscaling/v1", "HorizontalPodAutoscaler"): _Version(autoscaler_v1.to_v1, autoscaler_v1.from_v1),
    ("events.k8s.io/v1", "Event"): _Version(events_view.from_core, events_view.to_core),
}


def shown_under(resource: Resource, document: bytes) -> bytes:
    """A stored document as a resource that is a view of another one shows it."""
    return _VERSIONS[resource.group_version, resource.kind].shown(document)


def document_under(resource: Resource, document: Doc) -> Doc:
    """A document as another resource shows it."""
    shown: Doc = msgspec.json.decode(shown_under(resource, msgspec.json.encode(document)))
    return shown


def stored_form(resource: Resource, document: Doc) -> Doc:
    """A document of such a resource as it is stored."""
    return _VERSIONS[resource.group_version, resource.kind].stored(document)
