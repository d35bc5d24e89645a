"""``fairlead up --wait``: the host process runs in the background, and reports to the caller until all is ready."""

import json
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from fairlead.app.lab.fork import LabError, Pipe
from fairlead.app.lab.host.options import LabOptions, Listener, Settled
from fairlead.app.lab.host.process import serve
from fairlead.drivers.lab.running_labs import RunningLab, proxyless_from


def serve_detached(options: LabOptions, listener: Listener) -> None:
    """Start a lab that outlives the caller, and return when everything in it is ready.

    Raises:
        LabError: as ``serve``; the lab has then gone.
    """
    news = Pipe()
    pid = os.fork()
    if pid == 0:
        _serve_in_background(options, news)
    news.close_writer()
    with os.fdopen(news.reader) as lines:
        try:
            relay(lines, listener)
        except KeyboardInterrupt:
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)
            raise


def relay(lines: Iterable[str], listener: Listener) -> None:
    """Pass on what ``serve_and_tell`` says, until everything is ready.

    Raises:
        LabError: it cannot be started, or has ended.
    """
    for line in lines:
        match json.loads(line):
            case {"tell": str(text)}:
                listener.tell(text)
            case {"settled": [seconds, nodes, pods, name_servers], "lab": [folder, pid, server, joined, loopback, row]}:
                lab = RunningLab(Path(folder), pid, server, joined, loopback, proxyless_from(row))
                listener.settled(Settled(lab, seconds, tuple(nodes), pods, tuple(name_servers)))
                return
            case {"error": str(message)}:
                raise LabError(message)
    raise LabError("the lab ended before it was ready")


def _serve_in_background(options: LabOptions, news: Pipe) -> NoReturn:
    """Run as the host process, in a new session."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for place in (0, 1, 2):
        os.dup2(null, place)
    serve_and_tell(options, news.writer)


def serve_and_tell(options: LabOptions, news: int) -> NoReturn:
    """Run as the host process, and write events to a pipe until everything is ready."""

    def send(document: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):
            os.write(news, json.dumps(document).encode() + b"\n")

    def settled(found: Settled) -> None:
        lab = found.lab
        what = [found.seconds, found.nodes, found.pods, found.name_servers]
        fields = [str(lab.folder), lab.pid, lab.server, lab.joined_as, lab.loopback, lab.proxyless]
        send({"settled": what, "lab": fields})

    try:
        serve(options, Listener(lambda text: send({"tell": text}), settled))
    except BaseException as error:
        send({"error": str(error)})
    finally:
        os._exit(0)
