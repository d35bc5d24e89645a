"""The rooms of the source: no import cycles, no crowded folder, and a sentence for each room."""

import ast
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.import_graph import circle, import_graph, modules_below, room_graphs

SOURCE = Path(__file__).parents[2] / "src"
MODULES = modules_below(SOURCE)
GRAPH = import_graph(MODULES)
ROOMS = room_graphs(GRAPH)
CROWDED = 25  # modules side by side
PACKAGES = sorted(name for name, path in MODULES.items() if path.name == "__init__.py")


def test_the_graph_is_that_of_the_source():
    """What the tests below would not notice if they looked at nothing."""
    assert "fairlead.model.names" in GRAPH["fairlead.model.objects.slices"]
    assert "clusterdns" in ROOMS["fairlead"]["app"]
    assert all(GRAPH[package] for package in ("fairlead.registry.kinds", "fairlead.app.controllers"))


def test_no_files_import_each_other_in_a_circle():
    assert circle(GRAPH) == []


@pytest.mark.parametrize("package", sorted(ROOMS))
def test_no_rooms_import_each_other_in_a_circle(package):
    assert circle(ROOMS[package]) == []


def test_no_folder_is_crowded():
    sizes = Counter(path.parent for path in MODULES.values() if path.name != "__init__.py")
    assert {str(folder): size for folder, size in sizes.items() if size > CROWDED} == {}


def test_no_file_repeats_the_name_of_its_folder():
    assert [str(path) for path in MODULES.values() if path.stem == path.parent.name] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_room_says_in_one_sentence_what_it_is(package):
    docstring = ast.get_docstring(ast.parse(MODULES[package].read_text())) or ""
    first = " ".join(docstring.split("\n\n")[0].split())
    assert first.endswith(".")
    assert first.count(". ") == 0, first


@pytest.mark.parametrize(
    ("graph", "found"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"a"}}, ["a", "b", "a"]),
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}}, ["a", "b", "c", "a"]),
    ],
)
def test_a_circle_is_found(graph, found):
    way = circle(graph)
    assert sorted(set(way)) == sorted(set(found))
    assert all(there in graph[here] for here, there in pairwise(way))


@pytest.mark.io
def test_imports_for_types_alone_and_inside_functions_count(tmp_path):
    package = tmp_path / "room"
    (package / "inner").mkdir(parents=True)
    sources = {
        "__init__.py": "",
        "a.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from room import b\n",
        "b.py": "def f():\n    from room.inner.c import D\n",
        "inner/__init__.py": "",
        "inner/c.py": "from .. import a\n",
    }
    for name, text in sources.items():
        (package / name).write_text(text)
    graph = import_graph(modules_below(tmp_path))
    assert graph["room.a"] == {"room.b"}
    assert graph["room.b"] == {"room.inner.c"}
    assert graph["room.inner.c"] == {"room.a"}
    assert set(circle(graph)) == {"room.a", "room.b", "room.inner.c"}
    assert circle(room_graphs(graph)["room"])
