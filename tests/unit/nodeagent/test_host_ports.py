"""Ports of a node that lead to its Pods, as rules."""

import pytest

from fairlead.model.addresses import IPFamily
from fairlead.model.decode import decode
from fairlead.netfilter.nft_text import render_table
from fairlead.netfilter.ruleset import Target
from fairlead.nodeagent.host_ports import HostPortForward, forwards, pod_egress, table_name, table_of
from fairlead.nodeagent.manifest import RunPod


def pod(*ports, **spec):
    spec = {"containers": [{"name": "c", "ports": list(ports)}], **spec}
    return decode(RunPod, {"metadata": {"name": "web", "namespace": "shop"}, "spec": spec})


HTTP = {"containerPort": 80, "hostPort": 8080}
DNS = {"containerPort": 53, "hostPort": 53, "protocol": "UDP", "hostIP": "192.0.2.1"}


def test_a_port_without_a_host_port_leads_nowhere():
    made = pod({"containerPort": 80}, HTTP, DNS)
    assert forwards(made, ["10.244.1.7"]) == (
        HostPortForward(made.key, "", "tcp", 8080, Target("10.244.1.7", 80)),
        HostPortForward(made.key, "192.0.2.1", "udp", 53, Target("10.244.1.7", 53)),
    )


def test_every_address_may_be_written_out():
    (found,) = forwards(pod({**HTTP, "hostIP": "0.0.0.0"}), ["10.244.1.7"])
    assert found.address == ""


BOTH = ("10.244.1.7", "fd00:10:244:1::7")


@pytest.mark.parametrize(
    ("host_ip", "targets"),
    [
        ("", BOTH),
        ("0.0.0.0", BOTH[:1]),
        ("::", BOTH[1:]),
        ("192.0.2.1", BOTH[:1]),
        ("2001:db8::1", BOTH[1:]),
    ],
)
def test_the_family_of_host_ip_counts(host_ip, targets):
    found = forwards(pod({**HTTP, "hostIP": host_ip}), BOTH)
    assert tuple(forward.target.address for forward in found) == targets


def test_a_pod_in_its_node_s_network_listens_there_itself():
    assert forwards(pod({"containerPort": 80, "hostPort": 80}, hostNetwork=True), ["192.0.2.7"]) == ()


def test_the_rules():
    text = render_table(table_name(IPFamily.IPV4), table_of(forwards(pod(HTTP, DNS), ["10.244.1.7"])))
    for line in (
        "fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto tcp th dport 8080",
        "dnat to 10.244.1.7:80",
        "ip daddr 192.0.2.1 meta l4proto udp th dport 53",
        "ct status dnat ip saddr 10.244.1.7 ip daddr 10.244.1.7 masquerade",
    ):
        assert line in text, text


def test_the_rules_of_ipv6():
    text = render_table(table_name(IPFamily.IPV6), table_of(forwards(pod(HTTP), ["fd00::7"])))
    assert "fib daddr type local ip6 daddr != ::1 meta l4proto tcp th dport 8080" in text
    assert "dnat to [fd00::7]:80" in text


def test_rules_do_not_depend_on_the_order_of_pods():
    found = forwards(pod(HTTP, DNS), ["10.244.1.7"])
    assert table_of(found) == table_of(reversed(found))


def test_only_what_pods_send_to_the_world_outside_is_masqueraded():
    inside = ("10.244.0.0/16", "10.96.0.0/16", "fd00:10:244::/48")
    text = render_table(table_name(IPFamily.IPV4), table_of((), pod_egress("10.244.1.0/24", inside)))
    assert "ip saddr 10.244.1.0/24 ip daddr != { 10.96.0.0/16, 10.244.0.0/16 } masquerade" in text
    text = render_table(table_name(IPFamily.IPV6), table_of((), pod_egress("fd00:10:244:1::/64", inside)))
    assert "ip6 saddr fd00:10:244:1::/64 ip6 daddr != fd00:10:244::/48 masquerade" in text
    assert table_of((), pod_egress("10.244.1.0/24", ())) == table_of(())
