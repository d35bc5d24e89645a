"""Documents are stored in one form, and what is read and written back changes nothing."""

import pytest

from fairlead.registry.resources import RESOURCES
from fairlead.registry.schemas.catalogue import type_of
from tests.support.api_corpus import corpus, spelled_out, world_of_the_corpus

# The schemas in definitions have empty values of their own.
CASES = [case for case in corpus() if case.kind != "CustomResourceDefinition"]
CORPUS = [pytest.param(case.kind, case.given, case.named, id=case.text) for case in CASES]
ONCE = [pytest.param(case.kind, case.given, case.named, id=case.text) for case in CASES if not case.repeats]
RESOURCE = {row.kind: row for row in RESOURCES if not row.view_of and "create" in row.verbs and "list" in row.verbs}


@pytest.fixture(scope="module")
def world():
    return world_of_the_corpus()


def path_of(row):
    prefix = f"apis/{row.group_version}" if row.group else f"api/{row.version}"
    return f"/{prefix}/{'namespaces/default/' if row.namespaced else ''}{row.plural}"


def body_of(row, document, name):
    metadata = {"name": name, **document.get("metadata", {})}
    return {"apiVersion": row.group_version, "kind": row.kind, **document, "metadata": metadata}


def without_identity(document):
    gone = ("uid", "resourceVersion", "managedFields", "creationTimestamp")
    return document | {"metadata": {k: v for k, v in document["metadata"].items() if k not in gone}}


@pytest.mark.parametrize(("kind", "document", "named"), CORPUS)
def test_reading_and_writing_back_changes_nothing(world, kind, document, named):
    start, row = world.state, RESOURCE[kind]
    try:
        made = world.do("POST", path_of(row), body_of(row, document, named))
        url = f"{path_of(row)}/{named}"
        assert world.do("PUT", url, made) == made
        made["metadata"].pop("managedFields", None)
        verbose = spelled_out(type_of(row.group_version, kind), made)
        again = world.do("PUT", url, verbose)
        assert again["metadata"].get("generation") == made["metadata"].get("generation")
        assert without_identity(again) == without_identity(made)
    finally:
        world.state = start


@pytest.mark.parametrize(("kind", "document", "named"), ONCE)
def test_saying_what_is_empty_says_nothing(world, kind, document, named):
    """But for what is kept when it is empty, a document that spells everything out is stored like a short one."""
    start, row = world.state, RESOURCE[kind]
    plain = body_of(row, document, named)
    verbose = spelled_out(type_of(row.group_version, kind), plain)
    try:
        short, long = (_made(world, start, row, body) for body in (plain, verbose))
        assert long == short
    finally:
        world.state = start


def _made(world, start, row, body):
    world.state = start
    world.draw_again()
    return without_identity(world.do("POST", path_of(row), body))
