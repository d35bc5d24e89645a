"""A nursery that takes the place of one that has ended (``drivers.pods.nursery``): an interpreter of its own."""

import socket
import sys

from fairlead.app.lab.init import components  # noqa: F401 - what built-in images run
from fairlead.drivers.pods import nursery


def main() -> None:
    """Serve at the socket whose number is the argument."""
    nursery.serve(socket.socket(fileno=int(sys.argv[1])))
