"""Pages of the site that are no files below docs/: a hook of MkDocs (``mkdocs.yml``).

The start pages are README.md and README.zh.md; what stands beside them goes below ``project/``; most pages of the
reference come from the source (``scripts/reference``). Links that lead to source code become plain text, since the site
works offline.
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from scripts.reference import PAGES

START = {"README.md": "index.md", "README.zh.md": "zh.md"}  # the pages that the site begins with
BESIDE = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "STYLE.md", "SUPPORT.md", "examples/README.md")
LINK = re.compile(r"\[(?P<text>[^]]*)\]\((?P<target>(?!https?://|#)[^)#]*)(?P<anchor>#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    for name, uri in START.items():
        files.append(File.generated(config, uri, content=linked(Path(name).read_text(), "", uri)))
    for name in BESIDE:
        uri = f"project/{Path(name).name}"
        files.append(File.generated(config, uri, content=linked(Path(name).read_text(), str(Path(name).parent), uri)))
    for uri, page in PAGES.items():
        files.append(File.generated(config, uri, content=page()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of pages below docs/ to what lies outside of it."""
    if page.file.generated_by:
        return markdown
    return linked(markdown, str(Path("docs", page.file.src_uri).parent), page.file.src_uri)


def linked(text: str, place: str, uri: str) -> str:
    """The text with links that hold on the site.

    Args:
        place: the folder of the repository that its links start from.
        uri: the page of the site.
    """

    def replace(found: re.Match[str]) -> str:
        target = str(Path(place, found["target"])) if found["target"] else ""
        there = page_of(_normal(target))
        if there is None:
            return found["text"]
        up = "../" * uri.count("/")
        return f"[{found['text']}]({up}{there}{found['anchor'] or ''})"

    return LINK.sub(replace, text)


def _normal(path: str) -> str:
    """The path without ``..``."""
    parts: list[str] = []
    for part in Path(path).parts:
        if part == ".." and parts:
            parts.pop()
        elif part != "..":
            parts.append(part)
    return "/".join(parts)


def page_of(path: str) -> str | None:
    """The site's page for a file of the repository; None for what is not on it."""
    if path in BESIDE:
        return f"project/{Path(path).name}"
    if path in START:
        return START[path]
    if path.startswith("docs/") and Path(path).is_file():
        return path.removeprefix("docs/")
    return None
