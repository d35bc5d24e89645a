"""Reads what a node is asked to run or attach to, from the query of the request.

The API server has checked it already; here it is only taken apart. Names of the parameters are those between API server
and kubelet (``input``, ``output``, ``error``), not those between kubectl and API server.
Source: ``pkg/kubelet/server/server.go``, ``staging/src/k8s.io/api/core/v1/types.go`` (Exec*Param).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fairlead.streaming.errors import BadRequest
from fairlead.streaming.exec_events import Output

Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class ExecRequest:
    """The streams of a command, and its arguments; no arguments when attaching to what runs already."""

    command: tuple[str, ...]
    stdin: bool
    outputs: frozenset[Output]
    tty: bool


def parse_exec(query: Query) -> ExecRequest:
    """A request to run a command.

    Raises:
        BadRequest: no command, or none of its streams is wanted.
    """
    command = tuple(query.get("command", ()))
    if not command:
        raise BadRequest("you must specify a command")
    return _streams(query, command)


def parse_attach(query: Query) -> ExecRequest:
    """A request to attach to a container's own process; raises BadRequest when none of its streams is wanted."""
    return _streams(query, ())


def _streams(query: Query, command: tuple[str, ...]) -> ExecRequest:
    tty, stdin = _is_set(query, "tty"), _is_set(query, "input")
    wanted = {Output.STDOUT: _is_set(query, "output"), Output.STDERR: _is_set(query, "error") and not tty}
    outputs = frozenset(output for output, is_wanted in wanted.items() if is_wanted)
    if not (stdin or outputs):
        raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    return ExecRequest(command, stdin, outputs, tty)


def _is_set(query: Query, name: str) -> bool:
    return next(iter(query.get(name, ())), "") in {"1", "true"}
