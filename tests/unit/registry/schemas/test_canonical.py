"""Documents are stored in one form, and what is read and written back changes nothing."""

import pytest

from fairlead.registry.resources import RESOURCES
from fairlead.registry.schemas.catalogue import type_of
from tests.support.api_corpus import corpus, spelled_out
from tests.support.api_world import ApiWorld

CORPUS = corpus()
RESOURCE = {row.kind: row for row in RESOURCES if not row.view_of and "create" in row.verbs and "list" in row.verbs}
# Addresses and the objects of the Service system's own bookkeeping are written by the server.
MADE_BY_THE_SERVER = {"IPAddress"}
# Their names follow from their spec; their documents are in registry/kinds/apiextensions and
# registry/aggregation.
NAMED_BY_THEIR_SPEC = {"APIService", "CustomResourceDefinition"}


@pytest.fixture(scope="module")
def world():
    return ApiWorld()


def path_of(row):
    prefix = f"apis/{row.group_version}" if row.group else f"api/{row.version}"
    return f"/{prefix}/{'namespaces/default/' if row.namespaced else ''}{row.plural}"


def body_of(row, document, name="x"):
    metadata = {"name": name, **document.get("metadata", {})}
    return {"apiVersion": row.group_version, "kind": row.kind, **document, "metadata": metadata}


def without_identity(document):
    gone = ("uid", "resourceVersion", "managedFields", "creationTimestamp")
    return document | {"metadata": {k: v for k, v in document["metadata"].items() if k not in gone}}


def test_there_are_many_documents_of_every_kind():
    assert len(CORPUS) >= 300
    assert {kind for _, kind, _ in CORPUS} | MADE_BY_THE_SERVER | NAMED_BY_THEIR_SPEC == set(RESOURCE)


@pytest.mark.parametrize(("kind", "document"), [pytest.param(k, d, id=text) for text, k, d in CORPUS])
def test_reading_and_writing_back_changes_nothing(world, kind, document):
    start, row = world.state, RESOURCE[kind]
    try:
        made = world.do("POST", path_of(row), body_of(row, document))
        url = f"{path_of(row)}/x"
        assert world.do("PUT", url, made) == made
        made["metadata"].pop("managedFields", None)
        verbose = spelled_out(type_of(row.group_version, kind), made)
        again = world.do("PUT", url, verbose)
        assert again["metadata"].get("generation") == made["metadata"].get("generation")
        assert without_identity(again) == without_identity(made)
    finally:
        world.state = start


@pytest.mark.parametrize(("kind", "document"), [pytest.param(k, d, id=text) for text, k, d in CORPUS])
def test_saying_what_is_empty_says_nothing(world, kind, document):
    """But for what is kept when it is empty, a document that spells everything out is stored like a short one."""
    start, row = world.state, RESOURCE[kind]
    plain = body_of(row, document)
    verbose = spelled_out(type_of(row.group_version, kind), plain)
    try:
        short, long = (_made(world, start, row, body) for body in (plain, verbose))
        assert long == short
    finally:
        world.state = start


def _made(world, start, row, body):
    world.state = start
    world.draw_again()
    return without_identity(world.do("POST", path_of(row), body | {"metadata": {"name": "x"}}))
