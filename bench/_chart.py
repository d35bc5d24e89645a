"""Bar charts as SVG: panels of labelled bars, one below the other, drawn without a library."""

from html import escape
from typing import NamedTuple

WIDTH, LABEL, BAR, GAP = 950, 310, 18, 34  # pixels: the page, the room for labels, a bar's height, between panels


class Panel(NamedTuple):
    """One measure of several things; bars begin at zero."""

    title: str
    unit: str
    bars: list  # of (label, value)


def svg(panels):
    """The text of an SVG file with the panels."""
    parts, y = [], 0
    for panel in panels:
        y += GAP
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{escape(panel.title)} ({escape(panel.unit)})</text>')
        longest = max(value for _, value in panel.bars) or 1
        for label, value in panel.bars:
            y += BAR + 6
            parts += _bar(label, value, y, (WIDTH - LABEL - 120) * value / longest)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + GAP}"'
    background = '<rect width="100%" height="100%" fill="white"/>'
    return "\n".join([f'{head} font-family="sans-serif" font-size="13">', background, *parts, "</svg>\n"])


def _bar(label, value, y, length):
    text = f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"
    return [
        f'<text x="{LABEL - 8}" y="{y}" text-anchor="end">{escape(label)}</text>',
        f'<rect x="{LABEL}" y="{y - BAR + 5}" width="{length:.1f}" height="{BAR}" fill="#4477aa"/>',
        f'<text x="{LABEL + length + 6:.1f}" y="{y}">{text}</text>',
    ]
