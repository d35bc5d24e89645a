"""Ports for servers under test."""

import contextlib
import random
import socket

HOST, DATAGRAM = "127.0.0.1", socket.SOCK_DGRAM
# Below the kernel's own range for outgoing connections (32768 and up), where a port would not stay free, and below node
# ports, which labs may publish here.
LOWEST, HIGHEST = 10000, 29999


def free_port() -> int:
    """A port of loopback that nobody listens on, TCP or UDP."""
    while True:
        port = random.randint(LOWEST, HIGHEST)
        with contextlib.suppress(OSError), socket.create_server((HOST, port)), socket.socket(type=DATAGRAM) as udp:
            udp.bind((HOST, port))
            return port
