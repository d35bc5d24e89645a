"""A custom kind: the same data as the table of kinds has for built-in kinds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.questions import ReviewServer
from fairlead.registry.strategy import Strategy


class ScalePaths(NamedTuple):
    """The paths of the fields that a scale subresource shows, such as ``.spec.replicas``; ``selector`` can be empty."""

    spec_replicas: str
    status_replicas: str
    selector: str


class Conversion(NamedTuple):
    """A webhook that converts objects; ``review_version`` is that of the reviews that it gets."""

    server: ReviewServer
    review_version: str


@dataclass(frozen=True, eq=False)
class DefinedKind:
    """One version of a custom kind, ready to serve.

    Attributes:
        singular, list_kind: the names that its definition gives.
        schema: the JSON of its ``openAPIV3Schema``.
        type_name: its type, with the fields that the schema specifies (``schemas.catalogue.OwnType``).
        types: the types of all versions of the kind, by apiVersion.
        stored_as: the apiVersion under which its objects are stored, whatever the request's.
        scale: of a kind that has that subresource.
        conversion: of a kind whose versions differ in more than their names.
    """

    singular: str
    list_kind: str
    strategy: Strategy
    schema: Doc
    type_name: str
    types: Mapping[str, str]
    stored_as: str
    scale: ScalePaths | None = None
    conversion: Conversion | None = None
