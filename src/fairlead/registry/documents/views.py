"""The forms of documents for a client: whole, as rows of a Table, or only their metadata.

The client chooses with ``Accept`` (``as=Table``, ``as=PartialObjectMetadata`` and their lists, group meta.k8s.io). A
resource that is a view of another one (events.k8s.io) is translated here too. Upstream: apiserver
``pkg/endpoints/handlers/{negotiation,response}``.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.documents.other_versions import shown_under
from fairlead.registry.environment import Kinds
from fairlead.registry.resources import Resource
from fairlead.registry.status import ApiError
from fairlead.registry.strategy import Column

OBJECT, TABLE, PARTIAL = "", "Table", "PartialObjectMetadata"
_FORMS = {"": OBJECT, TABLE: TABLE, PARTIAL: PARTIAL, f"{PARTIAL}List": PARTIAL}
_JSON_TYPES = frozenset({"application/json", "application/*", "*/*", ""})
_INCLUDE_OBJECT = ("", "None", "Metadata", "Object")


class Form(NamedTuple):
    """The form that a client accepts, and the version of meta.k8s.io for forms other than the object's.

    Attributes:
        include_object: what each row of a Table carries beside its cells: None, Metadata or Object.
    """

    shape: str = OBJECT
    version: str = "v1"
    include_object: str = "Metadata"

    @property
    def content_type(self) -> str:
        return "application/json"


@lru_cache(maxsize=64)
def negotiate(accept: str, include_object: str = "") -> Form:
    """The first form in ``Accept`` that can be served.

    Raises:
        ApiError: 406 when there is none, 400 for an unknown ``includeObject``.
    """
    if include_object not in _INCLUDE_OBJECT:
        raise ApiError(400, "BadRequest", f'unknown includeObject value: "{include_object}"')
    for media_range in accept.split(","):
        type_, *rest = (part.strip() for part in media_range.split(";"))
        params = dict(part.partition("=")[::2] for part in rest)
        shape = _FORMS.get(params.get("as", ""))
        if type_ not in _JSON_TYPES or shape is None:
            continue
        if shape == OBJECT:
            return Form()
        if params.get("g") == "meta.k8s.io" and params.get("v") in ("v1", "v1beta1"):
            return Form(shape, params["v"], include_object or "Metadata")
    message = "only the following media types are accepted: application/json"
    raise ApiError(406, "NotAcceptable", message)


class View(NamedTuple):
    """One resource shown in one form. Equal views show the same bytes, so watchers can share them."""

    resource: Resource
    form: Form

    def one(self, document: bytes, kinds: Kinds, now: str) -> bytes:
        """One object. ``now`` is for the ages in a Table's cells."""
        if self.form.shape == OBJECT:
            return self._own(document)
        parsed: Doc = msgspec.json.decode(document)
        if self.form.shape == PARTIAL:
            return msgspec.json.encode(self._partial(parsed))
        version = parsed["metadata"].get("resourceVersion", "")
        return msgspec.json.encode(self._table([parsed], {"resourceVersion": version}, kinds, now))

    def many(self, documents: Sequence[bytes], metadata: Doc, kinds: Kinds, now: str) -> bytes:
        """A list; ``metadata`` is that of the list."""
        if self.form.shape == TABLE:
            return msgspec.json.encode(self._table(map(msgspec.json.decode, documents), metadata, kinds, now))
        if self.form.shape == PARTIAL:
            partial = [msgspec.json.encode(self._partial(msgspec.json.decode(document))) for document in documents]
            return _list(f"{PARTIAL}List", f"meta.k8s.io/{self.form.version}", metadata, partial)
        items = documents if self._shows_what_is_stored else [self._own(document) for document in documents]
        return _list(self.resource.list_kind, self.resource.group_version, metadata, items)

    def bookmark(self, metadata: Doc, kinds: Kinds) -> bytes:
        """The object of a BOOKMARK: nothing but a resourceVersion (and an annotation)."""
        if self.form.shape == TABLE:
            return msgspec.json.encode(self._table([], metadata, kinds, ""))
        kind, version = self.resource.kind, self.resource.group_version
        if self.form.shape == PARTIAL:
            kind, version = PARTIAL, f"meta.k8s.io/{self.form.version}"
        document = {"kind": kind, "apiVersion": version, "metadata": {**metadata, "creationTimestamp": None}}
        return msgspec.json.encode(document)

    @property
    def _shows_what_is_stored(self) -> bool:
        """Whether the form of the object is the stored document."""
        defined = self.resource.defined
        return not self.resource.view_of and (defined is None or defined.stored_as == self.resource.group_version)

    def _own(self, document: bytes) -> bytes:
        if self._shows_what_is_stored:
            return document
        if self.resource.view_of:
            return shown_under(self.resource, document)
        parsed: Doc = msgspec.json.decode(document)
        return msgspec.json.encode({**parsed, "apiVersion": self.resource.group_version})

    def _partial(self, document: Doc) -> Doc:
        version = f"meta.k8s.io/{self.form.version}"
        return {"kind": PARTIAL, "apiVersion": version, "metadata": document["metadata"]}

    def _table(self, documents: Iterable[Doc], metadata: Doc, kinds: Kinds, now: str) -> Doc:
        strategy = kinds.strategy(self.resource)
        columns, row = (strategy.columns, strategy.row) if strategy.row else (_PLAIN_COLUMNS, _plain_row)
        return {
            "kind": TABLE,
            "apiVersion": f"meta.k8s.io/{self.form.version}",
            "metadata": metadata,
            "columnDefinitions": [_definition(column) for column in columns],
            "rows": [{"cells": row(document, now), **self._row_object(document)} for document in documents],
        }

    def _row_object(self, document: Doc) -> Doc:
        if self.form.include_object == "None":
            return {"object": None}
        if self.form.include_object == "Object":
            return {"object": msgspec.Raw(self._own(msgspec.json.encode(document)))}
        return {"object": self._partial(document)}


# Upstream's table for kinds without printer columns: apiserver ``pkg/registry/rest/table.go``.
_PLAIN_COLUMNS = (Column("Name", format="name"), Column("Created At", type="date"))


def _plain_row(document: Doc, now: str) -> list[Any]:
    metadata = document["metadata"]
    return [metadata["name"], metadata.get("creationTimestamp")]


def _definition(column: Column) -> Doc:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }


def _list(kind: str, version: str, metadata: Doc, items: Sequence[bytes]) -> bytes:
    """A list, copied together once: what stands around the items becomes part of the first and the last one."""
    head = msgspec.json.encode({"kind": kind, "apiVersion": version, "metadata": metadata})
    parts = [head[:-1], *(items or [b""])]
    parts[1] = b'"items":[' + parts[1]
    parts[-1] += b"]}"
    return b",".join(parts)
