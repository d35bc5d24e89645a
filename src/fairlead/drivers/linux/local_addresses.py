"""The IP addresses of the network namespace that this process is in."""

import json
import socket
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fairlead.drivers.linux.programs import run_to_end
from fairlead.model.addresses import IPFamily


def kernel_families() -> tuple[IPFamily, ...]:
    """The IP families that the kernel speaks here."""
    has_ipv6 = Path("/proc/net/if_inet6").exists()
    return (IPFamily.IPV4, IPFamily.IPV6) if has_ipv6 else (IPFamily.IPV4,)


def addresses_of_interface(name: str) -> tuple[str, ...]:
    """The addresses of one interface, those valid only on its link left out; none when it is not there."""
    command = ["ip", "-j", "address", "show", "dev", name]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        return ()
    links: list[dict[str, Any]] = json.loads(found.stdout or "[]")
    infos = (info for link in links for info in link.get("addr_info", ()) if info.get("scope") != "link")
    return tuple(info["local"] for info in infos if "local" in info)


def source_address(url: str) -> str:
    """The address of this machine from which the host of a URL is reached; nothing is sent.

    Raises:
        OSError: that host is not known, or there is no way to it.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    port = parts.port or (80 if parts.scheme == "http" else 443)
    family, _, _, _, address = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as any_socket:
        any_socket.connect(address)
        return str(any_socket.getsockname()[0])


async def local_addresses() -> tuple[str, ...]:
    """All addresses of all interfaces, as ip-address(8) lists them."""
    links = await _show()
    return tuple(info["local"] for link in links for info in link["addr_info"] if "local" in info)


async def interface_with(address: str) -> str | None:
    """The name of the interface that has this address; None when none has."""
    links = await _show("to", address)
    return next((str(link["ifname"]) for link in links if link.get("addr_info")), None)


async def _show(*selection: str) -> list[dict[str, Any]]:
    ended = await run_to_end("ip", "-j", "address", "show", *selection)
    links: list[dict[str, Any]] = json.loads(ended.output)
    return links
