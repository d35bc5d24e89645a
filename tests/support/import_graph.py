"""The imports of this repository's own code, as a graph of modules and as graphs of rooms."""

import ast
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Graph = dict[str, set[str]]


def modules_below(root: Path) -> dict[str, Path]:
    """Every module and package below a folder that is on the import path, by its name."""
    return {_name(path.relative_to(root)): path for path in sorted(root.rglob("*.py"))}


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def import_graph(modules: dict[str, Path]) -> Graph:
    """Which of the modules each module imports, anywhere in it: at its top, in a function, or for types alone."""
    return {name: _imported(name, path, modules) - {name} for name, path in modules.items()}


def _imported(name: str, path: Path, modules: dict[str, Path]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, name if path.name == "__init__.py" else name.rpartition(".")[0])
            # ``from package import name`` names a module of the package, or something that the package itself holds.
            found |= {f"{base}.{a.name}" if f"{base}.{a.name}" in modules else base for a in node.names}
    return found & modules.keys()


def _base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [node.module])])


def room_graphs(graph: Graph) -> dict[str, Graph]:
    """For each package, which of its children (rooms and modules alike) import which others, with all below them."""
    rooms: dict[str, Graph] = defaultdict(lambda: defaultdict(set))
    for importer, imported in graph.items():
        for other in imported:
            here, there = importer.split("."), other.split(".")
            common = next((i for i, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), None)
            if common is not None:
                rooms[".".join(here[:common])][here[common]].add(there[common])
    return rooms


def circle(graph: Graph) -> list[str]:
    """Some circle of the graph, as the names on the way round; empty when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
