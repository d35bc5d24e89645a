"""The syntax of a Corefile: server blocks, directives with options, snippets and imports.

    (snippet) {                     a block to be imported by its name
        directive {args[0]}
    }
    key [key...] {                  zones, with ports; a comma at the end of a line continues on the next
        import snippet argument
        directive [argument...] [{
            option [argument...]
        }]
    }

A file may leave out the braces when all of it is one server block. What the directives mean is decided elsewhere.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from fairlead.clusterdns.corefile.faults import CorefileFaults, FilePlace, Wrong
from fairlead.clusterdns.corefile.tokens import Token, lines_of, tokens_of

DEPTH_MAX = 20  # imports within imports; one that imports itself would have no end

# The texts of the files that a pattern names, with their paths; the second argument is the importing file.
ReadImports = Callable[[str, str], Sequence[tuple[str, str]]]

_ARGUMENT = re.compile(r"\{args(?:\.(\d+)|\[(\d+)\])\}")


class Directive(NamedTuple):
    """One line, and the block that it opens. ``quoted`` says of each argument whether it was in quotes."""

    name: str
    arguments: tuple[str, ...]
    options: tuple["Directive", ...]
    place: FilePlace


class ServerBlock(NamedTuple):
    """The directives for some zones."""

    keys: tuple[str, ...]
    directives: tuple[Directive, ...]
    place: FilePlace


class _Node(NamedTuple):
    """A line with the lines in its braces; None for no braces."""

    tokens: tuple[Token, ...]
    inside: "tuple[_Node, ...] | None"

    @property
    def place(self) -> FilePlace:
        return self.tokens[0].place


class Reading:
    """One Corefile being read.

    Args:
        read: gives the files that an import names; raises ``Wrong`` when there are none.
    """

    def __init__(self, environment: Mapping[str, str], read: ReadImports, faults: CorefileFaults) -> None:
        self._environment, self._read, self._faults = environment, read, faults
        self._snippets: dict[str, tuple[_Node, ...]] = {}

    def blocks(self, text: str, file: str) -> list[ServerBlock]:
        """The server blocks of a text, those of imported files included."""
        return list(self._blocks(self._nodes(text, file), 0))

    def _blocks(self, nodes: list[_Node], depth: int) -> Iterator[ServerBlock]:
        if nodes and all(node.inside is None for node in nodes[:1]) and nodes[0].tokens[0].text != "import":
            yield self._block(nodes[0].tokens, nodes[1:], depth)
            return
        for node in nodes:
            yield from self._top(node, depth)

    def _top(self, node: _Node, depth: int) -> Iterator[ServerBlock]:
        first = node.tokens[0].text
        if node.inside is None and first == "import":
            for file_nodes in self._imported_files(node, depth):
                yield from self._blocks(list(file_nodes), depth + 1)
        elif node.inside is None:
            self._faults.add(node.place, f"expected 'ZONE... {{', found '{_spelled(node)}'")
        elif first.startswith("(") and first.endswith(")"):
            self._snippets[first[1:-1]] = node.inside
        else:
            yield self._block(node.tokens, node.inside, depth)

    def _block(self, keys: Sequence[Token], inside: Iterable[_Node], depth: int) -> ServerBlock:
        texts = (text for token in keys for text in token.text.split(",") if text)
        return ServerBlock(tuple(texts), tuple(self._directives(inside, depth)), keys[0].place)

    def _directives(self, nodes: Iterable[_Node], depth: int) -> Iterator[Directive]:
        for node in nodes:
            if node.tokens[0].text == "import" and not node.tokens[0].quoted:
                yield from self._directives(self._imported(node, depth), depth + 1)
            else:
                options = tuple(self._directives(node.inside or (), depth))
                name, *arguments = (token.text for token in node.tokens)
                yield Directive(name, tuple(arguments), options, node.place)

    def _imported(self, node: _Node, depth: int) -> Iterator[_Node]:
        """What an import stands for: a snippet with its arguments filled in, or files."""
        name, arguments = _import_of(node)
        if name in self._snippets and depth < DEPTH_MAX:
            yield from (_with_arguments(inner, arguments) for inner in self._snippets[name])
            return
        for nodes in self._imported_files(node, depth):
            yield from (_with_arguments(inner, arguments) for inner in nodes)

    def _imported_files(self, node: _Node, depth: int) -> Iterator[list[_Node]]:
        name, _ = _import_of(node)
        with self._faults.at(node.place):
            if not name:
                raise Wrong("import needs a file, a pattern or a snippet")
            if depth >= DEPTH_MAX:
                raise Wrong(f"import {name}: more than {DEPTH_MAX} imports within imports")
            for path, text in self._read(name, node.place.file):
                yield self._nodes(text, path)

    def _nodes(self, text: str, file: str) -> list[_Node]:
        tokens = tokens_of(text, file, self._environment, self._faults)
        return list(self._tree(_joined(lines_of(tokens)), None))

    def _tree(self, lines: Iterator[list[Token]], opened: FilePlace | None) -> Iterator[_Node]:
        for line in lines:
            if line[0].closes:
                if opened is None:
                    self._faults.add(line[0].place, "'}' closes nothing")
                if line[1:]:
                    self._faults.add(line[0].place, "nothing may follow '}' on its line")
                if opened is not None:
                    return
            elif line[0].opens:
                self._faults.add(line[0].place, "'{' must be on the line of what it belongs to")
            elif line[-1].opens:
                yield _Node(tuple(line[:-1]), tuple(self._tree(lines, line[0].place)))
            elif line[-1].closes and any(token.opens for token in line):
                yield self._one_line(line)
            else:
                yield _Node(tuple(line), None)
        if opened is not None:
            self._faults.add(opened, "the block that begins here has no end")

    def _one_line(self, line: list[Token]) -> _Node:
        """``name { option }`` on one line."""
        at = next(index for index, token in enumerate(line) if token.opens)
        inside = line[at + 1 : -1]
        return _Node(tuple(line[:at]), (_Node(tuple(inside), None),) if inside else ())


def _joined(lines: Iterator[list[Token]]) -> Iterator[list[Token]]:
    """Lines of keys that end in a comma go on with the next line."""
    pending: list[Token] = []
    for line in lines:
        pending += line
        if not (pending[-1].text.endswith(",") and not pending[-1].quoted):
            yield pending
            pending = []
    if pending:
        yield pending


def _import_of(node: _Node) -> tuple[str, tuple[str, ...]]:
    _, *words = (token.text for token in node.tokens)
    return (words[0] if words else ""), tuple(words[1:])


def _with_arguments(node: _Node, arguments: tuple[str, ...]) -> _Node:
    def fill(token: Token) -> Token:
        return token._replace(text=_ARGUMENT.sub(lambda found: _nth(arguments, int(found[1] or found[2])), token.text))

    inside = None if node.inside is None else tuple(_with_arguments(inner, arguments) for inner in node.inside)
    return _Node(tuple(map(fill, node.tokens)), inside)


def _nth(arguments: tuple[str, ...], index: int) -> str:
    return arguments[index] if index < len(arguments) else ""


def _spelled(node: _Node) -> str:
    return " ".join(token.text for token in node.tokens)
