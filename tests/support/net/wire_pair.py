"""A lab's link on one host, this kernel's own VXLAN device on another, in user and network namespaces of their own.

Run as a program: each side sends the other a megabyte over TCP through ``fairlead.app.lab.processes.wire``; then frames
come from an address that is not invited. Prints what arrived, and what the wire had to tell.
"""

import asyncio
import hashlib
import json
import os
import signal
import socket
import traceback
from pathlib import Path

from fairlead.app.lab.processes import wire
from fairlead.dataplane.vxlan import PORT, header, inner_mtu
from fairlead.drivers.lab import wire_ends
from fairlead.drivers.linux import netns
from fairlead.labnet import links
from fairlead.model.addresses import IPFamily
from fairlead.model.socket_address import SocketAddress

VNI = 77
HERE, THERE, UNINVITED = "192.0.2.1", "192.0.2.2", "192.0.2.3"
LAB_HERE, LAB_THERE = "198.51.100.1", "198.51.100.2"
MTU = inner_mtu(IPFamily.IPV4)
DATA = bytes(range(256)) * 4096
JUNK = (b"", b"\x08", header(VNI), header(VNI) + b"short", header(VNI + 1) + DATA[:100], DATA[:1000])
WORD = b"only for the invited"


def main() -> None:
    host = netns.current_namespace()
    lab, end, other = (netns.new_namespace(()) for _ in range(3))
    netns.run_ip(
        [
            f"link add cable type veth peer name cable netns /proc/self/fd/{other}",
            f"addr add {HERE}/24 dev cable",
            "link set cable up",
        ],
        [other],
    )
    underlay = wire_ends.open_underlay(SocketAddress(HERE, PORT))
    netns.enter(lab)
    netns.run_ip(
        [
            f"link add wire mtu {MTU} type veth peer name eth0 mtu {MTU} netns /proc/self/fd/{end}",
            f"addr add {LAB_HERE}/24 dev wire",
            "link set wire up",
        ],
        [end],
    )
    wire_ends.send_whole_frames("wire")
    listener = socket.create_server((LAB_HERE, 80))
    unwanted = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    unwanted.bind(("wire", 0x0003))
    netns.enter(end)
    netns.run_ip(links.wire_end_commands())
    children = [fork(lambda: run_wire(underlay)), fork(lambda: exchange(listener.accept()[0]))]
    netns.enter(other)
    netns.run_ip(
        [
            *(f"addr add {address}/24 dev cable" for address in (THERE, UNINVITED)),
            "link set cable up",
            f"link add vxlan type vxlan id {VNI} local {THERE} remote {HERE} dstport {PORT}",
            f"addr add {LAB_THERE}/24 dev vxlan",
            "link set vxlan up",
        ]
    )
    wire_ends.send_whole_frames("cable")  # as a network card does, also with what is carried in VXLAN
    for junk in JUNK:
        send(THERE, junk)
    try:
        with socket.create_connection((LAB_HERE, 80), timeout=60) as connection:
            arrived = exchange(connection)
        unwanted.setblocking(False)
        drain(unwanted)
        send(UNINVITED, header(VNI) + b"\xff" * 6 + bytes(8) + WORD)
        with socket.create_connection((LAB_HERE, 80), timeout=60):  # later than what was sent before
            frames = drain(unwanted)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    netns.enter(host)
    print(json.dumps({"arrived": arrived, "uninvited": any(WORD in frame for frame in frames), "told": told()}))


def fork(body):
    pid = os.fork()
    if pid == 0:
        try:
            body()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    return pid


def run_wire(underlay):
    peers = (SocketAddress(THERE, PORT),)
    options = wire.WireOptions(VNI, peers, underlay, TOLD.write_text)
    asyncio.run(wire.run(options, lambda: None))


TOLD = Path(f"/dev/shm/fairlead-wire-{os.getpid()}")


def told():
    text = TOLD.read_text()
    TOLD.unlink()
    return text


def exchange(connection):
    """Send all and receive all at once; the digest of what came."""
    digest, sender = hashlib.sha256(), fork(lambda: connection.sendall(DATA))
    left = len(DATA)
    while left and (part := connection.recv(65536)):
        digest.update(part)
        left -= len(part)
    os.waitpid(sender, 0)
    return digest.hexdigest()


def send(source, datagram):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.sendto(datagram, (HERE, PORT))


def drain(packets):
    frames = []
    while True:
        try:
            frames.append(packets.recv(65536))
        except BlockingIOError:
            return frames


if __name__ == "__main__":
    main()
