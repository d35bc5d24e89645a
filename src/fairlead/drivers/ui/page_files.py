"""The files of the page. They say nothing about a cluster, so anybody who reaches the port may read them."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}


@cache
def page_files() -> Mapping[str, tuple[bytes, str]]:
    """Content and type by path; ``/`` is the page itself."""
    found = {
        f"/{path.relative_to(FOLDER)}": (path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(FOLDER.rglob("*"))
        if path.suffix in _TYPES
    }
    return {**found, "/": found["/index.html"]}


def page_text(name: str) -> str:
    """One file as text, for what is put together from several."""
    return (FOLDER / name).read_text()
