"""docs/pod-spec.md: it has every field, and what it calls done is shown by a test that exists."""

import ast
from pathlib import Path

import pytest

from fairlead.registry.schemas.catalogue import fields_of

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "pod-spec.md").read_text()
TYPES = {"PodSpec": "io.k8s.api.core.v1.PodSpec", "Containers": "io.k8s.api.core.v1.Container"}


def rows(section):
    """Field, what is done, note and test of each row of a section."""
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.mark.parametrize("section", TYPES)
def test_every_field_of_the_api_has_a_row(section):
    assert [row[0] for row in rows(section)] == sorted(fields_of(TYPES[section]))


@pytest.mark.parametrize("row", [row for section in TYPES for row in rows(section)], ids=lambda row: row[0])
def test_each_row_says_what_is_done_and_what_shows_it(row):
    _, done, note, shown = row
    assert done in ("done", "event", "not acted on")
    if done == "not acted on":
        assert note.strip()
        return
    path, _, name = shown.strip(" |`").partition("::")
    functions = {
        node.name
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert name in functions
