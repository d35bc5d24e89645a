"""The node proxy's figures: kube-proxy's names and labels, and what they count."""

import re
import time
from datetime import UTC, datetime

import pytest

from fairlead.app.proxy.local_gaps import LocalGaps
from fairlead.dataplane.node_view import NodeSettings, view_node
from fairlead.drivers.proxy.metrics import Programming, ProxyMetrics
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.netfilter.iptables_text import count_rules_sent
from tests.support.proxy_objects import endpoint, endpoint_slice, node, service, snapshot

WEB = ObjectKey("ns", "web")

# pkg/proxy/metrics of Kubernetes 1.36, less nfacct and the clean-ups of nftables
COMMON = [
    "sync_proxy_rules_duration_seconds",
    "sync_full_proxy_rules_duration_seconds",
    "sync_partial_proxy_rules_duration_seconds",
    "network_programming_duration_seconds",
    "sync_proxy_rules_last_timestamp_seconds",
    "sync_proxy_rules_last_queued_timestamp_seconds",
    "sync_proxy_rules_endpoint_changes_pending",
    "sync_proxy_rules_endpoint_changes_total",
    "sync_proxy_rules_service_changes_pending",
    "sync_proxy_rules_service_changes_total",
    "sync_proxy_rules_no_local_endpoints_total",
    "proxy_healthz_total",
    "proxy_livez_total",
    "conntrack_reconciler_sync_duration_seconds",
    "conntrack_reconciler_deleted_entries_total",
]
OF_ONE = {
    "nft": ["sync_proxy_rules_nftables_sync_failures_total"],
    "iptables": [
        "sync_proxy_rules_iptables_restore_failures_total",
        "sync_proxy_rules_iptables_partial_restore_failures_total",
        "sync_proxy_rules_iptables_total",
        "sync_proxy_rules_iptables_last",
    ],
}


def value(metrics, name, **labels):
    """The value of one sample; None when it is not there."""
    text = ",".join(f'{label}="{value}"' for label, value in labels.items())
    found = re.search(rf"^kubeproxy_{name}{{{text}}} (\S+)$", metrics.text(), re.MULTILINE)
    return float(found[1]) if found else None


OURS = {
    "sync_proxy_rules_foreign_changes_total",
    "sync_proxy_rules_refused_services",
    "host_firewall_dropping_chains",
}


@pytest.mark.parametrize("backend", OF_ONE)
def test_names_are_kube_proxys(backend):
    text = ProxyMetrics(["IPv4"], backend).text()
    there = {name.removesuffix("_created") for name in re.findall(r"^# TYPE kubeproxy_(\S+)", text, re.MULTILINE)}
    others = {name for other, names in OF_ONE.items() if other != backend for name in names}
    assert there == {*COMMON, *OF_ONE[backend], *OURS}
    assert not there & others


def test_a_change_is_pending_until_a_step_succeeds():
    metrics = ProxyMetrics(["IPv4"], "nft")

    def figures():
        names = ("sync_proxy_rules_service_changes_total", "sync_proxy_rules_service_changes_pending")
        return tuple(value(metrics, name, ip_family="IPv4") for name in names)

    assert figures()[1] == 0
    metrics.services.came(WEB)
    metrics.services.came(WEB)
    assert figures() == (2, 1)
    metrics.services.taken()
    metrics.services.came(ObjectKey("ns", "other"))
    assert figures() == (3, 2)
    metrics.services.taken()  # the step has failed, and begins again
    metrics.services.done()
    assert figures() == (3, 0)


@pytest.mark.parametrize(("backend", "is_full", "name"), [
    ("nft", True, "nftables_sync_failures"),
    ("nft", False, "nftables_sync_failures"),
    ("iptables", True, "iptables_restore_failures"),
    ("iptables", False, "iptables_partial_restore_failures"),
])  # fmt: skip
def test_failures_are_counted_by_back_end(backend, is_full, name):
    metrics = ProxyMetrics(["IPv4"], backend)
    with pytest.raises(OSError, match="refused"), metrics.step("IPv4", is_full=is_full):
        raise OSError("refused")
    assert value(metrics, f"sync_proxy_rules_{name}_total", ip_family="IPv4") == 1
    assert value(metrics, "sync_proxy_rules_duration_seconds_count", ip_family="IPv4") is None


def test_full_and_partial_steps_are_distinguished():
    metrics = ProxyMetrics(["IPv4"], "nft")
    for is_full in (True, False, False):
        with metrics.step("IPv4", is_full=is_full) as report:
            report(3, 0.5)
    names = ("sync_proxy_rules", "sync_full_proxy_rules", "sync_partial_proxy_rules")
    assert [value(metrics, f"{name}_duration_seconds_count", ip_family="IPv4") for name in names] == [3, 1, 2]
    assert value(metrics, "conntrack_reconciler_deleted_entries_total", ip_family="IPv4") == 9
    assert value(metrics, "conntrack_reconciler_sync_duration_seconds_sum", ip_family="IPv4") == 1.5


def test_only_changes_since_the_start_count_as_programmed():
    metrics = ProxyMetrics(["IPv4"], "nft")
    programming = Programming(metrics)
    spelled = [datetime.fromtimestamp(time.time() + seconds, UTC).isoformat() for seconds in (-60, 60)]
    for text in (*spelled, spelled[1], "yesterday"):
        programming.triggered("IPv4", text)
    for _ in range(2):
        programming.done()
    assert value(metrics, "network_programming_duration_seconds_count", ip_family="IPv4") == 1


def test_services_whose_policy_finds_no_endpoint_here_are_counted():
    metrics = ProxyMetrics(["IPv4"], "nft")
    gaps = LocalGaps(metrics, "IPv4")
    seen = view_node(NodeSettings(), "here", node(), (), IPFamily.IPV4)
    local = service(externalTrafficPolicy="Local", internalTrafficPolicy="Local", externalIPs=["1.1.1.1"])

    def counts(*objects):
        gaps.follow(snapshot(*objects), {WEB}, seen)
        return [
            value(metrics, "sync_proxy_rules_no_local_endpoints_total", ip_family="IPv4", traffic_policy=policy)
            for policy in ("internal", "external")
        ]

    there, here = (endpoint_slice([endpoint("10.0.0.1", where)]) for where in ("there", "here"))
    assert counts(local, there) == [1, 1]
    assert counts(service(internalTrafficPolicy="Local"), there) == [1, 0]
    assert counts(local, here) == [0, 0]
    assert counts(local) == [0, 0]  # none anywhere: refused, not turned away by the policy
    assert counts(local, there) == [1, 1]
    assert counts() == [0, 0]


def test_rules_sent_are_counted_by_table():
    assert count_rules_sent("*filter\n:A - [0:0]\n-A A -j DROP\nCOMMIT\n*nat\n-I B -j A\n-A A -j DROP\n-A A\n") == {
        "filter": 1,
        "nat": 2,
    }
