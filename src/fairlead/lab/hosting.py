"""Starts the host process of a lab: a new interpreter in its own session, which ends the lab after its owner ends."""

import os
import pickle
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

from fairlead.app.lab.host.detached import relay, serve_and_tell
from fairlead.app.lab.host.options import LabOptions, Listener, Settled
from fairlead.drivers.lab.host_process import NOBODY_TEXT, HostProcess


def start_owned(options: LabOptions, owner: int | None, tell: Callable[[str], None]) -> tuple[Settled, HostProcess]:
    """Start a lab, and return when everything in it is ready.

    Args:
        owner: the lab ends with the process of this id; None: with this one; ``NOBODY``: on request.

    Raises:
        LabError: it cannot be started; nothing is left of it.
    """
    process = HostProcess("fairlead.lab.hosting", pickle.dumps(options), owner)
    found: list[Settled] = []
    try:
        with open(process.news, closefd=False) as lines:
            relay(lines, Listener(tell, found.append))
    except BaseException:
        process.end()
        raise
    finally:
        process.close_news()
    return found[0], process


def main() -> NoReturn:
    """Run as the host process. Standard input is a socket: first come a length and a pickled ``LabOptions``, later
    nothing but its end. Standard output is the pipe for news; an argument names another owner than that socket."""
    life = socket.socket(fileno=os.dup(0))
    with life.makefile("rb") as told:
        options: LabOptions = pickle.loads(told.read(int.from_bytes(told.read(8), "big")))  # noqa: S301 - from our starter
    news = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for place in (0, 1, 2):
        os.dup2(null, place)
    names = sys.argv[1:] or [str(life.fileno())]
    owners = tuple(int(name) for name in names if name != NOBODY_TEXT)
    serve_and_tell(replace(options, owners=owners), news)
