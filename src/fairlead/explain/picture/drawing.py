"""Pictures as SVG: a fragment for each band, link and card, and the whole. Every text of a cluster is escaped here.

Elements have no colour or style of their own: classes say what they are, and a style sheet sets their look.
"""

from collections.abc import Iterator
from html import escape

from fairlead.explain.picture.cards import BOLD, LEADING, PAD
from fairlead.explain.picture.lettering import lines_of, width_of
from fairlead.explain.picture.scene import Band, Box, Card, CardLink, CardState, Scene
from fairlead.explain.picture.words import Words

SVG = "http://www.w3.org/2000/svg"
_FIRST = 12.0  # from the padding to the baseline of the first line


def fragments(scene: Scene, word: Words) -> dict[str, str]:
    """The parts of a picture by their subject, in the order in which they are drawn."""
    parts = {f"band:{band.id}": _band(band, word) for band in scene.bands}
    parts |= {f"link:{link.id}": _link(link) for link in scene.links}
    parts |= {f"card:{card.item.id}": _card(card) for card in scene.cards}
    return parts


def svg(scene: Scene, word: Words, label: str, style: str) -> str:
    """A self-contained file.

    Args:
        style: the style sheet; it must not contain text from a cluster.
    """
    size = f'width="{scene.width:g}" height="{scene.height:g}" viewBox="0 0 {scene.width:g} {scene.height:g}"'
    head = f'<svg xmlns="{SVG}" {size} class="picture" role="img" aria-label="{escape(label)}">'
    ground = f'<rect class="ground" width="{scene.width:g}" height="{scene.height:g}"/>'
    parts = "\n".join(fragments(scene, word).values())
    return f"{head}\n<style>{style}</style>\n{ground}\n{parts}\n</svg>\n"


def _rect(box: Box, radius: float, class_: str = "") -> str:
    named = f' class="{class_}"' if class_ else ""
    place = f'x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
    return f'<rect{named} {place} rx="{radius:g}"/>'


def _text(x: float, y: float, text: str, class_: str) -> str:
    return f'<text class="{class_}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _band(band: Band, word: Words) -> str:
    box = band.box
    left = 36 if band.fold else 14
    title, told = _beside(band, box.width - left - 14)
    heading = _text(box.x + left, box.y + 28, title, "heading")
    summary = f'<text class="summary" x="{box.right - 14:.1f}" y="{box.y + 28:.1f}">{escape(told)}</text>'
    if not band.fold:
        return f'<g class="band" data-id="band:{escape(band.id)}">{_rect(box, 14)}{heading}{summary}</g>'
    act = word("unfold" if band.is_folded else "fold")
    label = escape(f"{band.title} {band.summary}, {act}")
    x, y = box.x + 20, box.y + 23
    arrow = f"M{x - 2:.1f} {y - 5:.1f}l5 5l-5 5" if band.is_folded else f"M{x - 5:.1f} {y - 2:.1f}l5 5l5 -5"
    return (
        f'<g class="band" data-id="band:{escape(band.id)}">{_rect(box, 14)}'
        f'<g class="fold" data-fold="{escape(band.fold)}" role="button" tabindex="-1" '
        f'aria-expanded="{str(not band.is_folded).lower()}" aria-label="{label}">'
        f'{_rect(Box(box.x + 6, box.y + 8, box.width - 12, 30), 8, "hit")}<path class="arrow" d="{arrow}"/>'
        f"{heading} {summary}</g></g>"
    )


def _beside(band: Band, room: float) -> tuple[str, str]:
    """A heading and its summary on one line; if both do not fit, the heading has at least half of it."""
    heading, summary, gap = 15 * BOLD, 12.0, 12.0
    rest = max(room - width_of(band.summary, summary) - gap, room / 2)
    title = lines_of(band.title, heading, rest, most=1)[0]
    return title, lines_of(band.summary, summary, room - width_of(title, heading) - gap, most=1)[0]


def _link(link: CardLink) -> str:
    start, end = link.start, link.end
    if link.is_down:
        x1, y1, x2, y2 = start.x + start.width / 2, start.bottom, end.x + end.width / 2, end.y
        middle = (y1 + y2) / 2
        path = f"M{x1:.1f} {y1:.1f}C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {y2:.1f}"
    else:
        x1, y1, x2, y2 = start.right, _port(start), end.x, _port(end)
        middle = (x1 + x2) / 2
        path = f"M{x1:.1f} {y1:.1f}C{middle:.1f} {y1:.1f} {middle:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    label = ""
    if link.label:
        wide = 8.0 * len(link.label) + 10  # at its end, where lines with a common beginning have separated
        x, y = (x2, y2 - 14) if link.is_down else (x2 - wide / 2 - 5, y2)
        label = _rect(Box(x - wide / 2, y - 10, wide, 20), 10, "plate") + _text(x, y + 4, link.label, "share")
    return f'<g class="link s-{link.state}" data-id="link:{escape(link.id)}"><path d="{path}"/>{label}</g>'


def _port(box: Box) -> float:
    """The point where a line meets a card: at its title, so that lines of neighbours stay apart."""
    return box.y + min(box.height / 2, 18)


def _card(card: Card) -> str:
    item, box = card.item, card.box
    label, title = escape(_name(card)), escape(item.label or item.title)
    kind = f"card k-{item.kind} s-{item.state}{' dot' if card.is_dot else ''}"
    about = f' data-subject="{escape(item.subject)}" role="button" tabindex="-1"' if item.subject else ' role="img"'
    head = f'<g class="{kind}" data-id="card:{escape(item.id)}"{about} aria-label="{label}"><title>{title}</title>'
    if card.is_dot:
        return f"{head}{_rect(box, 4)}{_mark(item.state, box.x + box.width / 2, box.y + box.height / 2)}</g>"
    mark = "" if item.state is CardState.PLAIN else _mark(item.state, box.right - 15, box.y + 17)
    return f"{head}{_rect(box, 9)}{mark}{' '.join(_lettering(card))}</g>"


def _name(card: Card) -> str:
    """The accessible name: the visible text, word for word, and then what only the picture shows."""
    seen = " ".join((*card.title, *card.lines))
    rest = [part for part in (card.item.label or card.item.title).split(", ") if part not in seen]
    return ", ".join(filter(None, (seen, *rest)))


def _lettering(card: Card) -> Iterator[str]:
    x, y = card.box.x + PAD, card.box.y + PAD + _FIRST
    for line in card.title:
        yield _text(x, y, line, "title")
        y += LEADING
    for line in card.lines:
        yield _text(x, y, line, "line")
        y += LEADING


def _mark(state: CardState, x: float, y: float) -> str:
    """A mark for each state that is recognisable without colour."""
    shapes = {
        CardState.READY: f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>',
        CardState.WAITING: f'<circle class="mark hollow" cx="{x:.1f}" cy="{y:.1f}" r="4"/>',
        CardState.FAILED: f'<path class="mark stroke" d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"/>',
        CardState.UNKNOWN: f'<text class="mark query" x="{x:.1f}" y="{y + 4.5:.1f}">?</text>',
    }
    return shapes.get(state, "")
