"""Settings files and Corefiles on a real machine: their meaning, changes by the command line, refusals."""

from pathlib import Path

import pytest

from fairlead.app.dns.api_access import kubeconfig_of
from fairlead.app.dns.flags import Flags
from fairlead.app.dns.options import DnsOptions
from fairlead.app.dns.settings import SettingsError, options_from
from fairlead.clusterdns.plugins.autopath import Autopath
from fairlead.clusterdns.plugins.cache import Cache
from fairlead.clusterdns.plugins.forward import Forward
from fairlead.clusterdns.plugins.hosts import Hosts
from fairlead.clusterdns.plugins.scope import HttpPage
from fairlead.clusterdns.upstreams import UpstreamServer
from fairlead.clusterdns.zone import Outside, PodsMode
from tests.support.corefiles import RESOLV_CONF

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
    forward . FOLDER/resolv.conf {
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
denial_ttl: 7
pods: verified
namespaces: [default, web]
hosts:
  gateway.lan: [192.0.2.7, "2001:db8::7"]
forward:
  .: ["192.0.2.1", "[2001:db8::1]:5353"]
  corp.local: ["192.0.2.2:53"]
cache: {stale_for: 0}
tcp: {per_client: 3}
"""


def load(tmp_path, text, name="Corefile", **flags) -> DnsOptions:
    (tmp_path / "resolv.conf").write_text(RESOLV_CONF)
    path = tmp_path / name
    path.write_text(text.replace("FOLDER", str(tmp_path)))
    return options_from(path, Flags(**flags))[0]


def plugin(options, kind):
    (found,) = [plugin for block in options.blocks for plugin in block.plugins if isinstance(plugin, kind)]
    return found


def test_the_corefile_of_kubeadm(tmp_path):
    options = load(tmp_path, KUBEADM)
    upstream = plugin(options, Forward).upstream
    assert upstream.servers == (UpstreamServer("192.0.2.53"), UpstreamServer("fe80::1"))
    assert (upstream.concurrent, upstream.finds_loops) == (1000, True)
    (zone,) = options.zones
    assert (zone.origin, zone.ttl, zone.pods) == (("cluster", "local"), 30, PodsMode.INSECURE)
    assert plugin(options, Cache).policy.positive_max == 30
    assert (options.health, options.ready, options.metrics) == (
        (HttpPage("", 8080),),
        (HttpPage("", 8181),),
        (HttpPage("", 9153),),
    )
    assert (options.blocks[0].ports, options.lameduck) == ((53,), 5.0)
    assert options.plugins() >= {"errors", "health", "kubernetes", "loadbalance", "loop", "prometheus", "reload"}


def test_zonal_names_and_the_zone_of_the_cluster_set(tmp_path):
    directive = "kubernetes cluster.local clusterset.local in-addr.arpa"
    text = f".:53 {{\n  {directive} {{\n    zonal\n    multicluster clusterset.local\n  }}\n}}"
    (zone,) = load(tmp_path, text).zones
    assert (zone.origin, zone.clusterset, zone.zonal) == (("cluster", "local"), ("clusterset", "local"), True)
    assert zone.reverse == (("in-addr", "arpa"),)


@pytest.mark.parametrize("multicluster", ["cluster.local", "x.cluster.local", "local", "."])
def test_the_zone_of_the_cluster_set_lies_apart(tmp_path, multicluster):
    with pytest.raises(SettingsError, match="multicluster must be a zone apart"):
        load(tmp_path, f"multicluster: {multicluster}", "dns.yaml")


def test_a_settings_file(tmp_path):
    options = load(tmp_path, YAML, "dns.yaml")
    (zone,) = options.zones
    assert (zone.origin, zone.ttl, zone.denial_ttl, zone.pods) == (("example", "org"), 5, 7, PodsMode.VERIFIED)
    assert (zone.namespaces, zone.outside) == (frozenset(("default", "web")), Outside.FORWARD)
    assert [len(address) for address in plugin(options, Hosts).names[("gateway", "lan")]] == [4, 16]
    corp, root = [p for block in options.blocks for p in block.plugins if isinstance(p, Forward)]
    assert (corp.zones, root.zones) == ((("corp", "local"),), ((),))
    assert root.upstream.servers == (UpstreamServer("192.0.2.1"), UpstreamServer("2001:db8::1", 5353))
    assert plugin(options, Cache).policy.stale_for == 0
    assert options.tcp.per_client == 3


@pytest.mark.parametrize("name", ["Corefile", "dns.yaml"])
def test_the_command_line_overrides_the_file(tmp_path, name):
    text = KUBEADM if name == "Corefile" else YAML
    flags = {"port": 5353, "zone": "other.test", "ttl": 9, "pods": "disabled", "udp_size": 512, "health_port": 0}
    options = load(tmp_path, text, name, addresses=("127.0.0.1",), upstreams=("192.0.2.77",), log=True, **flags)
    zone = options.zones[0]
    assert (zone.origin, zone.ttl, zone.pods) == (("other", "test"), 9, PodsMode.DISABLED)
    assert (options.addresses, options.blocks[0].ports, options.udp_cap) == (("127.0.0.1",), (5353,), 512)
    assert (options.health, options.ready) == ((), (HttpPage("", 8181),))
    last = [p for p in options.blocks[0].plugins if isinstance(p, Forward)][-1]
    assert (last.upstream.servers, bool(options.blocks[0].logs)) == ((UpstreamServer("192.0.2.77"),), True)


def test_the_search_domains_of_nodes_come_from_a_file_or_the_settings(tmp_path):
    options = load(tmp_path, "autopath: true\nnode_search: [FOLDER/resolv.conf, lan]", "dns.yaml")
    assert plugin(options, Autopath).node_search == (("corp", "lan"), ("lan",))


def test_imports_and_files_are_found_from_where_the_corefile_is(tmp_path):
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom" / "a.server").write_text(
        "a.example {\n  hosts FOLDER/names\n}\n".replace("FOLDER", str(tmp_path))
    )
    (tmp_path / "custom" / "b.override").write_text("log\n")
    (tmp_path / "names").write_text("192.0.2.9 x.a.example\n")
    options = load(tmp_path, ". {\n  import custom/*.override\n}\nimport custom/*.server\n")
    root, custom = options.blocks
    assert (bool(root.logs), custom.zones) == (True, (("a", "example"),))
    assert plugin(options, Hosts).names[("x", "a", "example")] == (bytes([192, 0, 2, 9]),)


def test_a_changed_file_beside_the_corefile_is_another_configuration(tmp_path):
    names = tmp_path / "names"
    names.write_text("192.0.2.9 x.example\n")
    path = tmp_path / "Corefile"
    path.write_text(f". {{\n  hosts {names}\n}}\n")
    _, source = options_from(path, Flags())
    assert source is not None
    before = source.fingerprint()
    assert source.every == 5.0
    path.write_text("nonsense")  # without ``reload`` the Corefile itself is not looked at
    assert source.fingerprint() == before
    names.write_text("192.0.2.10 x.example\n")
    assert source.fingerprint() != before
    assert plugin(source.load(), Hosts).names[("x", "example")] == (bytes([192, 0, 2, 10]),)
    names.unlink()
    assert not plugin(source.load(), Hosts).names


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (".:53 {\n    vieww x\n}", "Corefile", "Corefile:2: plugin vieww is unknown"),
        (".:53 {\n    forward . FOLDER/none\n}", "Corefile", "none: No such file or directory"),
        ("zonee: x", "dns.yml", "unknown field `zonee`"),
        ("ttl: many", "dns.yml", r"Expected `int`, got `str` - at `\$.ttl`"),
        ("ttl: 5000", "dns.yml", r"ttl must be in range \[0, 3600\]"),
        ("pods: sometimes", "dns.yml", "Invalid enum value 'sometimes'"),
        ("outside: forward", "dns.yml", "needs upstream servers"),
        ("udp_size: 5", "dns.yml", "udp_size must be in range"),
        ("transfer_to: [x]", "dns.yml", "'x' does not appear to be an IPv4 or IPv6 network"),
        ("forward: {.: [nowhere]}", "dns.yml", "upstream nowhere"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, text, name, message):
    with pytest.raises(SettingsError, match=message):
        load(tmp_path, text, name)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="No such file"):
        options_from(tmp_path / "none", Flags())


def test_an_endpoint_with_certificates_is_a_kubeconfig(tmp_path):
    text = ". {\n kubernetes c {\n  endpoint https://10.0.0.1:6443\n  tls cert.pem /key.pem /ca.pem\n }\n}"
    access = load(tmp_path, text).access
    assert access is not None
    found = kubeconfig_of(access)
    assert found["clusters"][0]["cluster"] == {"server": "https://10.0.0.1:6443", "certificate-authority": "/ca.pem"}
    user = found["users"][0]["user"]
    assert (user["client-key"], Path(user["client-certificate"])) == ("/key.pem", Path("cert.pem").absolute())


def test_names_outside_need_a_server_to_forward_to():
    with pytest.raises(SettingsError, match="needs upstream servers"):
        options_from(None, Flags(outside="forward"))
    options, source = options_from(None, Flags(outside="forward", upstreams=("192.0.2.1",)))
    assert (options.zones[0].outside, source) == (Outside.FORWARD, None)
