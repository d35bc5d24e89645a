"""Image pulls for a lab, which has no access to the network of this machine.

Each pull runs in a separate process, which answers through a pipe that the lab reads.
"""

import json
import os
import signal
import traceback
from typing import NoReturn

from fairlead.drivers.lab.control_socket import ControlReply, RequestRefused
from fairlead.drivers.linux.calls import set_parent_death_signal
from fairlead.drivers.linux.child_process import look_fresh
from fairlead.drivers.linux.open_files import let_go_of_all_but
from fairlead.images.auth_file import Login
from fairlead.model.document import Doc


class Pulls:
    """The running pulls.

    Args:
        allowed: whether the user allows pulls.
    """

    def __init__(self, *, allowed: bool) -> None:
        self._allowed = allowed
        self._running: set[int] = set()

    def start(self, image: str, logins: list[Doc]) -> ControlReply:
        """A pipe that says, as one JSON document, what came of a pull that begins now.

        Raises:
            Refused: this lab pulls nothing.
        """
        if not self._allowed:
            raise RequestRefused("this lab was started without --pull")
        self._collect()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            _pull(image, logins, writer)
        os.close(writer)
        self._running.add(pid)
        return ControlReply({}, (reader,))

    def _collect(self) -> None:
        """Take note of those that have ended."""
        for pid in list(self._running):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._running.discard(pid)

    def close(self) -> None:
        """End the running pulls; the next lab resumes them."""
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self._running.clear()


def _pull(image: str, logins: list[Doc], writer: int) -> NoReturn:
    try:
        set_parent_death_signal(signal.SIGKILL)
        look_fresh()
        let_go_of_all_but(writer)  # the lab's locks, above all
        os.write(writer, json.dumps(_answer(image, logins)).encode())
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _answer(image: str, logins: list[Doc]) -> Doc:
    from fairlead.app.images.local import open_store
    from fairlead.app.images.pull import PULL_ERRORS, pull
    from fairlead.drivers.images.logins import logins_of_user
    from fairlead.drivers.images.pulling import no_progress
    from fairlead.images.reference import parse_reference

    name = parse_reference(image)
    try:
        with no_progress() as progress:
            given = [Login(**each) for each in logins]
            found = pull(open_store(), name, progress, logins=[*given, *logins_of_user(name)])
    except PULL_ERRORS as error:
        return {"error": str(error)}
    return {"seconds": found.seconds, "size": found.image.size}
