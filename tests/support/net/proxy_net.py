"""A node with rules of either back end, and everybody who connects to it or through it: one lab for each module."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from fairlead.dataplane import iptables_rules, nft_rules, nft_skeleton
from fairlead.dataplane.forwarding import plan_service
from fairlead.dataplane.incremental import build
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.iptables_text import render_restore
from fairlead.netfilter.nft_text import render_table
from fairlead.trace.contract import Rules
from fairlead.trace.packet import DROPPED, REJECTED, Outcome, PacketFate
from tests.support.net.netlab import Net
from tests.support.proxy_flows import BLOCKED, NODE, NODE2, OTHER_NODE, OTHER_POD, OUTSIDE, POD, POD_LINK, in_ipv6

ENDPOINTS_HERE = [f"10.180.0.{number}" for number in range(1, 5)]
ENDPOINTS_THERE = [f"10.180.0.{number}" for number in range(5, 8)]
ROUTER = "198.51.100.1"
SERVED = [("tcp", 80), ("tcp", 5353), ("tcp", 8443), ("udp", 53), ("tcp", 8080), ("sctp", 53)]
QUICK, PATIENT = 0.15, 30.0  # seconds after which an unanswered packet counts as dropped; a round trip takes 0.001


def pair(*addresses):
    """Each address, and its IPv6 twin."""
    return [*addresses, *map(in_ipv6, addresses)]


OWN = pair(NODE, NODE2)
AT_OTHER_NODE = pair(*ENDPOINTS_THERE, OTHER_POD, OTHER_NODE)  # reach each other without coming by this node


@pytest.fixture(scope="module")
def net():
    net = Net(OWN)
    other_node = net.add_node(*pair(OTHER_NODE))
    net.node.call("write", path="/proc/sys/net/ipv4/conf/all/route_localnet", text="1")  # as flow 27 needs it
    net.add_host(*pair(POD), link=POD_LINK)
    for address in (*ENDPOINTS_HERE, OUTSIDE, BLOCKED):
        net.add_host(*pair(address))
    for address in (*ENDPOINTS_THERE, OTHER_POD):
        net.add_host(*pair(address), behind=other_node)
    for address in pair(*ENDPOINTS_HERE, *ENDPOINTS_THERE):
        net.hosts[address].call("serve", address=address, ports=SERVED)
    net.add_router(*pair(ROUTER))
    yield net
    net.close()


def nft_table(world):
    return build(world.snapshot, world.view, nft_skeleton.skeleton(world.view), nft_rules.service_part)[0]


def load_nft(net, world):
    net.node.run("nft", "-f", "-", text=render_table(nft_skeleton.table_name(world.family), nft_table(world)))


def load_iptables(net, world):
    keys = sorted(world.snapshot.services)
    parts = (iptables_rules.contribute(plan_service(world.snapshot, key, world.view), world.view) for key in keys)
    program = "iptables-restore" if world.family is IPFamily.IPV4 else "ip6tables-restore"
    net.node.run(program, "--noflush", text=render_restore(iptables_rules.assemble(parts, world.view)))


class BackEnd(NamedTuple):
    """Rules of one kind, and what brings them into a kernel."""

    rules: Rules
    load: Callable[[Net, Any], None]

    def __str__(self) -> str:
        return self.rules.value


BACK_ENDS = [BackEnd(Rules.NFT, load_nft), BackEnd(Rules.IPTABLES, load_iptables)]
both_back_ends = pytest.mark.parametrize(("rules", "load"), BACK_ENDS, ids=lambda v: getattr(v, "value", ""))


def outcome(flow, result):
    if isinstance(result, str):
        return {
            "dropped": DROPPED,
            "rejected": REJECTED,
            "unanswered": Outcome(PacketFate.ACCEPT, flow.destination, flow.port),
        }[result]
    (address, port), seen, asking = result
    # A masquerade to the sender's own address still shows: the port is a random one then.
    return Outcome(PacketFate.ACCEPT, address, port, seen != asking)


def install(net, world, load):
    """Nothing but these rules in the kernel, and no connection that others have translated."""
    net.node.run("conntrack", "-F")
    net.node.run("nft", "flush", "ruleset")
    if world.is_closed:
        program = "iptables" if world.family is IPFamily.IPV4 else "ip6tables"
        net.node.run(program, "-A", "INPUT", "-m", "conntrack", "--ctstate", "NEW", "-j", "DROP")
    load(net, world)


def probe(net, flow, count, seconds=PATIENT):
    """What became of a number of connections, as ``netlab.probe`` says it."""
    fields = {name: getattr(flow, name) for name in ("source", "destination", "port", "protocol")}
    return net.sender(flow.source).call("probe", **fields, count=count, seconds=seconds)


def observed(net, flow, load, count):
    """The set of what became of a number of connections."""
    extra = [address for address in flow.world.own_addresses if address not in OWN]
    for address in extra:
        net.add_address(address)
    install(net, flow.world, load)
    found = probe(net, flow, count, QUICK)
    if "dropped" in found and DROPPED not in (flow.expected or ()):
        found = probe(net, flow, count)  # a busy machine, or the kernel's limit of ICMP errors
    if is_of_two_minds({outcome(flow, result) for result in found}):
        found = probe(net, flow, count)  # a random port is the sender's own by chance, once in 64,512 times
    for address in extra:
        net.remove_address(address)
    return {outcome(flow, result) for result in found}


def is_of_two_minds(outcomes):
    """Whether connections to one endpoint were masqueraded and were not."""
    return any(replace(seen, is_masqueraded=not seen.is_masqueraded) in outcomes for seen in outcomes)
