"""How much the kernel itself takes for a receiver that does not read."""

from pathlib import Path


def _largest_buffer(name: str) -> int:
    """What the kernel lets a buffer of a TCP connection grow to, in bytes (tcp(7))."""
    return int(Path(f"/proc/sys/net/ipv4/{name}").read_text().split()[2])


HELD_BY_CONNECTION = _largest_buffer("tcp_rmem") + _largest_buffer("tcp_wmem")  # bytes
