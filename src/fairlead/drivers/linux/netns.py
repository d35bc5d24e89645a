"""Network namespaces, and the links between them as ``labnet.links`` has them: made with iproute2 in batches.

``ip -batch`` rather than a netlink library: one process of two milliseconds for a whole namespace, text that can be
read and repeated by hand, and nothing to import in every process of the lab.
"""

import fcntl
import json
import os
import socket
import struct
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from fairlead.dataplane.vxlan import USUAL_MTU
from fairlead.drivers.linux.calls import CLONE_NEWNET, setns, unshare
from fairlead.labnet import balancing
from fairlead.labnet.addresses import PLANS, Families
from fairlead.labnet.links import STRICT_SOURCES, PodLink, attach_commands, pod_commands
from fairlead.model.addresses import IPFamily, family_of

_SIOCGIFMTU = 0x8921  # linux/sockios.h
_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_SYSCTLS = Path("/proc/sys/net")
PATIENCE = 60.0  # seconds for what takes milliseconds


class LinkError(Exception):
    """``ip`` or ``nft`` refused to do something, and the message is its own; or it does not end."""


def run_ip(commands: Iterable[str], inherited: Iterable[int] = (), options: Sequence[str] = ()) -> None:
    """Run the commands in the caller's network namespace, up to the first that fails; ``inherited`` descriptors may be
    named in them.

    Args:
        options: of ``ip``, as ``-6`` for what does not name its family.

    Raises:
        LinkError: one was refused. FileNotFoundError: there is no ``ip``.
    """
    _run(["ip", *options, "-batch", "-"], "".join(f"{command}\n" for command in commands), tuple(inherited))


def run_nft(rules: str) -> None:
    """Have the caller's network namespace do what a file for ``nft`` says, all or nothing.

    Raises:
        LinkError: the kernel refuses it. FileNotFoundError: there is no ``nft``.
    """
    _run(["nft", "-f", "-"], rules)


def _run(program: list[str], text: str, inherited: tuple[int, ...] = ()) -> str:
    try:
        done = subprocess.run(
            program,
            input=text,
            text=True,
            capture_output=True,
            check=False,
            env={"PATH": _PATH},
            pass_fds=inherited,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        raise LinkError(f"{program[0]} has not ended within {PATIENCE:.0f} s") from error
    if done.returncode != 0:
        raise LinkError(done.stderr.strip())
    return done.stdout


def routes_of(protocol: int, family: IPFamily) -> dict[str, tuple[str, ...]]:
    """The gateways of each route of the caller's network namespace that was made under this number.

    Raises:
        LinkError: they cannot be listed.
    """
    option = {IPFamily.IPV4: "-4", IPFamily.IPV6: "-6"}[family]
    listed = json.loads(_run(["ip", "-j", option, "route", "show", "proto", str(protocol)], "") or "[]")
    return {row["dst"]: tuple(hop["gateway"] for hop in row.get("nexthops") or [row]) for row in listed}


def tables_of(protocol: int, family: IPFamily) -> dict[int, str]:
    """The routing tables to which rules lead that were made under this number, and the gateway of the routes in each;
    empty where a table has none.

    Raises:
        LinkError: they cannot be listed.
    """
    option = {IPFamily.IPV4: "-4", IPFamily.IPV6: "-6"}[family]
    rules = json.loads(_run(["ip", "-j", option, "rule", "list"], "") or "[]")
    numbers = {int(rule["table"]) for rule in rules if rule.get("protocol") == str(protocol)}
    return {number: _gateway_of(number, option) for number in numbers}


def _gateway_of(table: int, option: str) -> str:
    try:
        routes = json.loads(_run(["ip", "-j", option, "route", "show", "table", str(table)], "") or "[]")
    except LinkError:  # a table that has never had a route is none
        return ""
    return routes[0]["gateway"] if routes else ""


def check_sources(families: Iterable[IPFamily]) -> None:
    """Let no Pod of the caller's network namespace, a node's, send from an address that is not its own, in the families
    in which that takes rules; see ``connect_pod`` for the others.

    Raises:
        LinkError: the kernel refuses them.
    """
    if IPFamily.IPV6 in families:
        run_nft(STRICT_SOURCES)


def connect_pod(link: PodLink) -> None:
    """Move the caller from its node's network namespace into a new one of its own, connected to the node by a link that
    carries what the node's own does.

    Raises:
        LinkError: there is something with that name or address already.
    """
    namespace = new_namespace(family_of(ip) for ip in link.pod_ips)
    run_ip(attach_commands(link, namespace, _mtu_of("eth0")), inherited=[namespace])
    (_SYSCTLS / f"ipv4/conf/{link.name}/rp_filter").write_text("1")  # strict: see STRICT_SOURCES
    enter(namespace)
    os.close(namespace)
    run_ip(pod_commands(link))


def detach(link_name: str) -> None:
    """Take a Pod's link away, with its routes; nothing when it has gone already."""
    try:
        run_ip([f"link del {link_name}"])
    except LinkError:
        if link_name in link_names():
            raise


def _mtu_of(interface: str) -> int:
    """What a link of the caller's network namespace carries, in octets; the usual where there is no such link."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            answer = fcntl.ioctl(any_socket, _SIOCGIFMTU, struct.pack("16si20x", interface.encode(), 0))
        except OSError:
            return USUAL_MTU
    return int(struct.unpack_from("16si", answer)[1])


def link_names() -> list[str]:
    """Names of the links in the caller's network namespace."""
    with open("/proc/self/net/dev") as file:
        return [line.partition(":")[0].strip() for line in file.readlines()[2:]]


def new_namespace(families: Iterable[IPFamily]) -> int:
    """A file descriptor that keeps a new network namespace alive; the caller stays where it is."""
    here = current_namespace()
    try:
        unshare(CLONE_NEWNET)
        prepare_namespace(families)
        made = current_namespace()
        setns(here, CLONE_NEWNET)
    finally:
        os.close(here)
    return made


def prepare_namespace(families: Iterable[IPFamily]) -> None:
    """Set what is to be set in the caller's network namespace, which has no links yet."""
    for family in families:
        for path, value in PLANS[family].settings.items():
            (_SYSCTLS / path).write_text(value)


def current_namespace() -> int:
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def enter(namespace: int) -> None:
    """Move the calling process into a network namespace."""
    setns(namespace, CLONE_NEWNET)


def socket_in(process: int, family: socket.AddressFamily) -> socket.socket:
    """A TCP socket that belongs to the network namespace of a process (its pidfd); the caller stays where it is."""
    here = current_namespace()
    try:
        setns(process, CLONE_NEWNET)
        try:
            return socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        finally:
            setns(here, CLONE_NEWNET)
    finally:
        os.close(here)


def enable_forwarding(families: Families) -> None:
    """Let the caller's network namespace pass packets on."""
    for family in families:
        (_SYSCTLS / PLANS[family].forwarding).write_text("1")


def spread_by_ports(families: Families) -> None:
    """Have addresses and ports choose among equal routes in the caller's network namespace, not addresses alone."""
    for family in families:
        (_SYSCTLS / balancing.SETTINGS[family]).write_text(balancing.BY_PORTS)


def send_no_redirects() -> None:
    """Have the caller's network namespace not tell those whose packets it passes on of a shorter way.

    Over the wire there is none, and a client that is led past a node misses that node's refusal. IPv6 redirects only to
    link-local routers (RFC 4861 section 8.1), and ways here lead by other addresses.
    """
    for setting in (_SYSCTLS / "ipv4/conf").glob("*/send_redirects"):
        setting.write_text("0")
