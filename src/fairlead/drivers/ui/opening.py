"""Opens the page in a browser without its token on a command line, which every user of the machine can read."""

import os
import sys
import tempfile
import webbrowser
from contextlib import suppress
from html import escape
from pathlib import Path

_PAGE = (
    '<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
    '<meta http-equiv="refresh" content="0;url={address}"><title>Fairlead</title><a href="{address}">Fairlead</a>'
)


def open_in_browser(address: str) -> Path | None:
    """Open the address by a private file that leads to it; the file, which is to be removed at the end.

    None where there is no screen, or no browser.
    """
    if not _has_screen():
        return None
    fd, name = tempfile.mkstemp(prefix="fairlead-ui-", suffix=".html")  # of mode 0600
    path = Path(name)
    with os.fdopen(fd, "w") as file:
        file.write(_PAGE.format(address=escape(address)))
    with suppress(webbrowser.Error):
        if webbrowser.open(path.as_uri()):
            return path
    path.unlink()
    return None


def _has_screen() -> bool:
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
