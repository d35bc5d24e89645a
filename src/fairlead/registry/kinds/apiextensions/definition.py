"""A CustomResourceDefinition as values: the names of a kind, and its versions.

Read from documents that ``definition_faults`` has let pass, so that nothing is missing. Upstream:
apiextensions-apiserver ``pkg/apis/apiextensions/v1/types.go``.
"""

from typing import NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.defined_kind import Conversion, ScalePaths
from fairlead.registry.questions import read_server


class PrinterColumn(NamedTuple):
    """A column of ``kubectl get``."""

    name: str
    type: str
    path: str
    format: str
    description: str
    priority: int


class Version(NamedTuple):
    """One version of a kind.

    Attributes:
        schema: the JSON of ``openAPIV3Schema``.
        warning: the text for clients that use a deprecated version; empty for others.
        selectable: the paths of further fields to select by.
    """

    name: str
    is_served: bool
    is_stored: bool
    schema: Doc
    has_status: bool
    scale: ScalePaths | None
    columns: tuple[PrinterColumn, ...]
    warning: str
    selectable: tuple[str, ...]


class Definition(NamedTuple):
    """A kind that users define."""

    group: str
    plural: str
    kind: str
    singular: str
    list_kind: str
    short_names: tuple[str, ...]
    categories: tuple[str, ...]
    is_namespaced: bool
    versions: tuple[Version, ...]
    conversion: Conversion | None

    @property
    def storage_version(self) -> str:
        return next(version.name for version in self.versions if version.is_stored)


def read_definition(document: Doc) -> Definition:
    """The definition that a stored document is."""
    spec = document["spec"]
    names = spec["names"]
    return Definition(
        spec["group"],
        names["plural"],
        names["kind"],
        names["singular"],
        names["listKind"],
        tuple(names.get("shortNames") or ()),
        tuple(names.get("categories") or ()),
        spec["scope"] == "Namespaced",
        tuple(_version(spec, names["kind"], version) for version in spec["versions"]),
        _conversion(spec.get("conversion") or {}),
    )


def _conversion(conversion: Doc) -> Conversion | None:
    if conversion.get("strategy") != "Webhook":
        return None
    webhook = conversion["webhook"]
    known = next((each for each in webhook["conversionReviewVersions"] if each in ("v1", "v1beta1")), "v1")
    return Conversion(read_server(webhook["clientConfig"]), known)


def _version(spec: Doc, kind: str, version: Doc) -> Version:
    subresources = version.get("subresources") or {}
    warning = version.get("deprecationWarning") or f"{spec['group']}/{version['name']} {kind} is deprecated"
    return Version(
        version["name"],
        bool(version["served"]),
        bool(version["storage"]),
        version["schema"]["openAPIV3Schema"],
        "status" in subresources,
        _scale(subresources["scale"]) if subresources.get("scale") else None,
        tuple(_column(column) for column in version.get("additionalPrinterColumns") or ()),
        warning if version.get("deprecated") else "",
        tuple(field["jsonPath"] for field in version.get("selectableFields") or ()),
    )


def _scale(scale: Doc) -> ScalePaths:
    return ScalePaths(scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath") or "")


def _column(column: Doc) -> PrinterColumn:
    described = (column.get("format") or "", column.get("description") or "", column.get("priority") or 0)
    return PrinterColumn(column["name"], column["type"], column["jsonPath"], *described)
