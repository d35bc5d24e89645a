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


_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@cache
def names_of_tests(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, _NAMED))


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


# --- promises --------------------------------------------------------------------------------------------------------

TEST_PATH = re.compile(r"`((?:tests/)?[\w/]*(?:test_\w+\.py|/))(?:::(\w+))?`")


def promises() -> list[str]:
    """The rows of SECURITY.md's tables that say which test holds a promise."""
    tables = re.split(r"^\| promise \| test \|\n\|---\|---\|\n", (ROOT / "SECURITY.md").read_text(), flags=re.M)[1:]
    return [row for table in tables for row in table.partition("\n\n")[0].splitlines()]


def held_by(row: str) -> list[tuple[str, str]]:
    """The files or folders, and the tests or classes in them, that a row names."""
    return TEST_PATH.findall(row.rpartition(" | ")[2])


def test_each_promise_names_a_test() -> None:
    assert len(promises()) > 20
    assert [row for row in promises() if not held_by(row)] == []


@pytest.mark.parametrize(("file", "name"), sorted({each for row in promises() for each in held_by(row)}))
def test_each_test_of_a_promise_exists(file: str, name: str) -> None:
    if file.endswith("/"):
        assert list((ROOT / file).glob("test_*.py"))
    elif name:
        assert exists(file, name)
    else:
        assert any(str(path).endswith(f"/{file}") for path in (ROOT / "tests").rglob(Path(file).name))


def test_the_site_shows_every_page() -> None:
    listed = (ROOT / "mkdocs.yml").read_text()
    assert [page for page in pages() if f" {page}\n" not in listed] == []


# --- two languages ---------------------------------------------------------------------------------------------------

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
IN_CHINESE = [Path("README.zh.md"), *sorted(path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.zh.md"))]
in_chinese = pytest.mark.parametrize("page", IN_CHINESE, ids=str)


def text_of(page: Path) -> str:
    return (ROOT / page).read_text()


def english(page: Path) -> Path:
    return page.with_name(page.name.replace(".zh.md", ".md"))


def headings(text: str) -> list[str]:
    """The levels of the headings outside of blocks."""
    return re.findall(r"^#+(?= )", FENCE.sub("", text), re.MULTILINE)


def table_rows(text: str) -> int:
    return len(re.findall(r"^\|", FENCE.sub("", text), re.MULTILINE))


def targets(text: str) -> list[str]:
    """Where links lead, in whichever language the page there is; without the link to the other language."""
    found = re.findall(r"\[([^]]*)\]\(([^)\s]+)\)", FENCE.sub("", text))
    return sorted(
        target.replace(".zh.md", ".md").partition("#")[0] for name, target in found if name not in ("中文", "English")
    )


@in_chinese
def test_both_languages_have_the_same_blocks(page):
    assert FENCE.findall(text_of(page)) == FENCE.findall(text_of(english(page)))


@in_chinese
def test_both_languages_have_the_same_sections_tables_and_links(page):
    one, other = text_of(page), text_of(english(page))
    assert headings(one) == headings(other)
    assert table_rows(one) == table_rows(other)
    assert targets(one) == targets(other)


@in_chinese
def test_each_language_leads_to_the_other(page):
    assert f"[English]({english(page).name})" in text_of(page)
    assert f"[中文]({page.name})" in text_of(english(page))


@in_chinese
def test_chinese_pages_are_chinese(page):
    """Outside of blocks, code and links every line of prose has Chinese in it."""
    prose = re.sub(r"`[^`]*`|\]\([^)]*\)", "", FENCE.sub("", text_of(page)))
    lines = [line for line in prose.splitlines() if re.search(r"[A-Za-z]{4}", line) and not re.search("[一-鿿]", line)]
    assert [line for line in lines if len(line.split()) > 5] == []


def test_every_tutorial_is_in_chinese():
    tutorials = [path for path in (ROOT / "docs/tutorials").glob("*.md") if not path.name.endswith(".zh.md")]
    assert {path.name for path in tutorials} == {english(page).name for page in IN_CHINESE if "tutorials" in page.parts}
