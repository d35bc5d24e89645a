"""One browser for all tests of the page, and one page for all tests of a module."""

import pytest

from tests.support.browsers import DESKTOP, Opened, Ui, chromium


@pytest.fixture(scope="package")  # what drives it keeps an event loop running, and others' tests run their own
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def files_ui(tmp_path_factory):
    ui = Ui(tmp_path_factory.mktemp("ui"), "-f", "docs/clusters/small.yaml")
    yield ui
    ui.stop()


@pytest.fixture(scope="module")
def ui(files_ui):
    """What the module's page shows; another one where a module says so."""
    return files_ui


@pytest.fixture(scope="module")
def window(browser, ui):
    found = Opened(browser, ui.address, DESKTOP)
    yield found
    found.close()


@pytest.fixture
def page(window, ui):
    """The page, opened again: errors of its scripts, refusals of its policy included, fail the test."""
    window.revisit(ui.address)
    yield window.page
    faults, window.faults = window.faults, []
    assert faults == []
