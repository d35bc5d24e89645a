"""A real browser, Debian's Chromium, and the page of ``fairlead ui`` in it."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.labs import FAIRLEAD, PATH

CHROMIUM = "/usr/bin/chromium"
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
PATIENCE = 60_000  # milliseconds

expect.set_options(timeout=PATIENCE)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a screen. Its sandbox needs rights that containers of CI seldom have."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=2 * PATIENCE)
        try:
            yield browser
        finally:
            browser.close()


class Ui:
    """A running ``fairlead ui``.

    Attributes:
        address: what it prints, token included. origin: without.
    """

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        run = folder / "run"
        run.mkdir(mode=0o700, exist_ok=True)
        self._environment = {**os.environ, "PATH": PATH, "XDG_RUNTIME_DIR": str(run), **environment}
        self._arguments = arguments
        self._process = self._start("--port", "0")

    def _start(self, *more: str) -> "subprocess.Popen[str]":
        command = [FAIRLEAD, "ui", "--no-open", *self._arguments, *more]
        process = subprocess.Popen(command, env=self._environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            process.communicate()
        assert line, f"{command} ended with {process.returncode}"
        self.address = line.split()[-1]
        self.origin = self.address.partition("/#")[0]
        return process

    @property
    def token(self) -> str:
        return self.address.rpartition("=")[2]

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def restart(self) -> None:
        """Stop it and start it again at its port."""
        self.stop()
        self._process = self._start("--port", self.origin.rpartition(":")[2])


class Opened:
    """A page in a browser, and what went wrong in it."""

    def __init__(self, browser: Browser, address: str, viewport: dict[str, int], **context: Any) -> None:
        self._context = browser.new_context(viewport=viewport, accept_downloads=True, **context)
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._console)
        self.page.goto(address)

    def revisit(self, address: str) -> None:
        """Open the page again, as it is for somebody who has chosen nothing yet."""
        self.page.goto("about:blank")  # else nothing is loaded that differs in the fragment alone
        self.page.goto(address)
        if self.page.evaluate("localStorage.length"):
            self.page.evaluate("localStorage.clear()")
            self.page.reload()
        self.page.wait_for_selector("main svg .card")

    def _console(self, message: Any) -> None:
        if message.type == "error" and not re.search(r"Failed to load resource|ERR_CONNECTION", message.text):
            self.faults.append(message.text)

    def close(self) -> None:
        self._context.close()


@contextmanager
def opened(browser: Browser, ui: Ui, viewport: dict[str, int] = DESKTOP, **context: Any) -> Iterator[Page]:
    """The page, open and let in; errors of its scripts, refusals of its policy included, fail the test."""
    found = Opened(browser, ui.address, viewport, **context)
    try:
        found.page.wait_for_selector("main svg .card")
        yield found.page
        assert found.faults == [], found.faults  # spelled out, since pytest looks into asserts of tests only
    finally:
        found.close()
