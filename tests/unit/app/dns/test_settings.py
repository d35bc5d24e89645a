"""Settings files and Corefiles: what they stand for, and how they are refused."""

import pytest

from fairlead.app.dns.settings import SettingsError, options_from
from fairlead.clusterdns.corefile import CorefileError, Directive, parse_corefile
from fairlead.clusterdns.upstreams import Route, Server
from fairlead.clusterdns.zone import Outside, PodsMode

pytestmark = pytest.mark.io  # files, sockets or processes

KUBEADM = """\
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . RESOLV_CONF {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
"""

YAML = """\
zone: example.org
ttl: 5
pods: verified
namespaces: [default, web]
hosts:
  gateway.lan: [192.0.2.7, "2001:db8::7"]
forward:
  .: ["192.0.2.1", "[2001:db8::1]:5353"]
  corp.local: ["192.0.2.2:53"]
cache: {stale_for: 0}
"""


def load(tmp_path, text, name="Corefile"):
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("# comment\nnameserver 192.0.2.53\nsearch example\nnameserver fe80::1%eth0\n")
    path = tmp_path / name
    path.write_text(text.replace("RESOLV_CONF", str(resolv)))
    return options_from(path, lambda _: None)


def test_the_corefile_of_kubeadm(tmp_path):
    options = load(tmp_path, KUBEADM)
    assert options.forward.routes == (Route((), (Server("192.0.2.53"), Server("fe80::1"))),)
    assert (options.zone.origin, options.zone.ttl) == (("cluster", "local"), 30)
    assert (options.zone.pods, options.zone.outside) == (PodsMode.INSECURE, Outside.FORWARD)
    assert (options.forward.cache.positive_max, options.forward.concurrent) == (30, 1000)
    assert (options.health_port, options.ready_port, options.metrics_port) == (8080, 8181, 9153)
    assert (options.port, options.lameduck) == (53, 5.0)


def test_the_common_additions(tmp_path):
    extra = """\
    hosts {
        192.0.2.9 registry.lan registry
        fallthrough
    }
    log
    bufsize 512
}
corp.local:53 {
    forward . 10.1.1.1 10.1.1.2:5353 {
        force_tcp
    }
}
"""
    options = load(tmp_path, KUBEADM.rstrip().removesuffix("}") + extra)
    assert options.zone.hosts[("registry", "lan")] == options.zone.hosts[("registry",)] == (bytes([192, 0, 2, 9]),)
    assert (options.log, options.udp_cap, options.forward.force_tcp) == (True, 512, True)
    assert options.forward.routes[1] == Route(("corp", "local"), (Server("10.1.1.1"), Server("10.1.1.2", 5353)))


def test_zonal_names_and_the_zone_of_the_cluster_set(tmp_path):
    plugin = "kubernetes cluster.local clusterset.local in-addr.arpa"
    text = f".:53 {{\n  {plugin} {{\n    zonal\n    multicluster clusterset.local\n  }}\n}}"
    zone = load(tmp_path, text).zone
    assert (zone.origin, zone.clusterset, zone.zonal) == (("cluster", "local"), ("clusterset", "local"), True)
    assert zone.reverse == (("in-addr", "arpa"),)


@pytest.mark.parametrize("multicluster", ["cluster.local", "x.cluster.local", "local", "."])
def test_the_zone_of_the_cluster_set_lies_apart(tmp_path, multicluster):
    with pytest.raises(SettingsError, match="multicluster must be a zone apart"):
        load(tmp_path, f"multicluster: {multicluster}", "dns.yaml")


def test_a_settings_file(tmp_path):
    options = load(tmp_path, YAML, "dns.yaml")
    assert (options.zone.origin, options.zone.ttl, options.zone.pods) == (("example", "org"), 5, PodsMode.VERIFIED)
    assert options.zone.namespaces == {"default", "web"}
    assert [len(address) for address in options.zone.hosts[("gateway", "lan")]] == [4, 16]
    assert options.forward.routes[0].servers == (Server("192.0.2.1"), Server("2001:db8::1", 5353))
    assert options.forward.cache.stale_for == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (".:53 {\n    template ANY\n}", "line 2: plugin template is not supported"),
        (".:53 {\n    autopath /etc/resolv.conf\n}", "line 2: autopath is supported as 'autopath @kubernetes'"),
        (".:53 {\n    kubernetes cluster.local {\n        ttl x\n    }\n}", "line 3: ttl: 'x' is not a number"),
        (".:53 {\n    kubernetes a b\n}", "line 2: kubernetes needs exactly one cluster domain"),
        (".:53 {\n    kubernetes a {\n        labels x\n    }\n}", "line 3: option labels of kubernetes is not supp"),
        (".:53 {\n    kubernetes a {\n        fallthrough\n    }\n}", "line 3: fallthrough is supported for"),
        (".:53 {\n    kubernetes a {\n        pods sometimes\n    }\n}", "line 3: pods sometimes is not one of"),
        (".:53 {\n    forward .\n}", "line 2: forward needs FROM and TO"),
        (".:53 {\n    health {\n        lameduck 5\n    }\n}", "line 3: lameduck: '5' is not a duration"),
        (".:53 {\n    errors\n", "line 1: the block that begins here has no end"),
        ("tls://.:853 {\n}", "line 1: server tls"),
        ("errors", "line 1: expected 'ZONE"),
        ("(snip) {\n}", "line 1: snippets are not supported"),
        (".:53 {\n    forward . tls://192.0.2.1\n}", "only plain DNS is supported"),
        (".:53 {\n    forward . nowhere\n}", "upstream nowhere"),
    ],
)
def test_what_is_not_supported_is_an_error_that_names_it(tmp_path, text, message):
    with pytest.raises(SettingsError, match=message.replace("(", r"\(")):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zonee: x", "unknown field `zonee`"),
        ("ttl: many", r"Expected `int`, got `str` - at `\$.ttl`"),
        ("pods: sometimes", "Invalid enum value 'sometimes'"),
        ("outside: forward", "needs upstream servers"),
    ],
)
def test_a_wrong_settings_file_is_refused(tmp_path, text, message):
    with pytest.raises(SettingsError, match=message):
        load(tmp_path, text, "dns.yml")


def test_the_syntax_of_a_corefile():
    (block,) = parse_corefile('a b:53 { # comment\n  log\n  x "two words" y {\n    z # 1\n  }\n}\n')
    assert block.keys == ("a", "b:53")
    assert block.directives[1] == Directive("x", ("two words", "y"), (Directive("z", (), (), 4),), 3)


def test_a_block_must_be_closed():
    with pytest.raises(CorefileError, match="line 2"):
        parse_corefile(". {\n  health {\n    lameduck 5s\n")
