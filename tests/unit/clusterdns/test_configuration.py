"""Server blocks as a Corefile writes them: which block answers, separate state of blocks, and common mistakes of
operators."""

import pytest

from fairlead.clusterdns.plugins.cache import Cache
from fairlead.clusterdns.plugins.forward import Forward
from fairlead.clusterdns.plugins.logs import class_of
from fairlead.clusterdns.plugins.scope import HttpPage
from tests.support.corefiles import Asked, World, configured, told

SVC1 = "svc1.testns.svc.cluster.local."
KUBERNETES = "kubernetes cluster.local in-addr.arpa ip6.arpa {\n fallthrough in-addr.arpa ip6.arpa\n }\n"
WORLD = (
    "www.example.com. 60 IN A 93.184.216.34",
    "web.legacy.svc.cluster.local. 60 IN A 192.0.2.80",
    "gone.legacy.svc.cluster.local. 60 IN TXT x",
    "8.8.8.8.in-addr.arpa. 60 IN PTR dns.google.",
    "corp.example. 60 IN A 192.0.2.81",
)


def asked(text, records=WORLD, port=53, **by_server) -> Asked:
    return Asked(configured(text), World(records, **by_server), port=port)


def test_a_block_for_a_zone_below_the_cluster_domain():
    ask = asked(
        f".:53 {{\n {KUBERNETES} forward . 192.0.2.1\n}}\nlegacy.svc.cluster.local:53 {{\n forward . 192.0.2.2\n}}"
    )
    assert ask.told("web.legacy.svc.cluster.local.") == "192.0.2.80"
    assert ask.world.asked == ["192.0.2.2:53 web.legacy.svc.cluster.local. A"]
    assert ask.told(SVC1) == "10.0.0.1"


def test_hosts_inside_the_zone_of_the_cluster_and_their_names():
    inline = "hosts {\n 10.1.1.1 amqp.db.svc.cluster.local registry.lan\n 2001:db8::55 registry.lan\n fallthrough\n }\n"
    ask = asked(f".:53 {{\n {inline} {KUBERNETES} forward . 192.0.2.1\n}}")
    assert ask.told("amqp.db.svc.cluster.local.") == "10.1.1.1"
    assert ask.told("registry.lan.", "AAAA") == "2001:db8::55"
    assert ask.told("1.1.1.10.in-addr.arpa.", "PTR") == "amqp.db.svc.cluster.local., registry.lan."
    assert ask.told(SVC1) == "10.0.0.1"
    assert ask.told("8.8.8.8.in-addr.arpa.", "PTR") == "dns.google."


def test_two_ports():
    text = f".:53 {{\n {KUBERNETES} forward . 192.0.2.1\n}}\n.:5355 {{\n forward . 192.0.2.2\n}}"
    assert asked(text).told(SVC1) == "10.0.0.1"
    other = asked(text, port=5355)
    assert (other.told(SVC1), other.world.asked) == ("NXDOMAIN", [f"192.0.2.2:53 {SVC1} A"])


def test_without_a_cluster_it_is_a_plain_forwarder():
    ask = asked(".:53 {\n forward . 192.0.2.1\n cache 30\n}")
    assert ask.told(SVC1) == "NXDOMAIN"
    assert ask.world.asked == [f"192.0.2.1:53 {SVC1} A"]


def test_a_cluster_in_two_blocks():
    root = ".:53 {\n kubernetes cluster.local in-addr.arpa\n forward . 192.0.2.1\n}"
    ask = asked(f"{root}\nprod.example:53 {{\n kubernetes prod.example\n}}")
    assert ask.told(SVC1) == ask.told("svc1.testns.svc.prod.example.") == "10.0.0.1"
    assert ask.told("1.0.0.10.in-addr.arpa.", "PTR") == SVC1
    assert ask.told("nothing.prod.example.") == "NXDOMAIN"
    assert ask.world.asked == []


def test_each_block_keeps_its_cache_its_forward_and_its_log():
    text = """.:53 {
        forward . 192.0.2.1
        cache 3600
    }
    stub.example:53 {
        cache 1
        forward . 192.0.2.1 {
            force_tcp
        }
        log
    }"""
    root, stub = configured(text).blocks
    (root_forward,) = [plugin for plugin in root.plugins if isinstance(plugin, Forward)]
    (stub_forward,) = [plugin for plugin in stub.plugins if isinstance(plugin, Forward)]
    assert (root_forward.upstream.force_tcp, stub_forward.upstream.force_tcp) == (False, True)
    (root_cache,) = [plugin for plugin in root.plugins if isinstance(plugin, Cache)]
    (stub_cache,) = [plugin for plugin in stub.plugins if isinstance(plugin, Cache)]
    assert (root_cache.policy.positive_max, stub_cache.policy.positive_max) == (3600, 1)
    assert (bool(root.logs), bool(stub.logs)) == (False, True)


def test_the_first_forward_that_matches_is_the_one():
    text = ".:53 {\n forward . 192.0.2.1\n forward . 192.0.2.2\n forward corp.example 192.0.2.2\n}"
    ask = asked(text)
    assert [ask.told(name) for name in ("www.example.com.", "corp.example.")] == ["93.184.216.34", "192.0.2.81"]
    assert {line.split()[0] for line in ask.world.asked} == {"192.0.2.1:53"}


def test_a_log_with_only_errors():
    (block,) = configured(". {\n log . {\n  class error\n }\n}").blocks
    (rule,) = block.logs
    verdicts = [
        rule.wants(("x",), class_of(rcode, has), 0.0) for rcode, has in ((0, True), (0, False), (3, False), (2, False))
    ]
    assert verdicts == [False, False, False, True]


def test_pages_are_served_where_the_file_says():
    pages = "health 127.0.4.57:18080 {\n  lameduck 5s\n }\n ready 127.0.4.57:18181\n prometheus localhost:19153\n"
    process = configured(f". {{\n {pages} reload\n}}").process
    assert (process.health, process.ready) == ([HttpPage("127.0.4.57", 18080)], [HttpPage("127.0.4.57", 18181)])
    assert (process.metrics, process.lameduck, process.reload) == ([HttpPage("127.0.0.1", 19153)], 5.0, 30.0)
    assert configured(". {\n health\n ready :8282\n prometheus :9153\n}").process.ready == [HttpPage("", 8282)]


@pytest.mark.parametrize(
    ("extra", "name", "expected"),
    [
        ("", "8.8.8.8.in-addr.arpa.", "NXDOMAIN"),
        ("fallthrough", "8.8.8.8.in-addr.arpa.", "dns.google."),
        ("fallthrough in-addr.arpa", "8.8.8.8.in-addr.arpa.", "dns.google."),
        ("fallthrough ip6.arpa", "8.8.8.8.in-addr.arpa.", "NXDOMAIN"),
        ("fallthrough", "web.legacy.svc.cluster.local.", "192.0.2.80"),
        ("fallthrough in-addr.arpa", "web.legacy.svc.cluster.local.", "NXDOMAIN"),
        ("fallthrough", "svc1.testns.svc.cluster.local.", "NODATA"),
    ],
)
def test_zones_that_fall_through(extra, name, expected):
    ask = asked(f". {{\n kubernetes cluster.local in-addr.arpa ip6.arpa {{\n  {extra}\n }}\n forward . 192.0.2.1\n}}")
    qtype = "PTR" if name.endswith("arpa.") else "A" if "legacy" in name else "MX"
    assert ask.told(name, qtype) == expected


def test_fallthrough_without_upstream_is_denied():
    ask = asked(". {\n kubernetes cluster.local in-addr.arpa {\n  fallthrough\n }\n}")
    assert ask.told("8.8.8.8.in-addr.arpa.", "PTR") == ask.told("nothing.cluster.local.") == "NXDOMAIN"
    assert ask.told("www.example.com.") == "REFUSED"


@pytest.mark.parametrize(
    ("options", "name", "qtype", "expected"),
    [
        ("", "10-240-0-1.testns.pod.cluster.local.", "A", "NXDOMAIN"),
        ("pods insecure", "10-240-0-1.testns.pod.cluster.local.", "A", "10.240.0.1"),
        ("namespaces other", SVC1, "A", "NXDOMAIN"),
        ("namespaces other\n namespaces testns", SVC1, "A", "10.0.0.1"),
        ("namespace_labels env=prod", SVC1, "A", "NXDOMAIN"),
        ("labels app=web", SVC1, "A", "NXDOMAIN"),
        ("labels !app", SVC1, "A", "10.0.0.1"),
        ("noendpoints", "hdls.testns.svc.cluster.local.", "A", "NXDOMAIN"),
        ("noendpoints", SVC1, "A", "10.0.0.1"),
        ("noendpoints", "172-0-0-11.svc1.testns.svc.cluster.local.", "A", "NXDOMAIN"),
        ("endpoint_pod_names", "pod-3.hdls.testns.svc.cluster.local.", "A", "172.0.0.3"),
        ("ignore empty_service", "svcempty.testns.svc.cluster.local.", "A", "NXDOMAIN"),
    ],
)
def test_options_of_kubernetes(options, name, qtype, expected):
    assert asked(f". {{\n kubernetes cluster.local {{\n {options}\n }}\n}}").told(name, qtype) == expected


def test_kubernetes_without_zones_and_with_networks():
    ask = asked("10.0.0.0/16 cluster.local {\n kubernetes\n}\n. {\n forward . 192.0.2.1\n}")
    assert ask.told(SVC1) == "10.0.0.1"
    assert ask.told("1.0.0.10.in-addr.arpa.", "PTR") == SVC1
    assert ask.told("8.8.8.8.in-addr.arpa.", "PTR") == "dns.google."
    inside = asked(". {\n kubernetes cluster.local 10.0.0.0/16\n forward . 192.0.2.1\n}")
    assert inside.told("1.0.0.10.in-addr.arpa.", "PTR") == SVC1


def test_the_ttl_of_a_corefile_is_upstreams_and_cache_bounds_what_clients_keep():
    (record,) = asked(". {\n kubernetes cluster.local\n}")(SVC1).answer
    assert record.ttl == 5
    (record,) = asked(". {\n cache 10\n kubernetes cluster.local {\n  ttl 30\n }\n}")(SVC1).answer
    assert record.ttl == 10
    text = ". {\n cache 10 {\n  disable success cluster.local\n }\n kubernetes cluster.local {\n  ttl 30\n }\n}"
    (record,) = asked(text)(SVC1).answer
    assert record.ttl == 30


def test_an_external_name_is_resolved_by_the_block_that_its_target_belongs_to():
    ask = asked(f". {{\n {KUBERNETES} forward . 192.0.2.1\n}}\nexample.com {{\n forward . 192.0.2.2\n}}")
    assert ask.told("ext.testns.svc.cluster.local.") == "www.example.com., 93.184.216.34"
    assert ask.world.asked == ["192.0.2.2:53 www.example.com. A"]


def test_the_soa_behind_an_alias_to_what_does_not_exist_is_that_of_the_target():
    ask = asked(
        f". {{\n {KUBERNETES} template IN ANY example.com {{\n  rcode NXDOMAIN\n"
        '  authority "example.com. 60 IN SOA ns. host. 1 2 3 4 60"\n }\n}'
    )
    found = ask("ext.testns.svc.cluster.local.")
    assert told(found) == "NXDOMAIN www.example.com."
    assert [rrset.owner for rrset in found.authority] == [("example", "com")]


def test_plugins_have_an_order_of_their_own_whatever_the_file_says():
    text = ". {\n forward . 192.0.2.1\n kubernetes cluster.local\n hosts /none {\n  192.0.2.7 a.b\n  fallthrough\n }\n}"
    ask = asked(text)
    assert (ask.told(SVC1), ask.told("a.b."), ask.world.asked) == ("10.0.0.1", "192.0.2.7", [])


def test_an_interface_stands_for_its_addresses():
    (block,) = configured(". {\n bind eth0 127.0.0.1 {\n  except 2001:db8::10\n }\n forward . 192.0.2.1\n}").blocks
    assert block.addresses == ("192.0.2.10", "127.0.0.1")


def test_transfer_clients_are_addresses_with_or_without_a_port():
    to = "192.0.2.1 192.0.2.2:53 [2001:db8::1]:53 10.0.0.0/8"
    text = f". {{\n kubernetes cluster.local\n transfer cluster.local {{\n to {to}\n }}\n}}"
    (grant,) = configured(text).blocks[0].grants
    assert [str(network) for network in grant.networks] == [
        "192.0.2.1/32",
        "192.0.2.2/32",
        "2001:db8::1/128",
        "10.0.0.0/8",
    ]
