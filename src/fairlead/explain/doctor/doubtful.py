"""Findings about a missing object, although an unreadable object was found that might be it."""

import re
from collections.abc import Mapping

from fairlead.explain.cluster import WORKLOADS, Cluster, Ref
from fairlead.explain.doctor.findings import Finding

_PODS = ("Pod", *WORKLOADS)
# The kind that a finding reports as missing, by code. A Service is missing by name; for other kinds any object in the
# Namespace counts.
_MISSING: Mapping[str, tuple[str, ...]] = {
    "dns-not-there": ("Service",),
    "dns-down": ("EndpointSlice", "Pod"),
    "selector-elsewhere": _PODS,
    "selector-nothing": _PODS,
    "no-pods": ("Pod",),
    "stateful-service-missing": ("Service",),
    "slice-unlabelled": ("EndpointSlice",),
    "slice-orphan": ("Service",),
    "no-endpoints-written": ("EndpointSlice",),
    "slices-behind": ("EndpointSlice",),
    "family-missing": ("EndpointSlice",),
    "foreign-proxy": ("Pod",),
    "local-policy-nowhere": ("EndpointSlice",),
    "policy-isolates": ("NetworkPolicy",),
    "policy-blocks-dns": ("NetworkPolicy",),
    "policy-blocks": ("NetworkPolicy",),
    "alias-broken": ("Service",),
    "name-in-other-namespace": ("Service",),
    "name-unknown": ("Service",),
    "node-port-address": ("Node", "EndpointSlice"),
}


def is_doubtful(cluster: Cluster, finding: Finding) -> bool:
    """Whether an object that could not be read might be the missing one."""
    kinds = _MISSING.get(finding.code, ())
    spaces = {"", finding.subject.namespace, *(namespace for namespace, _ in finding.services)}
    return any(
        fault.ref and fault.ref.kind in kinds and _may_be(fault.ref, finding, spaces) for fault in cluster.faults
    )


def _may_be(ref: Ref, finding: Finding, spaces: set[str]) -> bool:
    if ref.kind == "Service" and finding.code != "dns-not-there":
        return re.search(rf"(?<![\w-]){re.escape(ref.name)}(?![\w-])", finding.text) is not None
    return ref.namespace in spaces or finding.code == "dns-not-there"
