"""Asynchronous tests run on asyncio; a test that opens files, sockets or processes without saying so fails."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

# Audit events of the interpreter (https://docs.python.org/3/library/audit_events.html). Reading a file does not count:
# modules are imported, and tables of the package read, at any time.
IO = frozenset({"socket.bind", "socket.connect", "subprocess.Popen", "os.fork", "os.posix_spawn", "sqlite3.connect"})
WRITES = frozenset({"os.mkdir", "os.rename", "os.remove", "os.chmod"})
OWN = (".hypothesis", "coverage", "__pycache__")  # files of Python and of the tools that run the tests

_seen: list[str] = []


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    is_open = event == "open" and not isinstance(
        arguments[0], int
    )  # a descriptor is open already, as hypothesis has one
    is_write = event in WRITES or (is_open and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"))
    if event in IO or (is_write and not any(own in str(arguments[:2]) for own in OWN)):
        _seen.append(f"{event}{arguments[:2]}")


sys.addaudithook(_note)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def says_what_it_opens(request: pytest.FixtureRequest) -> Iterator[None]:
    _seen.clear()
    yield
    if _seen and not request.node.get_closest_marker("io"):
        pytest.fail(f"not marked `io`, but does: {', '.join(_seen[:5])}")
