"""The parent of launchers: a process that has imported the modules of Pods' processes, and has never held a secret.

A built-in image is a fork of a fork of this process, and root in its Pod may read its memory. So the nursery begins
before its parent, PID 1 of a lab, has read anything of the lab: keys, manifests, settings. It takes nothing but
descriptors, which it hands on to launchers; only a container's own process ever reads what it is to be.
"""

import gc
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from fairlead.drivers.linux import fresh_python, netns
from fairlead.drivers.linux.child_process import look_fresh
from fairlead.drivers.linux.open_files import let_go_of_all_but
from fairlead.drivers.pods.launching import launcher_process
from fairlead.drivers.pods.launching.messages import DESCRIPTORS, NICENESS
from fairlead.drivers.pods.machine_secrets import private_paths


class Nursery:
    """The nursery as its parent has it.

    Args:
        replacement: the module whose ``main`` is a nursery too, given the number of its socket as an argument.
        prepare: runs in the nursery itself: imports the modules that only Pods need, while the parent continues.

    Attributes:
        socket: what ``Launcher`` takes; also in reach of what the parent forks later.
    """

    def __init__(self, replacement: str, prepare: Callable[[], None] = lambda: None) -> None:
        self._replacement = replacement
        self.socket, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._pid = os.fork()
        if self._pid == 0:
            serve(self._theirs, prepare)

    def keep(self) -> None:
        """Start another one if it has ended; what was asked for meanwhile waits in the socket. By now its parent knows
        secrets, so it is an interpreter of its own, and imports everything once more."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, 0)
            return
        self._pid = os.fork()
        if self._pid == 0:
            try:
                fresh_python.execute(self._replacement, [str(self._theirs.fileno())], [self._theirs.fileno()])
            finally:
                os._exit(1)

    def close(self) -> None:
        """Close the connection, in a process that does not use it."""
        self.socket.close()
        self._theirs.close()


def serve(connection: socket.socket, prepare: Callable[[], None] = lambda: None) -> NoReturn:
    """Fork launchers until nobody is left who could ask for one; see ``Nursery`` for ``prepare``."""
    try:
        look_fresh()
        let_go_of_all_but(connection.fileno())
        os.umask(0o022)  # whatever the lab's user has: what Pods are given, any user in them may read
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps launchers
        private_paths()  # looked for once, and known to all that are forked
        gc.disable()  # a collection in any of them would write to every page that they share
        prepare()
        gc.freeze()
        while True:
            message, descriptors, _, _ = socket.recv_fds(connection, NICENESS.size, DESCRIPTORS)
            if not message:
                break
            _fork(NICENESS.unpack(message)[0], descriptors)
    finally:
        os._exit(0)


def _fork(niceness: int, descriptors: list[int]) -> None:
    """Fork a launcher; should that fail, its agent hears of it by the end of the descriptors."""
    requests, ends, *network = descriptors
    with suppress(OSError):
        if os.fork() == 0:
            _be_launcher(niceness, requests, ends, network)
    for fd in descriptors:
        os.close(fd)


def _be_launcher(niceness: int, requests: int, ends: int, network: list[int]) -> NoReturn:
    """Args:
    network: descriptor of the network namespace to work in; none where there are no namespaces.
    """
    try:
        os.nice(niceness)
        for namespace in network:
            netns.enter(namespace)
        launcher_process.serve(socket.socket(fileno=requests), ends, has_namespaces=bool(network))
    finally:
        os._exit(1)
