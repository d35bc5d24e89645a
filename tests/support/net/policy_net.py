"""Puts the policies of a world into the kernel of a node, beside the rules of its Services."""

from fairlead.model.addresses import IPFamily
from fairlead.netfilter.ipset_text import replacing
from fairlead.netfilter.iptables_text import render_restore
from fairlead.netfilter.nft_text import render_table
from fairlead.netpolicy.census import Census
from fairlead.netpolicy.enforcement import build
from fairlead.netpolicy.iptables_rules import SECURITY, IptablesPolicies
from fairlead.netpolicy.nft_rules import NftPolicies, table_name
from fairlead.trace.contract import Rules
from tests.support.labs import eventually
from tests.support.net.proxy_net import load_iptables, load_nft


def policy_table(world, backend):
    census = Census.of(world.pods, world.namespaces, world.policies)
    return build(census, "here", backend(world.family))[0]


def ipset(worker, *arguments, text=""):
    """Run ipset until it finds no set in use: the kernel lets go of one a moment after its last rule was deleted."""
    options = []

    def is_done():
        try:
            worker.run("ipset", *options, *arguments, text=text)
        except RuntimeError as error:
            if "in use" not in str(error):
                raise
            options[:] = ["-exist"]  # what came before that set has been carried out
            return False
        return True

    eventually(is_done, 30)


def load_nft_policies(net, world):
    load_nft(net, world)
    table = policy_table(world, NftPolicies)
    net.node.run("nft", "-f", "-", text=render_table(table_name(world.family), table))


def load_iptables_policies(net, world):
    load_iptables(net, world)
    table = policy_table(world, IptablesPolicies)
    ipset(net.node, "destroy")  # those of the world before, which no rule asks any more
    net.node.run("ipset", "restore", text=replacing({}, table, world.family).before)
    program = "iptables-restore" if world.family is IPFamily.IPV4 else "ip6tables-restore"
    net.node.run(program, "--noflush", text=render_restore([(SECURITY, table)]))


LOADS = {Rules.NFT: load_nft_policies, Rules.IPTABLES: load_iptables_policies}
