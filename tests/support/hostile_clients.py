"""Raw connections to an API server, for clients that do not behave."""

import resource
import socket
import ssl


def tls_of(server):
    return ssl.create_default_context(cafile=server.data / "pki" / "ca.crt")


def bare(server, receives=0):
    """A connection on which nothing was said yet.

    receives: how many bytes it takes before it is read from; 0: as many as the kernel likes.
    """
    made = socket.socket()
    if receives:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
    made.settimeout(60)
    made.connect(("127.0.0.1", server.port))
    return made


def shaken(server, receives=0):
    """A connection after its TLS handshake."""
    return tls_of(server).wrap_socket(bare(server, receives), server_hostname="127.0.0.1")


def head(method, path, token="", **fields):
    """The head of a request, with its empty line."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def until_closed(connection):
    """All that comes until the server ends the connection."""
    received = b""
    try:
        while data := connection.recv(65536):
            received += data
    except (ConnectionError, ssl.SSLError):
        pass
    return received


def answer_of(connection):
    """(status, headers and body as text) of one answer, of a server that keeps the connection or closes it."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = connection.recv(65536)
        if not data:
            break
        received += data
    return int(received.split(b" ", 2)[1]), received.decode()


def let_have_descriptors(server, number):
    """How many descriptors a running server may have."""
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (number, hard))
