"""The page of a running lab: changes appear by themselves, and the page survives a restart of the lab."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browsers import Ui, opened
from tests.support.labs import Lab, eventually
from tests.support.users import users

PROBED = Path(__file__).with_name("probed.yaml")
MANIFESTS = Path(__file__).parents[1] / "explain/lab.yaml"
POLICY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nothing}
spec: {podSelector: {matchLabels: {app: nothing}}}
"""
WEB = 'main svg .card.k-service[data-subject="svc/default/web"]'


@pytest.fixture(scope="module")
def lab():
    lab = Lab(users()[0], "-f", str(MANIFESTS))
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


@pytest.fixture(scope="module")
def ui(lab):
    found = Ui(lab.folder, "--name", lab.name)
    yield found
    found.stop()


def test_a_change_shows_by_itself(lab, page):
    expect(page.locator("#status")).to_have_text("live")
    expect(page.locator(WEB)).to_contain_text("2 of 2 ready")
    page.locator(WEB).click()
    lab.kubectl("label", "pod", "web-1", "app=gone", "--overwrite")
    expect(page.locator(WEB)).to_contain_text("1 of 1 ready")
    expect(page.locator("#panel")).to_contain_text("endpoints: 1 ready of 1")
    lab.kubectl("label", "pod", "web-1", "app=web", "--overwrite")
    expect(page.locator(WEB)).to_contain_text("2 of 2 ready")
    expect(page.locator("#panel")).to_contain_text("endpoints: 2 ready of 2")


def test_findings_come_and_go(lab, page):
    page.locator("nav [data-view=doctor]").click()
    slip = page.locator(".finding", has_text="selector-nothing")
    expect(slip).to_contain_text("Service default/slip")
    lab.kubectl("patch", "service", "slip", "-p", '{"spec":{"selector":{"app":"web"}}}')
    expect(slip).to_have_count(0)
    lab.kubectl("patch", "service", "slip", "-p", '{"spec":{"selector":{"app":"wbe"}}}')
    expect(slip).to_have_count(1)


def test_objects_come_and_go(lab, page):
    new = page.locator('main svg .k-service[data-subject="svc/default/fresh"]')
    lab.kubectl("create", "service", "clusterip", "fresh", "--tcp=80")
    expect(new).to_contain_text("no endpoint")
    lab.kubectl("delete", "service", "fresh")
    expect(new).to_have_count(0)


def test_a_change_is_followed_from_the_probe_to_the_rules(lab, page):
    lab.kubectl("apply", "-f", str(PROBED))
    lab.kubectl("wait", "--for=condition=Ready", "pod/probed-0", "--timeout=60s")
    page.locator("nav [data-view=changes]").click()
    lab.exec("probed-0", "rm", "/tmp/ready")
    button = page.locator(".changes button", has_text="probed-0 is not ready")
    button.click()
    rows = page.locator("svg.timeline .row")
    expect(rows).to_have_count(5)
    expect(page.locator("svg.timeline .row.told")).to_have_count(5)
    stations = [rows.nth(n).locator("text").all_text_contents()[:2] for n in range(5)]
    names = lab.get("pods", "-n", "kube-system")["items"][0]["metadata"]["name"]
    assert [title for title, _ in stations] == [
        "Pod changed in the API", "EndpointSlice written", "DNS answers by it", *["rules in the kernel"] * 2
    ]  # fmt: skip
    assert [part for _, part in stations[2:]] == [names, "node-1", "node-2"]
    began, done = ([float(rows.nth(n).get_attribute(name)) for n in range(5)] for name in ("data-from", "data-to"))
    assert 0 == began[0] < done[0], "the change begins with the probe"
    assert began[1] < min(done[2:]), "nobody follows a slice before it is written"
    page.get_by_role("button", name="Replay", exact=True).click()
    expect(page.locator("svg.timeline .now")).to_have_count(1)
    expect(page.locator("svg.timeline .row.later")).to_have_count(0)


def test_a_change_of_a_service_and_of_a_policy(lab, page):
    page.locator("nav [data-view=changes]").click()
    lab.kubectl("patch", "service", "web", "-p", '{"spec":{"externalTrafficPolicy":"Local"}}')
    button = page.locator(".changes button", has_text="externalTrafficPolicy: Cluster -> Local")
    button.first.click()
    told = page.locator("svg.timeline .row.told")
    expect(told).to_have_count(3)  # DNS, and the rules of two nodes
    expect(page.locator("svg.timeline .row").first).to_contain_text("changed in the API")
    lab.kubectl("create", "-f", "-", stdin=POLICY)
    page.locator(".changes button", has_text="NetworkPolicy default/nothing").click()
    expect(told).to_have_count(2)
    lab.kubectl("delete", "networkpolicy", "nothing")
    lab.kubectl("patch", "service", "web", "-p", '{"spec":{"externalTrafficPolicy":"Cluster"}}')


def test_changes_from_before_the_page_was_opened(lab, browser):
    """Another page, which begins later, knows who acted on what, and when."""
    later = Ui(lab.folder, "--name", lab.name)
    try:
        with opened(browser, later) as page:
            page.locator("nav [data-view=changes]").click()
            page.locator(".changes button", has_text="before this page was opened").first.click()
            expect(page.locator("svg.timeline .row.told").first).to_be_visible()
    finally:
        later.stop()


def test_packets_are_sent_for_real(lab, page):
    page.locator("nav [data-view=trace]").click()
    page.get_by_label("From", exact=True).fill("pod/client")
    page.get_by_label("To", exact=True).fill("web")
    page.get_by_role("button", name="Send for real").click()
    expect(page.locator(".tree")).to_contain_text("prediction and kernel agree")
    expect(page.locator("svg.picture")).to_contain_text("kernel:")


def test_rules_are_those_on_the_node(lab, page):
    page.locator("nav [data-view=trace]").click()
    page.get_by_label("From", exact=True).fill("node/node-1")
    page.get_by_label("To", exact=True).fill(f"{lab.get('service', 'web')['spec']['clusterIP']}:80")
    page.get_by_label("As on the node now").check()
    page.get_by_role("button", name="Trace", exact=True).click()
    expect(page.locator("h2", has_text="tcp packet from node node-1")).to_be_visible()
    expect(page.locator(".tree")).to_contain_text("nft on node-1")


def test_nothing_is_read_while_no_page_is_open(lab, browser):
    def watches():
        text = lab.kubectl("get", "--raw", "/metrics").stdout
        return float(
            next(row for row in text.splitlines() if row.startswith("apiserver_longrunning_requests")).split()[1]
        )

    unseen = Ui(lab.folder, "--name", lab.name)
    try:
        eventually(lambda: _sockets(unseen.pid) == 0)
        quiet = watches()
        with opened(browser, unseen):
            assert eventually(lambda: watches() > quiet)
        eventually(lambda: _sockets(unseen.pid) == 0)
        assert eventually(lambda: watches() <= quiet)
    finally:
        unseen.stop()


def _sockets(pid):
    """How many connections to others a process has: its descriptors that are sockets of established connections."""
    found = {path.readlink().name for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()}
    own = {name[8:-1] for name in found if name.startswith("socket:[")}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[3] == "01" and row[9] in own for row in rows)


def test_the_page_outlives_a_restart_of_the_lab(lab, page):
    expect(page.locator("#status")).to_have_text("live")
    lab.down()
    expect(page.locator("#status")).to_contain_text("what is shown may be old")
    expect(page.locator(WEB)).to_be_visible()
    lab.up()
    expect(page.locator("#status")).to_have_text("live")
    expect(page.locator(WEB)).to_contain_text("2 of 2 ready")


def test_a_fix_is_applied_where_that_is_allowed(lab, browser):
    ui = Ui(lab.folder, "--name", lab.name, "--allow-changes")
    try:
        with opened(browser, ui) as page:
            page.locator("nav [data-view=doctor]").click()
            slip = page.locator(".finding", has_text="selector-nothing")
            page.on("dialog", lambda dialog: dialog.accept())
            slip.get_by_role("button", name="Apply").first.click()
            expect(slip).to_have_count(0)
            assert lab.get("service", "slip")["spec"]["selector"] != {"app": "wbe"}
    finally:
        ui.stop()
