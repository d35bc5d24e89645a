"""Every transaction is one that the kernel accepts, and leads to what a fresh start would have made."""

import sys
from collections import Counter

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fairlead.dataplane import iptables_rules, nft_rules, nft_skeleton
from fairlead.dataplane.balancing import BALANCING_ANNOTATION, WEIGHTS_ANNOTATION
from fairlead.dataplane.forwarding import plan_service
from fairlead.dataplane.incremental import advance, build
from fairlead.dataplane.node_view import DetectLocal, NodeSettings, view_node
from fairlead.drivers.proxy.nft import PART
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.iptables_saved import saved_rule, without_what_is_there
from fairlead.netfilter.iptables_text import parse_save, render_difference, render_restore
from fairlead.netfilter.nft_listing import listing_of, read_listing, takeover
from fairlead.netfilter.nft_text import render_table, render_transaction
from fairlead.netfilter.ruleset import Table
from fairlead.netfilter.transaction import diff
from tests.support.full import some_of
from tests.support.net.netlab import Worker
from tests.support.proxy_objects import endpoint, endpoint_slice, node, service, snapshot
from tests.unit.dataplane.test_incremental import changed_by, changes, many_services

NAME = nft_skeleton.table_name(IPFamily.IPV4)
SETTINGS = [
    NodeSettings(cluster_cidrs=("10.0.0.0/8",), service_cidrs=("10.96.0.0/16",)),
    NodeSettings(masquerade_all=True, node_port_addresses=(), resets_connections=True),
]


def view(chosen):
    return view_node(chosen, "here", node(), ("192.168.0.2",), IPFamily.IPV4)


@pytest.fixture(scope="module")
def kernel():
    worker = Worker(["unshare", "-rn"])
    yield worker
    worker.close()


def made(state, seen):
    return build(state, seen, nft_skeleton.skeleton(seen), nft_rules.service_part)


def carry_out(kernel, transaction):
    kernel.run("nft", "-f", "-", text=render_transaction(NAME, transaction))


def put(kernel, name, table):
    """Replace whatever is there, in steps that a socket of a user namespace can hold."""
    empty = Table(table.chains, table.sets)
    kernel.run("nft", "-f", "-", text=f"flush ruleset\n{render_table(name, empty)}")
    elements = diff(empty, table)
    for start in range(0, len(elements), PART):
        kernel.run("nft", "-f", "-", text=render_transaction(name, elements[start : start + PART]))


def listed(kernel):
    return read_listing(kernel.run("nft", "-y", "list", "table", "ip", NAME.name))


@given(st.sampled_from(SETTINGS), changes, changes)
@settings(max_examples=some_of(30, 60), derandomize=True, phases=[Phase.generate], database=None)
def test_step_by_step_the_kernel_has_what_a_fresh_start_makes(kernel, chosen, before, after):
    seen, state = view(chosen), snapshot(*(object_ for _, object_ in before))
    table, applied = made(state, seen)
    put(kernel, NAME, table)
    for is_put, object_ in after:
        state = state.with_object(object_) if is_put else state.without_object(object_)
        transaction, applied, *_ = advance(applied, state, {changed_by(object_)}, nft_rules.service_part)
        carry_out(kernel, transaction)
    fresh, _ = made(state, seen)
    assert listed(kernel) == listing_of(fresh, IPFamily.IPV4)
    assert takeover(listed(kernel), fresh, IPFamily.IPV4) == ()


@given(st.sampled_from(SETTINGS), changes, changes)
@settings(max_examples=some_of(30, 60), derandomize=True, phases=[Phase.generate], database=None)
def test_whatever_table_is_found_becomes_the_wanted_one(kernel, chosen, before, after):
    old, _ = made(snapshot(*(object_ for _, object_ in before)), view(SETTINGS[0]))
    new, _ = made(snapshot(*(object_ for _, object_ in after)), view(chosen))
    put(kernel, NAME, old)
    carry_out(kernel, takeover(listed(kernel), new, IPFamily.IPV4))
    assert listed(kernel) == listing_of(new, IPFamily.IPV4)


RANGES = ["203.0.113.0/24", "10.1.0.0/16", "10.0.0.0/8", "1.2.3.4/32", "fd00:9::/64", "fd00:8::1/128"]


def everything(family, timeout, **annotations):
    """A Service that asks for all there is."""
    vip, lb, external, *pods = (
        ("10.96.0.10", "1.2.3.4", "1.1.1.1", "10.0.0.1", "10.0.0.2")
        if family is IPFamily.IPV4
        else ("fd01::10", "fd02::4", "fd02::1", "fd03::1", "fd03::2")
    )
    affinity = {
        "sessionAffinity": "ClientIP",
        "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": timeout}},
    }
    ports = (("http", 80, "TCP", 30080), ("dns", 53, "UDP", 30053), ("sctp", 99, "SCTP"))
    web = service(
        ip=vip,
        ports=ports,
        type="LoadBalancer",
        externalIPs=[external],
        status={"loadBalancer": {"ingress": [{"ip": lb}]}},
        loadBalancerSourceRanges=RANGES,
        externalTrafficPolicy="Local",
        annotations=annotations,
        **(affinity if timeout else {}),
    )
    ends = [endpoint(pods[0]), endpoint(pods[1], "there")]
    served = [(name, port, protocol) for name, port, protocol, *_ in ports]
    return snapshot(web, endpoint_slice(ends, ports=served, family=family.value))


EVERYTHING = [
    (IPFamily.IPV4, 0, {}, NodeSettings(detect_local=DetectLocal.INTERFACE_NAME_PREFIX, interface_name_prefix="pod")),
    (IPFamily.IPV4, 1, {}, NodeSettings(detect_local=DetectLocal.BRIDGE_INTERFACE, bridge_interface="br0")),
    (IPFamily.IPV4, 90061, {}, NodeSettings(detect_local=DetectLocal.NODE_CIDR, masquerade_bit=30)),
    (IPFamily.IPV4, 0, {BALANCING_ANNOTATION: "source-hash"}, NodeSettings(masquerade_bit=0)),
    (IPFamily.IPV4, 10800, {WEIGHTS_ANNOTATION: "10.0.0.1=3"}, NodeSettings(node_port_addresses=("192.0.0.0/8",))),
    (IPFamily.IPV6, 0, {BALANCING_ANNOTATION: "source-hash"}, NodeSettings(cluster_cidrs=("fd03::/64",))),
    (IPFamily.IPV6, 10800, {}, NodeSettings(service_cidrs=("fd01::/112",), node_port_addresses=())),
]


@pytest.mark.parametrize(("family", "timeout", "annotations", "chosen"), EVERYTHING)
def test_nft_lists_rules_as_they_are_written(kernel, family, timeout, annotations, chosen):
    """So that a table can be taken over by comparing text."""
    seen = view_node(chosen, "here", node(ips=("192.168.0.2", "fd00::2")), ("192.168.0.2", "fd00::2"), family)
    table, _ = made(everything(family, timeout, **annotations), seen)
    name = nft_skeleton.table_name(family)
    put(kernel, name, table)
    word = "ip" if family is IPFamily.IPV4 else "ip6"
    found = read_listing(kernel.run("nft", "-y", "list", "table", word, name.name))
    should = listing_of(table, family)
    assert (found.chains, found.sets) == (should.chains, should.sets)
    assert found.elements == should.elements


def iptables_tables(state, seen):
    parts = (iptables_rules.contribute(plan_service(state, key, seen), seen) for key in sorted(state.services))
    return iptables_rules.assemble(parts, seen)


def saved_rules(kernel):
    """What iptables-save lists, the rules of each chain in their order; which chain comes first does not matter."""
    lines = [line.partition(" [")[0] for line in kernel.run("iptables-save").splitlines() if line[0] in "*:-"]
    return sorted(lines, key=lambda line: line.split()[1] if line[0] == "-" else line)


@given(st.sampled_from(SETTINGS), changes, changes)
@settings(max_examples=some_of(15, 30), derandomize=True, phases=[Phase.generate], database=None)
def test_step_by_step_iptables_has_what_a_fresh_start_makes(kernel, chosen, before, after):
    seen, state = view(chosen), snapshot(*(object_ for _, object_ in before))
    tables = iptables_tables(state, seen)
    kernel.run("nft", "flush", "ruleset")
    kernel.run("iptables-restore", "--noflush", text=render_restore(tables))
    for is_put, object_ in after:
        state = state.with_object(object_) if is_put else state.without_object(object_)
        old, tables = tables, iptables_tables(state, seen)
        kernel.run("iptables-restore", "--noflush", text=render_difference(old, tables))
    stepped = saved_rules(kernel)
    kernel.run("nft", "flush", "ruleset")
    kernel.run("iptables-restore", "--noflush", text=render_restore(tables))
    assert stepped == saved_rules(kernel)


RESTORE = """
import asyncio, sys
from fairlead.drivers.proxy.iptables import restore
from fairlead.model.addresses import IPFamily
asyncio.run(restore(IPFamily.IPV4, sys.stdin.read()))
"""


def test_more_iptables_rules_than_a_socket_holds_here_are_put_in_place_in_parts(kernel):
    state, seen = many_services(200), view(SETTINGS[0])
    text = render_restore(iptables_tables(state, seen))
    kernel.run("nft", "flush", "ruleset")
    kernel.run(sys.executable, "-c", RESTORE, text=text)
    saved = kernel.run("iptables-save")
    assert rules_by_chain(saved) == rules_by_chain(text)
    assert saved.count(" -j KUBE-SERVICES") == 4  # the jumps of built-in chains, once


def rules_by_chain(text):
    """How many rules each chain of ours has, in the text of iptables-save or iptables-restore."""
    return Counter(line.split()[1] for line in text.splitlines() if line.startswith("-A KUBE"))


@pytest.mark.parametrize(("family", "timeout", "annotations", "chosen"), EVERYTHING)
def test_iptables_saves_rules_as_they_are_expected(kernel, family, timeout, annotations, chosen):
    """So that chains that are there already need not be sent."""
    localhost = msgspec.structs.replace(chosen, localhost_node_ports=True)
    seen = view_node(localhost, "here", node(ips=("192.168.0.2", "fd00::2")), ("192.168.0.2", "fd00::2"), family)
    state = everything(family, timeout, **annotations).with_object(service("idle", "10.96.0.99"))
    parts = [iptables_rules.contribute(plan_service(state, key, seen), seen) for key in sorted(state.services)]
    tables = iptables_rules.assemble(parts, seen)
    program = "iptables" if family is IPFamily.IPV4 else "ip6tables"
    kernel.run("nft", "flush", "ruleset")
    kernel.run(f"{program}-restore", "--noflush", text=render_restore(tables))
    saved = parse_save(kernel.run(f"{program}-save"))
    expected = {
        (table, name): tuple(saved_rule(rule, family) for rule in chain.rules)
        for table, content in tables
        for name, chain in content.chains.items()
        if chain.rules
    }
    assert saved.rules == expected
    assert render_restore(without_what_is_there(tables, saved, family), (), saved.jumps) == ""
