"""Listening sockets on this machine's loopback, which the host process gives to its lab on request.

A socket belongs to the network namespace that it was created in, wherever it is used. The lab's publisher therefore
serves ports of this machine without ever being in its network.
"""

import errno
import socket

from fairlead.drivers.lab.control_socket import ControlReply, RequestRefused
from fairlead.model.document import Doc

LOOPBACK = "127.0.0.1"
_KINDS = {"TCP": socket.SOCK_STREAM, "UDP": socket.SOCK_DGRAM}
_NOT_TO_BE_HAD = (errno.EADDRINUSE, errno.EACCES)


def give(request: Doc) -> ControlReply:
    """The answer to a request for a listener; any other port will do in place of a taken one if it is ``flexible``.

    Raises:
        Refused: the port could not be bound.
    """
    match request:
        case {"op": "listen", "protocol": ("TCP" | "UDP") as protocol, "port": int(port), "flexible": bool(flexible)}:
            listener = _listen(protocol, port, flexible)
            return ControlReply({"port": listener.getsockname()[1]}, (listener.detach(),))
        case _:
            raise RequestRefused(f"unknown request {request.get('op')!r}")


def _listen(protocol: str, port: int, flexible: bool) -> socket.socket:
    listener = socket.socket(socket.AF_INET, _KINDS[protocol])
    try:
        if protocol == "TCP":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        if protocol == "TCP":
            listener.listen(256)
    except OSError as error:
        listener.close()
        if flexible and error.errno in _NOT_TO_BE_HAD:
            return _listen(protocol, 0, False)
        raise RequestRefused(f"port {port}/{protocol} of {LOOPBACK} could not be bound: {error.strerror}") from error
    return listener
