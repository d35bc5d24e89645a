"""Tables of the docs that say what differs or surprises name the test that holds each row, and those tests exist."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["dns.md", "proxy.md", "services.md", "userspace.md"]
HEADING = re.compile(r"^#+ .*(differ|surprise)", re.IGNORECASE)
REFERENCE = re.compile(r"`([\w/]*test_\w+\.py)::(test_\w+)`")


def rows(page: str) -> Iterator[str]:
    """The rows of the tables below the headings that speak of differences or surprises."""
    is_wanted, previous = False, ""
    for line in (ROOT / "docs" / page).read_text().splitlines():
        if line.startswith("#"):
            is_wanted = bool(HEADING.match(line))
        elif is_wanted and line.startswith("| ") and previous.startswith("|"):
            yield line
        previous = line


@cache
def names_of_tests(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def exists(file: str, test: str) -> bool:
    return any(
        test in names_of_tests(path) for path in (ROOT / "tests").rglob(Path(file).name) if str(path).endswith(file)
    )


@pytest.mark.parametrize("page", PAGES)
def test_each_row_names_its_test(page: str) -> None:
    found = list(rows(page))
    assert found, f"no tables in {page}"
    assert [row for row in found if not REFERENCE.search(row)] == []


def pages() -> list[str]:
    """Every page below docs/ but the decisions, which have an index of their own."""
    paths = (path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md"))
    return sorted(str(path) for path in paths if path.parts[0] != "decisions")


@pytest.mark.parametrize("page", pages())
def test_each_test_that_a_page_names_exists(page: str) -> None:
    named = REFERENCE.findall((ROOT / "docs" / page).read_text())
    assert [f"{file}::{test}" for file, test in named if not exists(file, test)] == []


def test_the_site_shows_every_page() -> None:
    listed = (ROOT / "mkdocs.yml").read_text()
    assert [page for page in pages() if f" {page}\n" not in listed] == []
