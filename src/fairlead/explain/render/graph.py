"""Trees as pictures: boxes from left to right, for Mermaid, Graphviz, SVG and HTML."""

import re
from collections.abc import Iterator
from html import escape
from textwrap import wrap
from typing import NamedTuple

from fairlead.explain.languages import ENGLISH, HTML_TAGS
from fairlead.explain.render.text import evidence_text
from fairlead.explain.render.wrapping import wrapped
from fairlead.explain.statements import Statement, Verdict

MOST_BOXES = 60  # a larger picture is unreadable
_LETTERS = 28  # in a line of a box

_FILL = {Verdict.CHECKED: "#e8f4ea", Verdict.FAILED: "#fbe3e1", Verdict.NOT_CHECKED: "#fdf3d6"}
_EDGE = {Verdict.CHECKED: "#2e7d46", Verdict.FAILED: "#b3261e", Verdict.NOT_CHECKED: "#9a7400"}
_MARK = {Verdict.CHECKED: "", Verdict.FAILED: "✗\N{NO-BREAK SPACE}", Verdict.NOT_CHECKED: "?\N{NO-BREAK SPACE}"}


class StatementBox(NamedTuple):
    """A statement in a picture: its number, its parent's number, and its lines."""

    number: int
    parent: int | None
    depth: int
    lines: tuple[str, ...]
    verdict: Verdict


def boxes_of(statement: Statement) -> list[StatementBox]:
    """The statements of a tree, level by level, as many as fit into a picture; a last box says that there are more."""
    found: list[StatementBox] = []
    level: list[tuple[Statement, int | None, int]] = [(statement, None, 0)]
    while level:
        following: list[tuple[Statement, int | None, int]] = []
        for each, parent, depth in level:
            if len(found) == MOST_BOXES:
                return [*found, StatementBox(len(found), 0, 1, ("… and more: see the text",), Verdict.NOT_CHECKED)]
            box = StatementBox(len(found), parent, depth, _lines(each), each.verdict)
            found.append(box)
            following += [(part, box.number, depth + 1) for part in each.parts]
        level = following
    return found


def _lines(statement: Statement) -> tuple[str, ...]:
    """The text in lines; long words are broken, so that nothing is cut."""
    text = " ".join(map(_broken, (_MARK[statement.verdict] + statement.text).split(" ")))
    return tuple(line for part in text.split("\n") for line in _wrapped(part)) or ("",)


def _wrapped(text: str) -> list[str]:
    return wrap(text, _LETTERS) if text.isascii() else wrapped(text, "", "", _LETTERS)


def _broken(word: str) -> str:
    """A DNS name that is too long for a line, broken after dots, with as many labels in a line as fit."""
    if len(word) <= _LETTERS:
        return word
    pieces = [""]
    for label in re.findall(r"[^.]*\.?", word):
        if len(pieces[-1]) + len(label) > _LETTERS:
            pieces.append("")
        pieces[-1] += label
    return "\n".join(filter(None, pieces))


def mermaid(statement: Statement) -> str:
    """A flowchart for Mermaid."""
    boxes = boxes_of(statement)
    lines = ["flowchart LR"]
    lines += [f'  n{b.number}["{"<br/>".join(map(_mermaid_text, b.lines))}"]' for b in boxes]
    lines += [f"  n{b.parent} --> n{b.number}" for b in boxes if b.parent is not None]
    lines += [f"  style n{b.number} fill:{_FILL[b.verdict]},stroke:{_EDGE[b.verdict]},color:#111" for b in boxes]
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    """Mermaid reads entities with ``#`` in place of ``&``."""
    return "".join(c if c.isalnum() or c in " .,:/-_()=+*'✗?…" else f"#{ord(c)};" for c in text)


def dot(statement: Statement) -> str:
    """A graph for Graphviz."""
    boxes = boxes_of(statement)
    lines = [
        "digraph explanation {",
        "  rankdir=LR;",
        '  node [shape=box style="rounded,filled" fontname="sans-serif"];',
    ]
    for b in boxes:
        label = "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in b.lines)
        lines.append(f'  n{b.number} [label="{label}" fillcolor="{_FILL[b.verdict]}" color="{_EDGE[b.verdict]}"];')
    lines += [f"  n{b.parent} -> n{b.number};" for b in boxes if b.parent is not None]
    return "\n".join([*lines, "}", ""])


_WIDTH, _GAP, _LINE, _PAD = 215, 26, 16, 8  # pixels: four levels are at most 1,000 wide


class _Placed(NamedTuple):
    box: StatementBox
    x: int
    y: int

    @property
    def height(self) -> int:
        return len(self.box.lines) * _LINE + 2 * _PAD


def svg(statement: Statement) -> str:
    """A picture that is already laid out; its width depends on the depth of the tree."""
    placed = _layout(boxes_of(statement))
    width = max(p.x for p in placed) + _WIDTH + _GAP
    height = max(p.y + p.height for p in placed) + _GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    by_number = {p.box.number: p for p in placed}
    lines = [
        head + ' style="max-width:100%;height:auto" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    lines += [_line(by_number[p.box.parent], p) for p in placed if p.box.parent is not None]
    lines += [part for p in placed for part in _box(p)]
    return "\n".join([*lines, "</svg>", ""])


def _layout(boxes: list[StatementBox]) -> list[_Placed]:
    """Leaves one below the other, each parent beside the first of its parts."""
    children: dict[int | None, list[StatementBox]] = {}
    for box in boxes:
        children.setdefault(box.parent, []).append(box)
    placed: list[_Placed] = []
    bottoms: dict[int, int] = {}

    def place(box: StatementBox, top: int) -> int:
        """Place a box and its parts; returns where the next one can begin."""
        top = max(top, bottoms.get(box.depth, _GAP))
        here = _Placed(box, _GAP + box.depth * (_WIDTH + _GAP), top)
        placed.append(here)
        bottom = top + here.height + _PAD
        bottoms[box.depth] = bottom
        below = top
        for child in children.get(box.number, []):
            below = place(child, below)
        return max(bottom, below)

    place(boxes[0], _GAP)
    return placed


def _line(parent: _Placed, child: _Placed) -> str:
    start, end = (parent.x + _WIDTH, parent.y + parent.height // 2), (child.x, child.y + child.height // 2)
    middle = (start[0] + end[0]) // 2
    return f'<path d="M{start[0]} {start[1]} H{middle} V{end[1]} H{end[0]}" fill="none" stroke="#888"/>'


def _box(placed: _Placed) -> Iterator[str]:
    verdict = placed.box.verdict
    yield (
        f'<rect x="{placed.x}" y="{placed.y}" width="{_WIDTH}" height="{placed.height}" rx="6" '
        f'fill="{_FILL[verdict]}" stroke="{_EDGE[verdict]}"/>'
    )
    for number, line in enumerate(placed.box.lines, 1):
        y = placed.y + _PAD + number * _LINE - 4
        yield f'<text x="{placed.x + _PAD}" y="{y}" fill="#111">{escape(line)}</text>'


_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#111}"
    "details{margin-left:1.2em}summary{cursor:pointer}small{color:#555;margin-left:1.4em;display:block}"
    f".failed{{color:{_EDGE[Verdict.FAILED]}}}.unchecked{{color:{_EDGE[Verdict.NOT_CHECKED]}}}svg{{max-width:100%;height:auto}}"
)
_CLASS = {Verdict.CHECKED: "checked", Verdict.FAILED: "failed", Verdict.NOT_CHECKED: "unchecked"}


def html(statement: Statement, language: str = ENGLISH) -> str:
    """A self-contained page: the picture, and the tree with its evidence, without scripts or external resources."""
    title = escape(statement.text)
    return (
        f'<!doctype html>\n<html lang="{HTML_TAGS[language]}"><head><meta charset="utf-8">'
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{title}</h1>\n{svg(statement)}\n{_details(statement)}</body></html>\n"
    )


def _details(statement: Statement) -> str:
    evidence = "".join(f"<small>{escape(evidence_text(each))}</small>" for each in statement.because)
    parts = "".join(map(_details, statement.parts))
    text = escape(_MARK[statement.verdict] + statement.text)
    return f'<details open class="{_CLASS[statement.verdict]}"><summary>{text}</summary>{evidence}{parts}</details>\n'
