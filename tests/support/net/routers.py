"""Routers that speak BGP, run in the world outside of a lab: BIRD and FRR as Debian has them.

Both take sessions from the nodes alone, and put what they learn into the kernel with all next hops.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.labs import Lab, eventually
from tests.support.net.outsiders import outside

ASN, NODES_ASN = 64513, 64512
PASSWORD = "open-sesame"
HOLD = 240  # seconds; more than nodes offer
FRR = Path("/usr/lib/frr")

_BIRD = """
log stderr all;
router id 203.0.113.10;
protocol device {{ }}
protocol static {{ ipv4; route 192.168.64.0/24 via "eth0"; }}
protocol static {{ ipv6; route fd00:192:168:64::/64 via "eth0"; }}
protocol kernel {{ merge paths yes; ipv4 {{ import none; export where source = RTS_BGP; }}; }}
protocol kernel {{ merge paths yes; ipv6 {{ import none; export where source = RTS_BGP; }}; }}
protocol bgp {{
  local as {asn};
  neighbor range 192.168.64.0/24 as {nodes};
  multihop;
  passive;
  password "{password}";
  hold time {hold};
  ipv4 {{ import all; export none; }};
  ipv6 {{ import all; export none; }};
}}
"""

_FRR = """
router bgp {asn}
 bgp router-id 203.0.113.10
 no bgp ebgp-requires-policy
 neighbor nodes peer-group
 neighbor nodes remote-as {nodes}
 neighbor nodes password {password}
 neighbor nodes timers {keepalive} {hold}
 neighbor nodes passive
 neighbor nodes disable-connected-check
 bgp listen range 192.168.64.0/24 peer-group nodes
 address-family ipv4 unicast
  maximum-paths 16
 exit-address-family
 address-family ipv6 unicast
  neighbor nodes activate
  maximum-paths 16
 exit-address-family
"""


class Router:
    """A router of a lab, started and stopped at will.

    Args:
        make: ``bird`` or ``frr``. FRR becomes a user of its own, which takes root.

    Attributes:
        hold: the hold time that it offers now, in seconds.
    """

    hold = 0

    def __init__(self, lab: Lab, make: str) -> None:
        self._lab, self._make = lab, make
        self._folder = Path(tempfile.mkdtemp(prefix="router-", dir="/var/tmp"))
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, password: str = PASSWORD, nodes: int = NODES_ASN, hold: int = HOLD) -> None:
        """Start with this configuration."""
        self.hold = hold
        template = {"bird": _BIRD, "frr": _FRR}[self._make]
        values = {"asn": ASN, "nodes": nodes, "password": password, "hold": hold, "keepalive": hold // 3}
        (self._folder / "router.conf").write_text(template.format(**values))
        (self._folder / "zebra.conf").touch()
        if self._make == "frr":
            for path in (self._folder, *self._folder.iterdir()):
                shutil.chown(path, "frr", "frr")
        self._folder.chmod(0o777)
        for command in self._commands():
            self._run(command)
        eventually(self._has_pids)  # ``kill`` goes by them

    def _has_pids(self) -> bool:
        return sum(bool(path.read_text().strip()) for path in self._folder.glob("*.pid")) == len(self._running)

    def _run(self, command: list[str]) -> None:
        run = self._lab.command("run", "--name", self._lab.name, "--outside", "--", *command)
        with (self._folder / "log").open("ab") as log:
            started = subprocess.Popen(run, env=self._lab.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._running.append(started)
        if command[0].endswith("zebra"):
            eventually((self._folder / "zserv.api").exists)

    def _commands(self) -> list[list[str]]:
        place = str(self._folder)
        if self._make == "bird":
            return [["bird", "-f", "-c", f"{place}/router.conf", "-s", f"{place}/bird.ctl", "-P", f"{place}/bird.pid"]]
        common = ["--vty_socket", place, "-z", f"{place}/zserv.api", "-A", "127.0.0.1", "-P", "0", "--log", "stdout"]
        return [
            [f"{FRR}/zebra", "-f", f"{place}/zebra.conf", "-i", f"{place}/zebra.pid", *common],
            [f"{FRR}/bgpd", "-f", f"{place}/router.conf", "-i", f"{place}/bgpd.pid", *common],
        ]

    def sessions(self) -> int:
        """How many are established, by the router's own account."""
        if self._make == "bird":
            shown = outside(self._lab, "birdc", "-s", f"{self._folder}/bird.ctl", "show", "protocols")
            return shown.count("Established")
        shown = outside(self._lab, "vtysh", "--vty_socket", str(self._folder), "-c", "show bgp neighbors")
        return shown.count("BGP state = Established")

    def told(self) -> str:
        """What the router has logged."""
        return (self._folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        """As a power cut: nobody is told."""
        for path in self._folder.glob("*.pid"):
            outside(self._lab, "kill", "-KILL", path.read_text().strip())
            path.unlink()
        (self._folder / "zserv.api").unlink(missing_ok=True)
        for process in self._running:
            process.wait(timeout=60)
        self._running.clear()

    def close(self) -> None:
        """Stop, and remove its folder and its routes."""
        self.kill()
        for family in ("-4", "-6"):
            outside(self._lab, "ip", family, "route", "flush", "proto", {"bird": "bird", "frr": "bgp"}[self._make])
        shutil.rmtree(self._folder)
