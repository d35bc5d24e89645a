"""Takes the pictures of the page in docs/pictures: five examples, a lab for each, at two widths and in two themes.

    .venv/bin/python -m scripts.screenshots [EXAMPLE…]

Needs Chromium, and a font with Chinese letters (fonts-noto-cjk) to look at the page in Chinese.
"""

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page
from tests.support.browsers import DESKTOP, PHONE, Ui, chromium, opened
from tests.support.labs import FAIRLEAD, PATH

CHECKOUT = Path(__file__).parents[1]
TARGET = CHECKOUT / "docs/pictures"
COLOURS = 200  # of a picture: a page has few, and a small file is kept more gladly


class View(NamedTuple):
    """What is to be seen of an example: the address in the page, and what shows that it is there."""

    address: str
    shown: str


VIEWS = {
    "headless": View("#/map?sel=svc/default/headless-service-selector", "#panel .tree"),
    "nodeport": View("#/trace?from=outside&to={node}:{nodeport}", "main .tree"),
    "loadbalancer": View("#/map", "main svg .k-door"),
    "statefulset": View("#/dns?name={headless}&pod={client}", ".steps"),
    "stacking": View("#/changes", "svg.timeline .k-rules"),
}


def main(names: list[str]) -> None:
    TARGET.mkdir(exist_ok=True)
    with chromium() as browser:
        for name in names or VIEWS:
            with tempfile.TemporaryDirectory(prefix="fairlead-shots-", dir="/var/tmp") as folder:
                _example(browser, name, Path(folder))


def _example(browser: Browser, name: str, folder: Path) -> None:
    environment = {**os.environ, "PATH": PATH, "XDG_RUNTIME_DIR": str(folder / "run")}
    (folder / "run").mkdir(mode=0o700)

    def run(*command: str) -> str:
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    manifests = CHECKOUT / "examples" / name / "manifests.yaml"
    run(FAIRLEAD, "up", "--name", name, "--wait", "-f", str(manifests))
    try:
        kubectl = ["kubectl", "--kubeconfig", run(FAIRLEAD, "kubeconfig", "--name", name, "--path")]
        ui = Ui(folder, "--name", name)
        try:
            _pictures(browser, ui, name, lambda *words: run(*kubectl, *words))
        finally:
            ui.stop()
    finally:
        run(FAIRLEAD, "down", "--name", name)


def _pictures(browser: Browser, ui: Ui, name: str, kubectl) -> None:
    known = {
        "node": kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[0].address}"),
        "nodeport": kubectl("get", "svc", "-A", "-o", "jsonpath={.items[*].spec.ports[0].nodePort}").split(" ")[0],
        "headless": kubectl("get", "svc", "-o", 'jsonpath={.items[?(@.spec.clusterIP=="None")].metadata.name}'),
        "client": "default/client",
    }
    address, shown = VIEWS[name]
    for viewport in (DESKTOP, PHONE):
        for theme in ("light", "dark"):
            with opened(browser, ui, viewport, color_scheme=theme, reduced_motion="reduce") as page:
                page.evaluate("address => { location.hash = address }", address.format(**known))
                if name == "stacking":
                    _change_something(page, kubectl)
                page.locator(shown).first.wait_for()
                page.evaluate("document.fonts.ready")
                page.wait_for_timeout(400)
                _save(page.screenshot(), f"ui-{name}-{viewport['width']}-{theme}.png")


def _change_something(page: Page, kubectl) -> None:
    page.locator("h1", has_text="Changes").wait_for()
    for label in ("app=other", "app=web"):
        kubectl("label", "pod", "web-1", label, "--overwrite")


def _save(data: bytes, name: str) -> None:
    picture = Image.open(io.BytesIO(data)).convert("RGB").quantize(COLOURS)
    picture.save(TARGET / name, optimize=True)
    print(name, (TARGET / name).stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1:])
