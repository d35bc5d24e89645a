"""Pages of the site that are no files below docs/: a hook of MkDocs (``mkdocs.yml``).

The start page is README.md; what stands beside it goes below ``project/``; the reference of commands is made from
click's own help. Links that lead to source code become plain text, since the site works offline.
"""

import re
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from fairlead.cli.main import cli as command

BESIDE = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "STYLE.md", "SUPPORT.md", "examples/README.md")
LINK = re.compile(r"\[(?P<text>[^]]*)\]\((?P<target>(?!https?://|#)[^)#]*)(?P<anchor>#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    made = {"index.md": Path("README.md").read_text(), "reference/commands.md": commands()}
    made |= {f"project/{Path(name).name}": Path(name).read_text() for name in BESIDE}
    places = {"index.md": "", "reference/commands.md": "docs/reference"}
    for uri, text in made.items():
        place = places.get(uri, "examples" if uri == "project/README.md" else "")
        content = linked(text, place, uri) if uri != "reference/commands.md" else text
        files.append(File.generated(config, uri, content=content))
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
    if path == "README.md":
        return "index.md"
    if path.startswith("docs/") and Path(path).is_file():
        return path.removeprefix("docs/")
    return None


def commands() -> str:
    """Every command with its help, as click prints it."""
    root = click.Context(command, info_name="fairlead")
    return "\n".join(["# Commands\n", *_command(root, command, 1)])


def _command(context: click.Context, each: click.Command, depth: int) -> list[str]:
    lines = [f"{'#' * min(depth + 1, 4)} {context.command_path}\n", "```text", each.get_help(context), "```\n"]
    if isinstance(each, click.Group):
        for name in each.list_commands(context):
            below = each.get_command(context, name)
            if below is not None and not below.hidden:
                lines += _command(click.Context(below, info_name=name, parent=context), below, depth + 1)
    return lines
