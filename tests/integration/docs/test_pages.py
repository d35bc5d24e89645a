"""Every tutorial and every how-to page is followed, command by command, and prints what the page says."""

from pathlib import Path

import pytest

from tests.support.console_pages import Command, Comparison, Reader, SavedFile, steps
from tests.support.full import IS_FULL, one_in
from tests.support.labs import eventually
from tests.support.users import CHECKOUT, users


def pages_of(folder: str) -> list[Path]:
    """Those in English."""
    paths = sorted((CHECKOUT / "docs" / folder).glob("*.md"))
    return [path.relative_to(CHECKOUT) for path in paths if not path.name.endswith(".zh.md")]


PAGES = [*pages_of("tutorials"), *one_in(2, pages_of("how-to"))]
READS = ("fairlead dns", "fairlead doctor", "fairlead exec", "fairlead explain", "fairlead run", "kubectl get")


@pytest.fixture
def reader():
    somebody = Reader(users()[-1])
    yield somebody
    somebody.close()


# One lab for all suites of a page, where each would start its own; its name is as long as the name of such a lab is.
LAB = "suites-of-a-page-in-docs"
SHARED_LAB = f'fairlead up --wait --name {LAB} && export PYTEST_ADDOPTS="$PYTEST_ADDOPTS --fairlead-lab {LAB}"'


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_does_what_it_says(page, reader):
    comparison = Comparison()
    text = (CHECKOUT / page).read_text()
    if text.count("\n$ pytest ") > 1 and not IS_FULL:
        reader.run(SHARED_LAB)
    for step in steps(text):
        if isinstance(step, SavedFile):
            reader.save(step)
        else:
            follow(step, reader, comparison)


def follow(command: Command, reader: Reader, comparison: Comparison) -> None:
    """Run a command of a page; one that only reads can be early, as a reader can, and is run again until it fits."""

    def fits():
        printed = reader.run(command.line)
        assert comparison.fits(command.output, printed), f"$ {command.line}\n{printed}\n--- the page:\n{command.output}"
        return True

    if command.line.startswith(READS):
        eventually(fits)
    else:
        fits()
