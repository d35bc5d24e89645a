"""kube-proxy's chains: names, comments and order, as in ``iptables-save``."""

import pytest

from fairlead.dataplane.forwarding import plan_service
from fairlead.dataplane.iptables_rules import assemble, contribute, endpoint_chain, service_chain
from fairlead.dataplane.node_view import NodeSettings, view_node
from fairlead.dataplane.service_ports import ServicePortName
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.netfilter.iptables_text import parse_save, render_restore
from fairlead.netfilter.ruleset import Target
from tests.support.proxy_objects import endpoint, endpoint_slice, node, service, snapshot


def view(**settings):
    return view_node(NodeSettings(cluster_cidrs=("10.0.0.0/8",), **settings), "here", node(), (), IPFamily.IPV4)


VIEW = view()


def test_hashes_are_those_of_kube_proxy():
    name = ServicePortName(ObjectKey("ns1", "svc1"), "p80", "TCP")
    assert service_chain("KUBE-SVC", name) == "KUBE-SVC-XPGD46QRK7WJZT7O"
    assert endpoint_chain(name, Target("10.180.0.1", 80)) == "KUBE-SEP-SXIVWICOYRO3J4NJ"


def tables(*objects, view=VIEW):
    state = snapshot(*objects)
    return assemble((contribute(plan_service(state, key, view), view) for key in sorted(state.services)), view)


def rules_of(chain, *objects, view=VIEW):
    return [line for line in render_restore(tables(*objects, view=view)).splitlines() if chain in line.split()]


WEB = (
    service(
        "web",
        "10.96.0.10",
        (("http", 80, "TCP", 30080),),
        type="LoadBalancer",
        externalTrafficPolicy="Local",
        healthCheckNodePort=30500,
        loadBalancerSourceRanges=["203.0.113.0/25"],
        status={"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
        sessionAffinity="ClientIP",
    ),
    endpoint_slice([endpoint("10.0.0.1"), endpoint("10.0.0.2", "there")]),
)

EXPECTED = """\
*filter
:KUBE-SERVICES - [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
-A KUBE-NODEPORTS -m comment --comment "ns/web:http health check node port" -m tcp -p tcp --dport 30500 -j ACCEPT
-A KUBE-PROXY-FIREWALL -m comment --comment "ns/web:http traffic not accepted by FW" -m tcp -p tcp -d 1.2.3.4 --dport 80 -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-POSTROUTING - [0:0]
:EXT - [0:0]
:FW - [0:0]
:SVC - [0:0]
:SVL - [0:0]
:SEP1 - [0:0]
:SEP2 - [0:0]
-A KUBE-SERVICES -m comment --comment "ns/web:http cluster IP" -m tcp -p tcp -d 10.96.0.10 --dport 80 -j SVC
-A KUBE-SERVICES -m comment --comment "ns/web:http loadbalancer IP" -m tcp -p tcp -d 1.2.3.4 --dport 80 -j FW
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -d 192.168.0.2 -j KUBE-NODEPORTS
-A KUBE-NODEPORTS -m comment --comment "ns/web:http" -m tcp -p tcp --dport 30080 -j EXT
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A EXT -m comment --comment "pod traffic for ns/web:http external destinations" -s 10.0.0.0/8 -j SVC
-A EXT -m comment --comment "masquerade LOCAL traffic for ns/web:http external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ
-A EXT -m comment --comment "route LOCAL traffic for ns/web:http external destinations" -m addrtype --src-type LOCAL -j SVC
-A EXT -j SVL
-A FW -m comment --comment "ns/web:http loadbalancer IP" -s 203.0.113.0/25 -j EXT
-A FW -m comment --comment "other traffic to ns/web:http will be dropped by KUBE-PROXY-FIREWALL"
-A SVC -m comment --comment "ns/web:http cluster IP" -m tcp -p tcp -d 10.96.0.10 --dport 80 ! -s 10.0.0.0/8 -j KUBE-MARK-MASQ
-A SVC -m comment --comment "ns/web:http -> 10.0.0.1:8080" -m recent --name SEP1 --rcheck --seconds 10800 --reap -j SEP1
-A SVC -m comment --comment "ns/web:http -> 10.0.0.2:8080" -m recent --name SEP2 --rcheck --seconds 10800 --reap -j SEP2
-A SVC -m comment --comment "ns/web:http -> 10.0.0.1:8080" -m statistic --mode random --probability 0.5000000000 -j SEP1
-A SVC -m comment --comment "ns/web:http -> 10.0.0.2:8080" -j SEP2
-A SVL -m comment --comment "ns/web:http -> 10.0.0.1:8080" -m recent --name SEP1 --rcheck --seconds 10800 --reap -j SEP1
-A SVL -m comment --comment "ns/web:http -> 10.0.0.1:8080" -j SEP1
-A SEP1 -m comment --comment "ns/web:http" -s 10.0.0.1 -j KUBE-MARK-MASQ
-A SEP1 -m comment --comment "ns/web:http" -m tcp -p tcp -m recent --name SEP1 --set -j DNAT --to-destination 10.0.0.1:8080
-A SEP2 -m comment --comment "ns/web:http" -s 10.0.0.2 -j KUBE-MARK-MASQ
-A SEP2 -m comment --comment "ns/web:http" -m tcp -p tcp -m recent --name SEP2 --set -j DNAT --to-destination 10.0.0.2:8080
COMMIT
"""  # noqa: E501 - the rules are as long as they are


def test_a_service_with_everything_reads_as_kube_proxy_writes_it():
    text = render_restore(tables(*WEB), installed=built_in_rules())
    name = ServicePortName(ObjectKey("ns", "web"), "http", "TCP")
    for short in ("EXT", "FW", "SVC", "SVL"):
        text = text.replace(service_chain(f"KUBE-{short}", name), short)
    for number in (1, 2):
        text = text.replace(endpoint_chain(name, Target(f"10.0.0.{number}", 8080)), f"SEP{number}")
    assert text == EXPECTED


def built_in_rules():
    """The jumps of the built-in chains, as they are read back once they have been added."""
    saved = render_restore(tables()).replace("-I ", "-A ")
    return [jump for jump in parse_save(saved).jumps if jump.chain.isupper() and not jump.chain.startswith("KUBE")]


def test_rules_of_built_in_chains_are_added_once():
    assert len(built_in_rules()) == 12
    assert "-I " not in render_restore(tables(), installed=built_in_rules())


def test_every_chain_that_is_jumped_to_is_there_and_every_chain_is_jumped_to():
    for _, table in tables(*WEB, service("none", "10.96.0.11")):
        jumps = {s.chain for c in table.chains.values() for r in c.rules for s in r.statements if hasattr(s, "chain")}
        own = {name for name, chain in table.chains.items() if chain.attachment is None}
        assert jumps == own


def test_how_many_rules_a_service_costs():
    def count(objects):
        return {name: sum(len(c.rules) for c in t.chains.values()) for name, t in tables(*objects)}

    none = count([])
    for number in (1, 3):
        ends = endpoint_slice([endpoint(f"10.0.0.{i}") for i in range(number)])
        with_service = count([service("web", "10.96.0.10"), ends])
        assert with_service["nat"] - none["nat"] == 2 + 3 * number
    without_endpoints = count([service("web", "10.96.0.10")])
    assert without_endpoints["filter"] - none["filter"] == 1


def test_loopback_is_guarded_where_node_ports_answer_on_it():
    assert rules_of("KUBE-FIREWALL", *WEB) == []
    localhost = view(localhost_node_ports=True, node_port_addresses=())
    rule = (
        '-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" '
        "-d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
    )
    jumps = [f"-I {chain} -j KUBE-FIREWALL" for chain in ("INPUT", "OUTPUT")]
    assert rules_of("KUBE-FIREWALL", *WEB, view=localhost) == [*jumps, rule]


REASON = "kubernetes service nodeports; NOTE: this must be the last rule in this chain"
LAST = f'-A KUBE-SERVICES -m comment --comment "{REASON}"'
NODE_PORT_ADDRESSES = [
    ({}, ["-d 192.168.0.2"]),
    ({"node_port_addresses": ()}, ["-m addrtype --dst-type LOCAL ! -d 127.0.0.0/8"]),
    ({"node_port_addresses": (), "localhost_node_ports": True}, ["-m addrtype --dst-type LOCAL"]),
]


@pytest.mark.parametrize(("settings", "matches"), NODE_PORT_ADDRESSES)
def test_node_ports_are_the_last_thing_that_is_looked_at(settings, matches):
    found = rules_of("KUBE-SERVICES", *WEB, view=view(**settings))
    assert found[-len(matches) :] == [f"{LAST} {match} -j KUBE-NODEPORTS" for match in matches]


def test_open_connections_are_reset_only_if_asked():
    resets = [
        rule for rule in rules_of("KUBE-SERVICES", service(), view=view(resets_connections=True)) if "--syn" in rule
    ]
    reason = "ns/web:http has no endpoints: reset what is open"
    rule = (
        f'-A KUBE-SERVICES -m comment --comment "{reason}" -m tcp -p tcp -d 10.96.0.10 --dport 80 '
        "! --syn -j REJECT --reject-with tcp-reset"
    )
    assert resets == [rule]
    assert not any("--syn" in rule for rule in rules_of("KUBE-SERVICES", service()))


def test_invalid_packets_are_dropped_unless_conntrack_is_liberal():
    def own_rules(**settings):
        return [line for line in rules_of("KUBE-FORWARD", view=view(**settings)) if line.startswith("-A KUBE-FORWARD")]

    assert own_rules()[0] == "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP"
    assert own_rules(is_conntrack_liberal=True) == own_rules()[1:]
