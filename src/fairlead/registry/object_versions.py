"""The versions of an object, those of kinds that users define included: its types, and its documents under each."""

from collections.abc import Mapping
from dataclasses import dataclass

from fairlead.model.document import Doc
from fairlead.registry.conversion import converted
from fairlead.registry.documents.other_versions import document_under, stored_form
from fairlead.registry.questions import Answers
from fairlead.registry.resources import RESOURCES, Resource
from fairlead.registry.schemas.catalogue import type_of

# (storage, apiVersion) -> the row of a built-in kind
_ROWS: Mapping[tuple[str, str], Resource] = {(row.storage, row.group_version): row for row in RESOURCES}


@dataclass(frozen=True)
class ObjectVersions:
    """The versions of the objects of one resource; ``answers``: those of conversion webhooks so far."""

    resource: Resource
    answers: Answers

    def type_of(self, api_version: str) -> str | None:
        if self.resource.defined:
            return self.resource.defined.types.get(api_version)
        row = _ROWS.get((self.resource.storage, api_version))
        return None if row is None else type_of(row.group_version, row.kind) or ""

    def converted(self, document: Doc, api_version: str) -> Doc:
        own = document.get("apiVersion", api_version)
        if own == api_version:
            return document
        metadata = {name: value for name, value in document["metadata"].items() if name != "managedFields"}
        document = {**document, "metadata": metadata}
        if self.resource.defined:
            return converted([document], self.resource, api_version, self.answers)[0]
        before, after = (_ROWS[self.resource.storage, version] for version in (own, api_version))
        stored = stored_form(before, document) if before.view_of else document
        return document_under(after, stored) if after.view_of else stored
