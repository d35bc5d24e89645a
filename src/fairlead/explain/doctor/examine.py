"""All checks, and the order of their findings."""

from collections.abc import Callable, Iterable, Iterator

from fairlead.explain.cluster import Cluster
from fairlead.explain.doctor.checks import (
    aliases,
    announcing,
    clients,
    exposure,
    firewalls,
    pods,
    policies,
    ports,
    selectors,
    slices,
    stateful,
    system,
)
from fairlead.explain.doctor.doubtful import is_doubtful
from fairlead.explain.doctor.findings import Finding
from fairlead.explain.doctor.ward import Ward
from fairlead.model.names import ObjectKey
from fairlead.model.objects import Service

OF_A_SERVICE: tuple[Callable[[Ward, Service], Iterator[Finding]], ...] = (
    selectors.check_selector,
    selectors.check_mixed,
    pods.check_readiness,
    pods.check_peers,
    ports.check_ports,
    slices.check_by_hand,
    slices.check_behind,
    slices.check_families,
    stateful.check_headless,
    exposure.check_local_policy,
    exposure.check_load_balancer,
    announcing.check_announced,
    exposure.check_foreign_proxy,
    policies.check_isolation,
    aliases.check_alias,
)
OF_A_CLUSTER: tuple[Callable[[Ward], Iterator[Finding]], ...] = (
    pods.check_nodes,
    stateful.check_stateful_sets,
    slices.check_orphans,
    exposure.check_external_ips,
    exposure.check_clashes,
    announcing.check_sessions,
    clients.check_clients,
    policies.check_clients,
    policies.check_dns,
    system.check_dns,
    system.check_proxies,
    system.check_flows,
    firewalls.check_firewalls,
)
# A finding of the first kind replaces those of the second kind about the same Service.
EXPLAINS = {
    "selector-elsewhere": ("slices-behind", "local-policy-nowhere"),
    "slice-unlabelled": ("no-endpoints-written", "slice-orphan"),
    "slice-orphan": ("no-endpoints-written",),
    "peers-unpublished": ("pods-not-ready",),
    "dns-down": ("selector-nothing", "no-pods", "pods-not-ready", "pods-failing"),
    "proxy-leftovers": ("proxy-behind",),
    "stateful-service-not-headless": ("name-unknown",),
    "mixed-applications": ("target-port-undeclared", "target-port-unnamed", "pods-failing", "listens-elsewhere"),
    "cluster-ip-clash": ("proxy-behind",),
    "policy-isolates": ("policy-blocks",),
    "node-not-ready": ("load-balancer-unannounced",),
}


def examine(cluster: Cluster) -> list[Finding]:
    """All findings, errors first, and causes before their consequences."""
    ward = Ward(cluster)
    found = [f for service in ward.services for check in OF_A_SERVICE for f in check(ward, service)]
    found += [f for check in OF_A_CLUSTER for f in check(ward)]
    unique = list({(f.code, f.subject, f.text): f for f in found if not is_doubtful(cluster, f)}.values())
    return sorted(_without_consequences(ward, unique), key=lambda finding: finding.order)


def about(findings: Iterable[Finding], keys: Iterable[ObjectKey]) -> list[Finding]:
    """The findings that affect one of these Services, or the whole cluster."""
    wanted = {(key.namespace, key.name) for key in keys}
    return [finding for finding in findings if not finding.services or finding.services & wanted]


def _without_consequences(ward: Ward, found: list[Finding]) -> Iterator[Finding]:
    dns = ward.dns_service
    for finding in found:
        harmed = finding.services
        causes = [c for c in found if finding.code in EXPLAINS.get(c.code, ())]
        own = frozenset({(dns.namespace, dns.name)}) if dns else frozenset()
        if not any(c.services & harmed or (not c.services and harmed <= own) for c in causes):
            yield finding
