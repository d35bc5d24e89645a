"""Every value of every flag that bears kube-proxy's name is understood in each of its spellings."""

import click
import pytest
import yaml
from click.testing import CliRunner

from fairlead.cli.flags.conntrack import conntrack_flags, conntrack_of
from fairlead.cli.flags.kube_proxy import MEANINGLESS, Duration, switch, verbosity
from fairlead.cli.flags.kube_proxy_config import flag_defaults
from fairlead.cli.flags.proxy import node_flags, settings_of
from fairlead.cli.proxy import proxy
from fairlead.cli.rules import rules


def parsed(*arguments):
    """What a command with all flags is called with, and what is said."""
    seen = {}

    @click.command()
    @click.option("--min-sync-period", "--iptables-min-sync-period", type=Duration(), default="0")
    @click.option("--hostname-override", "node")
    @click.option("--kubeconfig")
    @click.option("--metrics-bind-address")
    @switch("--cleanup")
    @verbosity
    @conntrack_flags
    @node_flags
    def command(**flags):
        seen.update(flags, settings=settings_of(flags), conntrack=conntrack_of(flags))

    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    return seen, result.output


SPELLINGS = [
    *((["--proxy-mode", value], "backend", "nft") for value in ("nft", "nftables", "")),
    (["--proxy-mode=iptables"], "backend", "iptables"),
    (["--backend", "iptables"], "backend", "iptables"),
    *((["--detect-local-mode", v], "detect_local_mode", v) for v in ("ClusterCIDR", "NodeCIDR", "BridgeInterface")),
    (["--detect-local-mode=InterfaceNamePrefix"], "detect_local_mode", "InterfaceNamePrefix"),
    (["--detect-local-mode", "clustercidr"], "detect_local_mode", "ClusterCIDR"),
    *(
        ([spelled], parameter, expected)
        for flag, parameter in (
            ("--masquerade-all", "masquerade_all"),
            ("--cleanup", "cleanup"),
            ("--iptables-localhost-nodeports", "iptables_localhost_nodeports"),
            ("--conntrack-tcp-be-liberal", "conntrack_tcp_be_liberal"),
        )
        for spelled, expected in (
            (flag, True), (f"{flag}=true", True), (f"{flag}=false", False), (f"{flag}=1", True), (f"{flag}=F", False)
        )
    ),
    *(([spelled], "verbose", expected) for spelled, expected in (("--v=2", True), ("-v", True), ("-v=2", True),
                                                               ("-v2", True), ("--v=0", False), ("--verbose", True))),
    (["-v", "2"], "verbose", True),
    (["--iptables-min-sync-period", "1s"], "min_sync_period", 1.0),
    (["--iptables-min-sync-period=1m0.5s"], "min_sync_period", 60.5),
    (["--conntrack-tcp-timeout-established=24h0m0s"], "conntrack_tcp_timeout_established", 86400.0),
    (["--conntrack-udp-timeout", "500ms"], "conntrack_udp_timeout", 0.5),
    (["--iptables-masquerade-bit", "30"], "masquerade_bit", 30),
    (["--nodeport-addresses", "10.0.0.0/8,fd00::/8"], "nodeport_addresses", "10.0.0.0/8,fd00::/8"),
    (["--bind-address", "192.168.0.2"], "bind_address", "192.168.0.2"),
    (["--bind-address=::"], "bind_address", "::"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "parameter", "value"), SPELLINGS, ids=[" ".join(s[0]) for s in SPELLINGS])
def test_each_spelling_is_understood(arguments, parameter, value):
    assert parsed(*arguments)[0][parameter] == value


@pytest.mark.parametrize("name", MEANINGLESS)
@pytest.mark.parametrize("form", ["{}=x", "{} x", "{}"])
def test_flags_without_effect_are_accepted_with_a_message(name, form):
    _, output = parsed(*form.format(name).split())
    assert output == f"{name} is ignored: {MEANINGLESS[name]}\n"


KUBEADM = """
apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection: {acceptContentTypes: "", burst: 0, kubeconfig: /var/lib/kube-proxy/kubeconfig.conf, qps: 0}
clusterCIDR: 10.244.0.0/16
configSyncPeriod: 0s
conntrack: {maxPerCore: null, min: null, tcpBeLiberal: true, tcpCloseWaitTimeout: 30m0s, tcpEstablishedTimeout: null}
detectLocal: {bridgeInterface: "", interfaceNamePrefix: ""}
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables: {localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
ipvs: {excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", strictARP: false, syncPeriod: 0s}
kind: KubeProxyConfiguration
logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}}, verbosity: 0}
metricsBindAddress: ""
mode: ""
nftables: {masqueradeAll: true, masqueradeBit: 9, minSyncPeriod: 2s, syncPeriod: 0s}
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
"""


@pytest.mark.io
def test_flags_of_kubeadm_are_accepted(tmp_path):
    (tmp_path / "config.conf").write_text(KUBEADM)
    arguments = (f"--config={tmp_path / 'config.conf'}", "--hostname-override=node-1")
    seen, _ = parsed(*arguments)
    assert (seen["node"], seen["kubeconfig"]) == ("node-1", "/var/lib/kube-proxy/kubeconfig.conf")
    assert seen["settings"].cluster_cidrs == ("10.244.0.0/16",)
    assert seen["settings"].node_port_addresses == ("primary",)
    assert (seen["conntrack"].be_liberal, seen["conntrack"].tcp_close_wait) == (True, 1800)
    assert (seen["backend"], seen["masquerade_all"]) == ("nft", False)


@pytest.mark.io
def test_the_section_of_the_mode_counts_and_flags_count_more(tmp_path):
    text = KUBEADM.replace('mode: ""', "mode: nftables")
    text = text.replace("nodePortAddresses: null", "nodePortAddresses: [a/8, b/8]")
    found = flag_defaults(yaml.safe_load(text))
    assert (found["masquerade_all"], found["masquerade_bit"], found["min_sync_period"]) == (True, 9, "2s")
    assert found["nodeport_addresses"] == "a/8,b/8"
    (tmp_path / "config.conf").write_text(text)
    seen, _ = parsed("--masquerade-bit=3", "--config", str(tmp_path / "config.conf"), "--masquerade-all=false")
    assert (seen["masquerade_bit"], seen["masquerade_all"]) == (3, False)


@pytest.mark.io
@pytest.mark.parametrize("command", [proxy, rules], ids=["proxy", "rules"])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--proxy-mode", "ipvs"], "'ipvs' is not one of"),
        (["--detect-local-mode", "Magic"], "'Magic' is not one of 'ClusterCIDR'"),
        (["--bind-address", "here"], "'here' is not an address"),
        (["--config", "{folder}/config"], "a KubeProxyConfiguration of"),
        (["--masquerade-all=perhaps"], "perhaps"),
    ],
)
def test_invalid_flags_are_reported(command, arguments, said, tmp_path):
    (tmp_path / "config").write_text("kind: Service\napiVersion: v1\n")
    given = [text.format(folder=tmp_path) for text in arguments]
    result = CliRunner().invoke(command, ["--node", "here", "--init-only"][: 3 if command is proxy else 2] + given)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
