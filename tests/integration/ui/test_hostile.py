"""Objects named like scripts: each view shows them as text, and nothing of them runs."""

import pytest
from playwright.sync_api import expect

from tests.support.browsers import Ui, opened

MARKUP = "main script, main img, main iframe, aside script, aside img, aside iframe, main [onload]"
ADDRESSES = (
    "#/map",
    "#/map?q=%3Cscript%3E",
    "#/map?sel=svc/%22%3E%3Cscript%3Ealert(2)%3C%2Fscript%3E/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E",
    "#/map?sel=%3Cscript%3Ealert(1)%3C/script%3E&lit=%3Cscript%3E",
    "#/trace?from=pod/%3Cscript%3Ealert(8)%3C%2Fscript%3E&to=10.96.0.66:80",
    "#/trace?from=%3Cscript%3E&to=%3Cimg%20src=x%20onerror=alert(1)%3E",
    "#/dns?name=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&pod=default/%3Cscript%3Ealert(8)%3C%2Fscript%3E",
    "#/rules?node=%3Csvg%20onload=alert(9)%3E&service=%22%3E",
    "#/doctor",
    "#/changes?id=%3Cscript%3E",
    "#/%3Cscript%3Ealert(1)%3C/script%3E",
)


@pytest.fixture(scope="module")
def ui(tmp_path_factory):
    found = Ui(tmp_path_factory.mktemp("hostile"), "-f", "tests/integration/ui/hostile.yaml")
    yield found
    found.stop()


def test_injected_scripts_do_not_run(browser, ui):
    with opened(browser, ui) as page:
        said = []
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        for address in ADDRESSES:
            page.evaluate("address => { location.hash = address }", address)
            expect(page.locator("h1")).to_be_visible()
            assert (
                page.locator("main script, main img, main iframe, aside script, aside img, main [onload]").count() == 0
            )
        assert said == []


def test_hostile_names_are_shown_as_text(browser, ui):
    with opened(browser, ui) as page:
        expect(page.locator("main svg.picture .heading", has_text='"><script>alert(2)</script>')).to_have_count(1)
        page.locator("main svg .k-service", has_text="onerror").click()
        expect(page.locator("#panel h2")).to_contain_text("<img src=x onerror=alert(1)>")


def test_exports_hold_no_markup_of_theirs(browser, ui, tmp_path):
    with opened(browser, ui) as page:
        for name in ("SVG", "HTML"):
            with page.expect_download() as download:
                page.get_by_role("button", name=f"Save as {name}").click()
            path = tmp_path / f"hostile.{name.lower()}"
            download.value.save_as(path)
            _holds_none(page.context.new_page(), path)


def _holds_none(page, path):
    said = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.goto(path.as_uri())
    assert page.locator("script, img, iframe").count() == 0
    assert said == []
