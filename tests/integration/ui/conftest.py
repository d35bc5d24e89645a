"""One browser for all tests of the page, and a page of files."""

import pytest

from tests.support.browsers import Ui, chromium, opened


@pytest.fixture(scope="package")  # what drives it keeps an event loop running, and others' tests run their own
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def files_ui(tmp_path_factory):
    ui = Ui(tmp_path_factory.mktemp("ui"), "-f", "docs/clusters/small.yaml")
    yield ui
    ui.stop()


@pytest.fixture
def page(browser, files_ui):
    with opened(browser, files_ui) as found:
        yield found
