"""docs/pod-spec.md: it has every field, and each supported one names an existing test."""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from fairlead.registry.schemas.catalogue import fields_of

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "pod-spec.md").read_text()
PREFIX = "io.k8s.api.core.v1."
SECTIONS = {"PodSpec": "PodSpec", "Container": "Containers"}  # of the types that have one of their own
PARTS = "Parts of these"
LIKE_ANOTHER = {"EphemeralContainer": "Container"}


class Row(NamedTuple):
    """A line of the page: a field, what is done with it, a note, and the test that shows it."""

    field: str
    done: str
    note: str
    shown: str


def rows(section):
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [Row(*(cell.strip().strip("`") for cell in line[2:].removesuffix("|").split("|"))) for line in lines]


def rows_of(type_):
    """The rows of a type's fields, by their names."""
    if type_ in SECTIONS:
        return {row.field: row for row in rows(SECTIONS[type_])}
    own = {row.field.partition(".")[2]: row for row in rows(PARTS) if row.field.startswith(f"{type_}.")}
    return (rows_of(LIKE_ANOTHER[type_]) if type_ in LIKE_ANOTHER else {}) | own


def types_below(type_, seen):
    """The types that a Pod's specification is made of, as far as a node or the scheduler acts on them."""
    seen.add(type_)
    for name, field in fields_of(PREFIX + type_).items():
        below = field.name.removeprefix(PREFIX)
        is_acted_on = name not in rows_of(type_) or rows_of(type_)[name].done == "done"
        if field.name.startswith(PREFIX) and is_acted_on and below not in seen:
            types_below(below, seen)
    return seen


TYPES = sorted(types_below("PodSpec", set()))
ROWS = [row for section in (*SECTIONS.values(), PARTS) for row in rows(section)]


@pytest.mark.parametrize("type_", TYPES)
def test_every_field_of_the_api_has_a_row(type_):
    assert sorted(rows_of(type_)) == sorted(fields_of(PREFIX + type_))


def test_every_row_is_of_a_field_that_something_acts_on():
    assert {row.field.partition(".")[0] for row in rows(PARTS)} <= set(TYPES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.field)
def test_each_row_says_what_is_done_and_what_shows_it(row):
    assert row.done in ("done", "event", "refused", "not acted on")
    if row.done == "not acted on":
        assert row.note
    else:
        path, _, name = row.shown.partition("::")
        assert name in functions_of(path)


@cache
def functions_of(path):
    nodes = ast.walk(ast.parse((ROOT / path).read_text()))
    return {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
