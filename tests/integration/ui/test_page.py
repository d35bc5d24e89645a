"""The page of a cluster that was read from files, clicked by a real browser."""

import re
import subprocess

import httpx2
import pytest
from playwright.sync_api import expect

from tests.support.browsers import PHONE, opened
from tests.support.labs import FAIRLEAD

SERVICE = 'main svg .card[data-subject="svc/default/web"]'


def test_the_map_shows_what_there_is(page):
    for subject in (
        "svc/default/web",
        "svc/default/balanced",
        "pod/default/web-0",
        "node/node-1",
        "address/10.96.0.10",
    ):
        expect(page.locator(f'main svg [data-subject="{subject}"]').first).to_be_visible()
    expect(page.locator("#source")).to_have_text("docs/clusters/small.yaml")


def test_selecting_something_shows_its_explanation(page):
    page.locator(SERVICE).click()
    panel = page.locator("#panel")
    expect(panel.locator("h2")).to_have_text("Service default/web: NodePort")
    expect(panel).to_contain_text("10.96.0.10:80/TCP: from Pods and nodes, never from outside")
    expect(page.locator(SERVICE)).to_have_class(re.compile("chosen"))
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def test_a_selection_has_an_address_of_its_own(page):
    page.locator(SERVICE).click()
    expect(page).to_have_url(re.compile(r"#/map\?sel=svc%2Fdefault%2Fweb$"))
    page.reload()
    expect(page.locator("#panel h2")).to_have_text("Service default/web: NodePort")


def test_the_token_leaves_the_address_bar(page):
    expect(page).to_have_url(re.compile(r"/#/map$"))


def test_search_and_filters(page):
    page.get_by_label("Search").fill("balanced")
    expect(page.locator("main svg .k-service")).to_have_count(1)
    page.get_by_label("Search").fill("")
    page.get_by_label("Type").select_option("ExternalName")
    expect(page.locator("main svg .k-service .title")).to_have_text(["api"])
    page.get_by_label("Type").select_option("")
    page.get_by_label("Search").fill("nothing of this name")
    expect(page.locator("main svg.picture")).to_contain_text("Nothing to show")


def test_a_namespace_folds_and_opens(page):
    fold = page.locator('[data-fold="kube-system"]')
    expect(fold).to_have_attribute("aria-expanded", "false")
    fold.click()
    expect(page.locator('[data-subject="svc/kube-system/kube-dns"].k-service:not(.dot)')).to_be_visible()
    page.reload()
    expect(page.locator('[data-fold="kube-system"]')).to_have_attribute("aria-expanded", "true")


def test_the_map_can_be_used_with_the_keyboard(page):
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.locator('main svg [tabindex="0"]').focus()
    for _ in range(12):
        page.keyboard.press("ArrowDown")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    expect(page.locator("main svg .card:focus")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_be_visible()
    expect(page.locator("#panel button").first).to_be_focused()


def test_the_language_is_english_or_chinese(page):
    page.locator("#language").select_option("zh")
    expect(page.locator("h1")).to_have_text("Service 地图")
    expect(page.locator("main svg.picture")).to_contain_text("虚拟 IP")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    page.reload()
    expect(page.locator("h1")).to_have_text("Service 地图")


def test_explanations_are_chinese_too(page):
    """Sentences, the words around them, and the lookup that a hook of the trace leads to."""
    page.locator("#language").select_option("zh")
    page.locator("main svg .card.k-service").first.click()
    expect(page.locator("#panel")).to_contain_text("怎样改变这种行为")
    page.goto(page.url.partition("#")[0] + "#/trace?from=pod/client&to=web")
    expect(page.locator(".tree").first).to_contain_text("到达 10.244.")
    page.locator("main svg .card.k-hook").first.click()
    expect(page.locator("summary.found").first).to_be_focused()
    page.goto(page.url.partition("#")[0] + "#/dns?name=web&pod=default/client")
    expect(page.locator("main")).to_contain_text("Service 的虚拟 IP")


def test_the_theme_is_light_or_dark(page):
    ground = "getComputedStyle(document.body).backgroundColor"
    page.locator("#theme").select_option("light")
    light = page.evaluate(ground)
    page.locator("#theme").select_option("dark")
    assert page.evaluate(ground) != light
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_a_narrow_screen_needs_no_sideways_scrolling(browser, files_ui):
    with opened(browser, files_ui, PHONE) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert page.evaluate("document.querySelector('main').scrollWidth") <= PHONE["width"]
        page.locator(SERVICE).click()
        expect(page.locator("#panel h2")).to_be_visible()


def test_nothing_is_shown_without_the_token(browser, files_ui):
    context = browser.new_context()
    page = context.new_page()
    page.goto(files_ui.origin)
    expect(page.locator("h1")).to_have_text("No session")
    assert page.locator(".card").count() == 0
    page.goto(f"{files_ui.origin}/#token=wrong")
    page.reload()
    expect(page.locator("h1")).to_have_text("No session")
    context.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({}, 200),
    ],
)
def test_requests_from_elsewhere_are_refused(files_ui, headers, status):
    with httpx2.Client(base_url=files_ui.origin, timeout=60) as client:
        client.post("/session", json={"token": files_ui.token}, headers={"Origin": files_ui.origin}).raise_for_status()
        assert client.get("/api/explain?subject=svc/web", headers=headers).status_code == status


def test_only_this_machine_can_connect(files_ui):
    port = int(files_ui.origin.rpartition(":")[2])
    with open("/proc/net/tcp") as table:
        bound = [
            line.split()[1] for line in table if f":{port:04X} " in line.split()[1] + " " and line.split()[3] == "0A"
        ]
    assert bound == [f"0100007F:{port:04X}"]


def test_the_page_outlives_a_restart_of_its_server(browser, files_ui):
    with opened(browser, files_ui) as page:
        files_ui.restart()
        page.locator(SERVICE).click()
        expect(page.locator("#status")).to_have_text("read from files")
        page.reload()
        expect(page.locator(SERVICE)).to_be_visible()


def test_a_view_is_saved_as_a_self_contained_file(page, browser, tmp_path):
    for name, shown in (("SVG", "svg .k-service"), ("HTML", "body > svg .k-service")):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save as {name}").click()
        path = tmp_path / f"map.{name.lower()}"
        download.value.save_as(path)
        _is_whole(browser, path, shown)


def _is_whole(browser, path, shown):
    context = browser.new_context(offline=True)
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    expect(page.locator(shown).first).to_be_visible()
    assert [url for url in asked if url != path.as_uri()] == []
    context.close()


def test_the_command_saves_without_a_browser(tmp_path):
    for name, view, text in (
        ("map.svg", "map", "balanced.default.svc"),
        ("map.html", "map", "Service default/web: NodePort"),
        ("web.html", "svc/web", "from Pods and nodes, never from outside"),
        ("doctor.html", "doctor", "Findings of the doctor"),
    ):
        path = tmp_path / name
        command = [FAIRLEAD, "ui", "-f", "docs/clusters/small.yaml", "--export", str(path), "--view", view]
        subprocess.run(command, check=True, timeout=60)
        assert text in path.read_text()


def trace(page, start, goal):
    page.locator("nav [data-view=trace]").click()
    page.get_by_label("From", exact=True).fill(start)
    page.get_by_label("To", exact=True).fill(goal)
    page.get_by_role("button", name="Trace").click()


def test_a_packet_is_traced(page):
    trace(page, "pod/client", "web")
    picture = page.locator("main svg.picture")
    expect(picture.locator(".link .share")).to_have_text(["50%", "50%"])
    expect(picture.locator(".k-hook .title").first).to_have_text("prerouting · ip fairlead")
    expect(page.locator(".tree")).to_contain_text("reaches 10.244.1.2:8080 (Pod default/web-0) with probability 0.500")
    picture.locator(".k-hook").first.click()
    expect(page.locator("summary.found").first).to_be_visible()
    page.get_by_role("link", name="Show on the map").click()
    expect(page.locator('main svg .card.lit[data-subject="svc/default/web"]').first).to_be_visible()


def test_a_trace_that_makes_no_sense_says_why(page):
    trace(page, "pod/nobody", "web")
    expect(page.get_by_role("alert")).to_have_text("there is no Pod default/nobody")


def test_a_name_is_asked_for(page):
    page.locator("nav [data-view=dns]").click()
    page.get_by_label("Name", exact=True).fill("web.default")
    page.get_by_label("Asked by").select_option("default/client")
    page.get_by_role("button", name="Ask", exact=True).click()
    steps = page.locator(".steps li")
    expect(steps).to_have_count(4)
    expect(steps.nth(0)).to_contain_text("NXDOMAIN")
    expect(steps.nth(1)).to_contain_text("web.default.svc.cluster.local. 30 IN A 10.96.0.10")
    expect(steps.nth(2)).to_contain_text("not asked")


def test_rules_of_a_service_are_lit(page):
    page.locator("nav [data-view=rules]").click()
    page.get_by_label("Light a Service").select_option("default/web")
    expect(page.locator(".rules li.lit").first).to_contain_text("10.96.0.10")
    page.get_by_label("Rules of").select_option("iptables")
    expect(page.locator(".rules li.lit").first).to_contain_text("-A KUBE-")
    page.get_by_label("Only these").check()
    expect(page.locator(".rules li:not(.lit)")).to_have_count(0)
    page.reload()
    expect(page.locator(".rules li.lit").first).to_contain_text("-A KUBE-")


def test_findings_are_shown_with_their_fixes(page):
    page.locator("nav [data-view=doctor]").click()
    expect(page.locator(".finding").first).to_be_visible()
    expect(page.locator("#findings")).to_have_text(str(page.locator(".finding").count()))
    assert page.get_by_role("button", name="Apply").count() == 0
