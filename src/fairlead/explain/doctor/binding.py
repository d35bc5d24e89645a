"""Where a container's process listens, by its command line: options, positional addresses, variables, and defaults.

A word counts only if it cannot mean another server: ``--host``, ``BIND_ADDRESS``, or an address with exactly the port
    in question. Development servers listen on loopback by default, as their documentation says.
"""

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from fairlead.explain.documents import rows, text, texts
from fairlead.model.document import Doc

_BINDS = frozenset({"host", "bind", "listen", "addr", "address", "ip"})
_SHORT = frozenset({"-b", "-H", "-a", "-l"})  # only with a port: otherwise they mean other things
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
_ELSEWHERE = re.compile(r"upstream|backend|target|proxy|connect|remote|(?<!run)server|url|peer|join", re.IGNORECASE)


class _Program(NamedTuple):
    """A server that listens on loopback by default.

    Attributes:
        words: consecutive words of its command line.
        port: its default.
        told_by: options and variables for the address; a configuration file can set it too.
        takes_address: whether a positional argument can be the address.
    """

    words: tuple[str, ...]
    port: int
    told_by: tuple[str, ...]
    takes_address: bool = False


_PROGRAMS = (
    _Program(("flask", "run"), 5000, ("--host", "-h", "FLASK_RUN_HOST")),
    _Program(("manage.py", "runserver"), 8000, (), takes_address=True),
    _Program(("uvicorn",), 8000, ("--host", "--uds", "--fd", "UVICORN_HOST")),
    _Program(("hypercorn",), 8000, ("--bind", "-b", "-c", "--config")),
    _Program(("gunicorn",), 8000, ("--bind", "-b", "-c", "--config", "GUNICORN_CMD_ARGS", "PORT")),
    _Program(("rails", "server"), 3000, ("-b", "--binding", "BINDING", "-e", "--environment", "RAILS_ENV")),
    _Program(("rails", "s"), 3000, ("-b", "--binding", "BINDING", "-e", "--environment", "RAILS_ENV")),
    _Program(("artisan", "serve"), 8000, ("--host", "SERVER_HOST")),
    _Program(("hugo", "server"), 1313, ("--bind", "--config")),
    _Program(("mkdocs", "serve"), 8000, ("-a", "--dev-addr", "-f", "--config-file")),
    _Program(("jekyll", "serve"), 4000, ("-H", "--host", "--config")),
    _Program(("ng", "serve"), 4200, ("--host",)),
)


def loopback_word(container: Doc, port: int) -> str | None:
    """The word that makes the process listen only on loopback, if there is a clear one."""
    words = [word for each in (*texts(container, "command"), *texts(container, "args")) for word in _split(each)]
    variables = {text(row, "name"): text(row, "value") for row in rows(container, "env")}
    found = (*_options(words, port), *_positions(words, port), *_variables(variables, port))
    return next(iter(found), None) or _default(words, {text(row, "name") for row in rows(container, "env")}, port)


def _split(word: str) -> list[str]:
    """The words of a shell's command line."""
    if " " not in word:
        return [word]
    try:
        return shlex.split(word)
    except ValueError:
        return word.split()


def _options(words: Sequence[str], port: int) -> Iterator[str]:
    named = [(word, *word.split("=", 1)) for word in words if "=" in word]
    named += [(f"{one} {two}", one, two) for one, two in pairwise(words) if one.startswith("-") and "=" not in one]
    for whole, name, value in named:
        if (_says_where(name) and _is_loopback(value, port)) or (name in _SHORT and _is_loopback_port(value, port)):
            yield whole


def _positions(words: Sequence[str], port: int) -> Iterator[str]:
    """Positions of an address with exactly this port, not after an option for another server."""
    for before, word in pairwise(("", *words)):
        if _is_loopback_port(word, port) and not _ELSEWHERE.search(before) and not before.startswith("-"):
            yield word


def _variables(variables: dict[str, str], port: int) -> Iterator[str]:
    for name, value in variables.items():
        if _says_where(name, alone=True) and _is_loopback(value, port):
            yield f"{name}={value}"


def _says_where(name: str, *, alone: bool = False) -> bool:
    """Whether a word sets the listening address; a variable must have no other meaning: DB_HOST is another server."""
    parts = name.strip("-").lower().replace("_", "-").split("-")
    return set(parts) <= _BINDS if alone else parts[-1] in _BINDS and not _ELSEWHERE.search(name)


def _is_loopback(value: str, port: int) -> bool:
    return value in _LOOPBACK or _is_loopback_port(value, port)


def _is_loopback_port(value: str, port: int) -> bool:
    host, colon, number = value.rpartition(":")
    return bool(colon) and host in _LOOPBACK and number == str(port)


def _default(words: Sequence[str], variables: set[str], port: int) -> str | None:
    plain = [word.rpartition("/")[2] for word in words]
    for program in _PROGRAMS:
        count = len(program.words)
        starts = [i for i in range(len(plain)) if tuple(plain[i : i + count]) == program.words]
        if starts and _is_silent(program, words[starts[0] + count :], variables, port):
            return f"{' '.join(program.words)}, which listens on loopback unless it is told where"
    return None


def _is_silent(program: _Program, rest: Sequence[str], variables: set[str], port: int) -> bool:
    """Whether the program gets no listening address, and the port is its default."""
    names = {word.partition("=")[0] for word in rest}
    if names & set(program.told_by) or variables & set(program.told_by):
        return False
    if program.takes_address and any(":" in word or "." in word for word in rest if not word.startswith("-")):
        return False
    return port == program.port or str(port) in names or str(port) in rest
