"""Every view, in both themes and at both widths, has no fault that axe-core finds by the rules of WCAG 2.2 AA.

By default, every view is looked at once: half of them in the one theme and width, half in the other.
"""

from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browsers import DESKTOP, PHONE, opened
from tests.support.full import IS_FULL

AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VIEWPORTS = {"desktop": DESKTOP, "phone": PHONE}
VIEWS = {
    "map": ("#/map?sel=svc/default/web&turned=kube-system", "#panel .tree"),
    "trace": ("#/trace?from=pod/client&to=web", "main .tree"),
    "changes": ("#/changes", "main .paper"),
    "dns": ("#/dns?name=web.default&pod=default/client", ".steps"),
    "rules": ("#/rules?service=default/web", ".rules .lit"),
    "doctor": ("#/doctor", ".finding, .fine"),
}


@pytest.mark.parametrize(
    ("width", "theme", "views"),
    list(product(VIEWPORTS, ["light", "dark"], [tuple(VIEWS)]))
    if IS_FULL
    else [("desktop", "light", tuple(VIEWS)[::2]), ("phone", "dark", tuple(VIEWS)[1::2])],
)
def test_no_fault_is_found(browser, files_ui, width, theme, views):
    with opened(
        browser, files_ui, VIEWPORTS[width], color_scheme=theme, reduced_motion="reduce", bypass_csp=True
    ) as page:
        page.evaluate(AXE)
        for name in views:
            address, shown = VIEWS[name]
            page.evaluate("address => { location.hash = address }", address)
            expect(page.locator(shown).first).to_be_visible()
            found = page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
            told = [
                (each["id"], node["target"], node["failureSummary"])
                for each in found["violations"]
                for node in each["nodes"][:3]
            ]
            assert told == [], name
