"""The page of a large lab under change: how soon the first picture is there and a change is on the screen, what the
page and its server weigh, and what the server costs: nothing while no page is open.
"""

import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.lab import FAIRLEAD
from bench.lab_scale import PODS, SERVICES, documents

NODES = int(os.environ.get("SCALE_NODES", "5"))
CHANGES = 20
QUIET = 10.0  # seconds over which the cost of rest is taken
NAME = "bench-ui"


def main() -> None:
    from playwright.sync_api import sync_playwright

    with lab() as kubeconfig:
        print(f"fairlead ui, {NODES} nodes, {PODS} Pods, {SERVICES} Services, on {os.cpu_count()} cores", flush=True)
        command = [FAIRLEAD, "ui", "--name", NAME, "--no-open", "--port", "0"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            address = server.stdout.readline().split()[-1]
            at_rest("no page open", server.pid)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
                look(browser, address, server.pid, kubeconfig)
                browser.close()
        finally:
            server.terminate()
            server.communicate()


def look(browser: Any, address: str, server: int, kubeconfig: str) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    start = time.perf_counter()
    page.goto(address)
    page.wait_for_selector("main svg .card")
    tell("first picture after", time.perf_counter() - start)
    start = time.perf_counter()
    page.evaluate("location.hash = '#/map?turned=default'")
    page.wait_for_selector('main svg .card[data-subject="svc/default/inner-0"]:not(.dot)')
    tell("all Services open after", time.perf_counter() - start)
    print(f"  {'cards on the picture':<29} {page.locator('main svg .card').count():7d}")
    delays = [change(page, kubeconfig, number) for number in range(CHANGES)]
    tell("change to screen, median", statistics.median(delays))
    tell("change to screen, worst", max(delays))
    heap = page.evaluate("performance.memory.usedJSHeapSize")
    print(f"  {'memory of the page, MiB':<29} {heap / 2**20:7.1f}")
    print(f"  {'memory of its server, MiB':<29} {resident(server) / 2**20:7.1f}")
    at_rest("a page open", server)


def change(page: Any, kubeconfig: str, number: int) -> float:
    """Seconds from the API's answer to a change of a Service to the screen."""
    name = f"inner-{number}"
    page.evaluate(WATCHER, f"svc/default/{name}")
    body = json.dumps({"spec": {"ports": [{"port": 1000 + number, "targetPort": 80}]}})
    kubectl(kubeconfig, "patch", "service", name, "--type", "merge", "-p", body)
    answered = time.time()
    seen = page.evaluate("window.seen")
    return max(seen / 1000 - answered, 0.0)


# Resolves with the moment at which the card has been replaced, and painted.
WATCHER = """subject => { window.seen = new Promise((done) => {
  const card = () => document.querySelector(`main svg .card.k-service[data-subject="${subject}"]`);
  const before = card();
  new MutationObserver((_, observer) => {
    if (card() === before) return;
    observer.disconnect();
    requestAnimationFrame(() => done(Date.now()));
  }).observe(document.querySelector("main svg"), { childList: true, subtree: true });
}); }"""


def at_rest(what: str, pid: int) -> None:
    before, since = processor_seconds(pid), time.monotonic()
    time.sleep(QUIET)
    share = (processor_seconds(pid) - before) / (time.monotonic() - since)
    print(f"  {'server at rest, ' + what:<29} {share * 100:7.2f} % of a core", flush=True)


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


@contextmanager
def lab() -> Iterator[str]:
    """A lab with everything in it ready; its kubeconfig."""
    up = [FAIRLEAD, "up", "--name", NAME, "--nodes", str(NODES), "--wait", "--timeout", "300"]
    subprocess.run(up, check=True, stdout=subprocess.DEVNULL)
    try:
        kubeconfig = subprocess.run(
            [FAIRLEAD, "kubeconfig", "--name", NAME, "--path"], check=True, capture_output=True, text=True
        ).stdout.strip()
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as manifest:
            manifest.write("".join(f"---\n{json.dumps(document)}\n" for document in documents()))
            manifest.flush()
            kubectl(kubeconfig, "create", "-f", manifest.name)
        for index in range(SERVICES // 2):
            kubectl(kubeconfig, "rollout", "status", f"deployment/app-{index}", "--timeout=300s")
        yield kubeconfig
    finally:
        subprocess.run([FAIRLEAD, "down", "--name", NAME], check=False)


def kubectl(kubeconfig: str, *arguments: str) -> None:
    command = ["kubectl", "--kubeconfig", kubeconfig, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def tell(what: str, took: float) -> None:
    print(f"  {what:<29} {took:7.3f} s", flush=True)
