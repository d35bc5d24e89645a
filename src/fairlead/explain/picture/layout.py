"""The layout of a map: lanes below each other, in order of name, so that only changes of size move anything.

The arrangement is fixed: kinds are columns (on narrow screens rows), in order of name. So the same cluster always has
    the same picture, and one new Pod never rearranges it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from fairlead.explain.picture.cards import card_at, needed
from fairlead.explain.picture.columns import widths_of
from fairlead.explain.picture.lanes import Contents, Lane, LaneMembers, Space
from fairlead.explain.picture.scene import Band, Box, Card, CardItem, CardLink, CardState, Scene
from fairlead.explain.picture.words import Words

NARROW = 700.0  # below this width, columns become rows
_GAP, _MARGIN, _BAND_PAD, _HEAD = 8.0, 12.0, 14.0, 46.0
_DOTS_FROM = 9  # endpoints of a slice; fewer are cards
_DOT, _DOT_PITCH = 16.0, 22.0
_COLUMN_GAP = 34.0
_LANE_GAP = 18.0
_SHARES = (0.27, 0.23, 0.23, 0.27)  # of a lane's width: names and addresses, the Service, its slices, its Pods
_FOLDED_FROM = 40  # total of lanes; from there on every Namespace starts folded
_SYSTEM = "kube-system"


class Placed(NamedTuple):
    """Cards and links, and where they end."""

    cards: list[Card]
    links: list[CardLink]
    bottom: float


def place(contents: Contents, width: float, word: Words, turned: Collection[str] = ()) -> Scene:
    """The picture of a map.

    Args:
        width: of the whole picture; the height follows.
        turned: Namespaces whose default state (folded or open) the user has reversed.
    """
    cards: list[Card] = []
    links: list[CardLink] = []
    band, y = _nodes(contents, width, word, cards)
    bands = [band]
    for space in contents.spaces:
        is_folded = _starts_folded(contents, space) != (space.name in turned)
        band, placed = _space(space, y, width, word, is_folded=is_folded)
        bands.append(band)
        cards += placed.cards
        links += placed.links
        y = placed.bottom
    if not contents.spaces:
        item = CardItem("empty", "note", word("empty"), (word("empty-line"),), CardState.PLAIN, "", word("empty"))
        cards.append(card_at(item, _MARGIN, y, width - 2 * _MARGIN))
        y = cards[-1].box.bottom + _MARGIN
    return Scene(width, y, tuple(bands), tuple(links), tuple(cards))


def _starts_folded(contents: Contents, space: Space) -> bool:
    if sum(len(each.lanes) for each in contents.spaces) >= _FOLDED_FROM:
        return len(contents.spaces) > 1
    return space.name == _SYSTEM and len(contents.spaces) > 1


# --- nodes ---


def _nodes(contents: Contents, width: float, word: Words, cards: list[Card]) -> tuple[Band, float]:
    """The band on top: the outside, and Nodes by zone."""
    left, right = _MARGIN + _BAND_PAD, width - _MARGIN - _BAND_PAD
    most = 1 if width < 360 else 2 if width < NARROW else max(3, int((right - left) // 190))
    items = [(contents.outside, "")] + [(node, zone.name) for zone in contents.zones for node in zone.nodes]
    named = [item._replace(lines=(word("zone", zone=zone), *item.lines)) if zone else item for item, zone in items]
    bottom = grid(named, Box(left, _MARGIN + _HEAD, right - left, 0), most, cards)
    box = Box(_MARGIN, _MARGIN, width - 2 * _MARGIN, bottom + _BAND_PAD - _MARGIN)
    summary = word("nodes-summary", ready=contents.ready_nodes, all=contents.nodes)
    return Band("nodes", word("nodes"), summary, box), box.bottom + _MARGIN


def grid(items: Iterable[CardItem], area: Box, columns: int, cards: list[Card]) -> float:
    """Cards in rows of equal width and height; where they end."""
    wide = (area.width - _GAP * (columns - 1)) / columns
    y, row = area.y, list[Card]()
    for number, item in enumerate(items):
        if number % columns == 0 and row:
            y = _even(row, cards) + _GAP
            row = []
        row.append(card_at(item, area.x + (wide + _GAP) * (number % columns), y, wide))
    return _even(row, cards) if row else y


def _even(row: list[Card], cards: list[Card]) -> float:
    """Take in a row, all as high as the highest; where it ends."""
    height = max(card.box.height for card in row)
    cards += (card._replace(box=card.box._replace(height=height)) for card in row)
    return row[0].box.y + height


# --- Namespaces ---


def _space(space: Space, y: float, width: float, word: Words, *, is_folded: bool) -> tuple[Band, Placed]:
    top, whole = y, Placed([], [], y + _HEAD)
    if is_folded:
        whole = _dots((lane.service for lane in space.lanes), _inside(width), y + _HEAD - 6)
    else:
        wide = _widths(space, width)
        for lane in space.lanes:
            placed = _columns(lane, whole.bottom, width, wide) if wide else _stacked(lane, whole.bottom, width)
            whole = Placed(whole.cards + placed.cards, whole.links + placed.links, placed.bottom + _LANE_GAP)
        whole = whole._replace(bottom=whole.bottom - _LANE_GAP)
    bottom = whole.bottom + _BAND_PAD
    box = Box(_MARGIN, top, width - 2 * _MARGIN, bottom - top)
    band = Band(f"space/{space.name}", space.name, _summary(space, word), box, space.name, is_folded)
    return band, whole._replace(bottom=bottom + _MARGIN)


def _widths(space: Space, width: float) -> list[float] | None:
    """The columns of a Namespace's lanes; None where a screen is too narrow for them."""
    if width < NARROW:
        return None
    lanes = space.lanes
    reach = [item for lane in lanes for item in lane.reach]
    slices = [member.slice for lane in lanes for member in lane.members if member.slice.id != lane.id]
    pods = [pod for lane in lanes if lane.is_service for member in lane.members for pod in _cards_of(member)]
    columns = (reach, [lane.service for lane in lanes], slices, pods)
    return widths_of(columns, _SHARES, _inside(width).width - 3 * _COLUMN_GAP)


def _cards_of(member: LaneMembers) -> tuple[CardItem, ...]:
    """The Pods that are shown as cards."""
    return member.pods if len(member.pods) < _DOTS_FROM else ()


def _inside(width: float) -> Box:
    left = _MARGIN + _BAND_PAD
    return Box(left, 0, width - 2 * left, 0)


def _summary(space: Space, word: Words) -> str:
    services = [lane.service for lane in space.lanes if lane.is_service]
    pods = len(set[str]().union(*(lane.pods for lane in space.lanes)))
    parts = [word("space-summary", services=len(services), pods=pods)]
    troubled = sum(service.state is CardState.FAILED for service in services)
    return " · ".join([*parts, word("space-trouble", count=troubled)] if troubled else parts)


def _dots(items: Iterable[CardItem], area: Box, y: float) -> Placed:
    """Items as squares that have only their state to show."""
    cards: list[Card] = []
    most = max(1, int((area.width + _DOT_PITCH - _DOT) // _DOT_PITCH))
    for number, item in enumerate(items):
        x, below = area.x + number % most * _DOT_PITCH, y + number // most * _DOT_PITCH
        cards.append(Card(item, Box(x, below, _DOT, _DOT), (), (), is_dot=True))
    return Placed(cards, [], cards[-1].box.bottom if cards else y)


# --- a lane ---


def _columns(lane: Lane, y: float, width: float, wide: list[float]) -> Placed:
    """Names and addresses at the left, then the Service, its slices, and its Pods at the right."""
    area = _inside(width)
    x = [area.x + sum(wide[:n]) + n * _COLUMN_GAP for n in range(4)]
    reach, bottom = _pile(lane.reach, x[0], y, wide[0])
    if not lane.is_service:
        return _alone(lane, Box(x[1], y, area.right - x[1], 0), wide[1])
    cards, links, below = list(reach), list[CardLink](), y
    slices: list[Card] = []
    for member in lane.members:
        pods = _members(member, Box(x[3], below, wide[3], 0))
        if member.slice.id != lane.id:
            slices.append(card_at(member.slice, x[2], below, wide[2]))
        heart = slices[-1] if member.slice.id != lane.id else None
        cards += pods.cards
        links += _to_pods(heart, pods.cards)
        below = max(pods.bottom, slices[-1].box.bottom if heart else 0) + _GAP
    service = card_at(lane.service, x[1], y, wide[1])
    links += [_link(card, service, card.item.state) for card in reach]
    links += [_link(service, card, card.item.state) for card in slices]
    links += [
        _link(service, pod, pod.item.state)
        for member in lane.members
        if member.slice.id == lane.id
        for pod in cards
        if pod.item in member.pods
    ]
    return Placed([*cards, service, *slices], links, max(bottom, service.box.bottom, below - _GAP))


def _alone(lane: Lane, area: Box, wide: float) -> Placed:
    """Pods without a Service, beside a heading."""
    head = card_at(lane.service._replace(state=CardState.PLAIN), area.x, area.y, wide)
    left = area.x + wide + _COLUMN_GAP
    pods = _cards_or_dots(lane.members[0].pods, Box(left, area.y, area.right - left, 0), columns=2)
    return Placed([head, *pods.cards], [], max(head.box.bottom, pods.bottom))


def _members(member: LaneMembers, area: Box, columns: int = 1) -> Placed:
    return _cards_or_dots(member.pods, area, columns)


def _cards_or_dots(items: tuple[CardItem, ...], area: Box, columns: int) -> Placed:
    if len(items) >= _DOTS_FROM:
        return _dots(items, area, area.y)
    cards: list[Card] = []
    bottom = grid(items, area, columns, cards)
    return Placed(cards, [], bottom)


def _to_pods(slice_: Card | None, pods: list[Card]) -> Iterator[CardLink]:
    """One line to each card; one line to all dots, which are close together."""
    if slice_ is None or not pods:
        return
    for pod in pods[:1] if pods[0].is_dot else pods:
        yield _link(slice_, pod, pod.item.state)


def _pile(items: Iterable[CardItem], x: float, y: float, width: float) -> tuple[list[Card], float]:
    cards: list[Card] = []
    for item in items:
        cards.append(card_at(item, x, y, width))
        y = cards[-1].box.bottom + _GAP
    return cards, y - _GAP


def _link(start: Card, end: Card, state: CardState, *, is_down: bool = False) -> CardLink:
    shown = CardState.PLAIN if state in (CardState.READY, CardState.PLAIN) else state
    return CardLink(f"{start.item.id} > {end.item.id}", start.box, end.box, shown, is_down=is_down)


def _stacked(lane: Lane, y: float, width: float) -> Placed:
    """The layout from top to bottom, for a narrow screen."""
    area = _inside(width)
    beside = (*lane.reach, *(pod for member in lane.members for pod in _cards_of(member)))
    columns = 2 if all(needed(item) <= (area.width - _GAP) / 2 for item in beside) else 1
    cards: list[Card] = []
    links: list[CardLink] = []
    reach: list[Card] = []
    below = grid(lane.reach, area._replace(y=y), columns, reach)
    top = below + _GAP * 2.5 if reach else y
    service = card_at(lane.service, area.x, top, area.width)
    links += [_link(card, service, card.item.state, is_down=True) for card in reach]
    below = service.box.bottom + _GAP * 2.5
    for member in lane.members:
        heart = service
        if member.slice.id != lane.id:
            heart = card_at(member.slice, area.x + 12, below, area.width - 24)
            cards.append(heart)
            links.append(_link(service, heart, heart.item.state, is_down=True))
            below = heart.box.bottom + _GAP * 2.5
        pods = _members(member, area._replace(y=below), columns)
        links += [_link(heart, pod, pod.item.state, is_down=True) for pod in _first(pods.cards)]
        cards += pods.cards
        below = pods.bottom + _GAP
    return Placed([*reach, service, *cards], links, max(service.box.bottom, below - _GAP))


_first: Callable[[list[Card]], list[Card]] = lambda pods: pods[:1] if pods and pods[0].is_dot else pods  # noqa: E731
