"""Counts which rules of a node a request from outside passes.

Usage: ``python -m examples.nodeport_rules.count LAB NODE ADDRESS``.

iptables counts packets itself. nft's rules here have no counters, so the kernel is asked to trace what is sent to the
node port (nft(8), "monitor trace"), and the rules that the trace names are counted.
"""

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping

from examples.lab import FAIRLEAD, fairlead

PORT = 30080
TABLE = "nodeport-rules-trace"
TRACE = f"""
table ip {TABLE} {{
    chain requests {{ type filter hook prerouting priority -300; tcp dport {PORT} meta nftrace set 1; }}
}}
"""
_PASSED = re.compile(r"^trace id \S+ ip fairlead (\S+) rule (.*) \(verdict .*\)$", re.MULTILINE)
_COUNTED = re.compile(r"^\[(\d+):\d+\] -A (KUBE-\S+) (.*)$", re.MULTILINE)

Rule = tuple[str, str]  # chain, text
SECONDS_OF_TRACE = 1.0  # after the reply: the trace is written as the packets pass


def main() -> None:
    lab, node, address = sys.argv[1:]
    on_node = (FAIRLEAD, "exec", "--name", lab, "--node", node, "--")
    has_nft = "table ip fairlead\n" in _output(*on_node, "nft", "list", "tables")
    before, after = _traced(lab, on_node, address) if has_nft else _counted(lab, on_node, address)
    width = max((len(chain) for chain, _ in after), default=0)
    for rule, packets in after.items():
        chain, text = rule
        print(f"{before.get(rule, 0)} -> {packets}  {chain:<{width}}  {text}")


def _request(lab: str, address: str) -> None:
    """One connection: what it says is not of interest here."""
    _output(FAIRLEAD, "run", "--name", lab, "--outside", "--", "curl", "-s", "-m", "5", f"http://{address}:{PORT}/")


def _counted(lab: str, on_node: tuple[str, ...], address: str) -> tuple[Mapping[Rule, int], Mapping[Rule, int]]:
    """kube-proxy's rules and their counters, before a request and after it: those that packets have passed since."""
    before = _counters(_output(*on_node, "iptables-save", "-c"))
    _request(lab, address)
    after = _counters(_output(*on_node, "iptables-save", "-c"))
    of_service = {chain for chain, text in after if "default/web" in text}
    shown = {r: n for r, n in after.items() if r[0] in of_service or n > before.get(r, 0)}
    return dict.fromkeys(shown, 0), {rule: packets - before.get(rule, 0) for rule, packets in shown.items()}


def _counters(saved: str) -> dict[Rule, int]:
    return {(chain, text): int(packets) for packets, chain, text in _COUNTED.findall(saved)}


def _traced(lab: str, on_node: tuple[str, ...], address: str) -> tuple[Mapping[Rule, int], Mapping[Rule, int]]:
    """The rules that the trace of a request names, in the order in which it came to them; before it there is none."""
    subprocess.run([*on_node, "nft", "-f", "-"], input=TRACE, text=True, check=True)
    monitor = subprocess.Popen([*on_node, "nft", "monitor", "trace"], stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(SECONDS_OF_TRACE)
        _request(lab, address)
        time.sleep(SECONDS_OF_TRACE)
    finally:
        monitor.terminate()
        trace, _ = monitor.communicate()
        fairlead(*on_node[1:], "nft", "delete", "table", "ip", TABLE)
    return {}, Counter(_PASSED.findall(trace))


def _output(*command: str) -> str:
    return subprocess.run(command, text=True, check=False, capture_output=True).stdout


if __name__ == "__main__":
    main()
