"""The IP addresses of the network namespace that this process is in."""

import asyncio
import json
from pathlib import Path

from fairlead.model.addresses import IPFamily


def kernel_families() -> tuple[IPFamily, ...]:
    """The IP families that the kernel speaks here."""
    has_ipv6 = Path("/proc/net/if_inet6").exists()
    return (IPFamily.IPV4, IPFamily.IPV6) if has_ipv6 else (IPFamily.IPV4,)


async def local_addresses() -> tuple[str, ...]:
    """All addresses of all interfaces, as ip-address(8) lists them."""
    ip = await asyncio.create_subprocess_exec("ip", "-j", "address", "show", stdout=asyncio.subprocess.PIPE)
    output, _ = await ip.communicate()
    return tuple(info["local"] for link in json.loads(output) for info in link["addr_info"] if "local" in info)
