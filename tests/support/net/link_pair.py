"""Two hosts on one link, run as a program in a user and network namespace of its own: one answers for addresses that
it does not have (``fairlead.drivers.linux.announcing_link``), the other is this kernel. Prints what that has learned.

``ASKED`` addresses are looked for by sending a datagram; of ``TOLD`` ones the kernel has a wrong notion at first.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from fairlead.drivers.linux import netns
from fairlead.drivers.linux.announcing_link import AnnouncingLink
from fairlead.model.addresses import IPFamily

MAC, WRONG = "02:00:00:00:00:07", "02:00:00:00:00:99"
ASKED = ("192.0.2.7", "fd00::7")
TOLD = ("192.0.2.8", "fd00::8")
NOT_ANSWERED = ("192.0.2.9", "fd00::9")
SECONDS, SECONDS_IN_VAIN = 60.0, 0.5


def main() -> None:
    here, there = netns.current_namespace(), netns.new_namespace(tuple(IPFamily))
    netns.run_ip([f"link add near type veth peer name far address {MAC} netns /proc/self/fd/{there}"], [there])
    furnish("near", "addr add 192.0.2.1/24 dev near", "addr add fd00::1/64 dev near nodad")
    netns.run_ip([f"neigh replace {address} lladdr {WRONG} dev near nud stale" for address in TOLD])
    netns.enter(there)
    furnish("far")
    other = os.fork()
    if other == 0:
        asyncio.run(answer())
    netns.enter(here)
    try:
        print(json.dumps({address: learned(address) for address in (*ASKED, *TOLD, *NOT_ANSWERED)}))
    finally:
        os.kill(other, signal.SIGKILL)
        os.waitpid(other, 0)


def furnish(link: str, *commands: str) -> None:
    """Bring a link up, without the seconds in which IPv6 makes sure that its address is nobody's."""
    Path(f"/proc/sys/net/ipv6/conf/{link}/accept_dad").write_text("0")
    netns.run_ip(["link set lo up", *commands, f"link set {link} up"])


async def answer() -> None:
    link = AnnouncingLink("far", lambda sign, about: None)
    link.answer_for([*ASKED, *TOLD])
    while True:
        for address in TOLD:
            link.announce(address)
        await asyncio.sleep(0.1)


def learned(address: str) -> str:
    """The link-layer address that the kernel comes to know; its word for it if it knows none."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    deadline = time.monotonic() + (SECONDS_IN_VAIN if address in NOT_ANSWERED else SECONDS)
    while True:
        if address not in TOLD:
            with socket.socket(family, socket.SOCK_DGRAM) as sender, contextlib.suppress(OSError):
                sender.sendto(b"?", (address, 9))
        shown = json.loads(subprocess.check_output(["ip", "-j", "neigh", "show", address]))
        entry = shown[0] if shown else {}
        found = entry.get("lladdr") or " ".join(entry.get("state", []))
        if found not in ("", "INCOMPLETE", "FAILED", WRONG) or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


if __name__ == "__main__":
    main()
