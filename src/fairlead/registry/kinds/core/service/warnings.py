"""Warnings about valid fields of a Service that might not have the expected effect. Upstream:
pkg/api/service/warnings.go."""

from fairlead.model.document import Doc
from fairlead.registry.kinds.core.service.facts import is_external_name, is_headless
from fairlead.registry.kinds.value_rules import cidr_warnings, ip_warnings

TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"
TOPOLOGY_AWARE_HINTS = "service.kubernetes.io/topology-aware-hints"


def warnings(service: Doc, old: Doc | None) -> list[str]:
    """Texts for ``Warning:`` headers."""
    spec = service["spec"]
    return [
        *_annotation_warnings(service["metadata"].get("annotations") or {}),
        *_headless_warnings(spec),
        *_address_warnings(spec),
        *_type_warnings(spec),
        *_distribution_warnings(spec),
    ]


def _annotation_warnings(annotations: Doc) -> list[str]:
    if TOPOLOGY_AWARE_HINTS not in annotations:
        return []
    return [f"annotation {TOPOLOGY_AWARE_HINTS} is deprecated, please use {TOPOLOGY_MODE} instead"]


def _headless_warnings(spec: Doc) -> list[str]:
    if not is_headless(spec):
        return []
    ignored = {
        "spec.loadBalancerIP": bool(spec.get("loadBalancerIP")),
        "spec.externalIPs": bool(spec.get("externalIPs")),
        "spec.SessionAffinity": spec.get("sessionAffinity") != "None",
    }
    return [f"{field} is ignored for headless services" for field, applies in ignored.items() if applies]


def _address_warnings(spec: Doc) -> list[str]:
    addresses = [
        *((f"spec.clusterIPs[{index}]", ip) for index, ip in enumerate(spec.get("clusterIPs") or ())),
        *((f"spec.externalIPs[{index}]", ip) for index, ip in enumerate(spec.get("externalIPs") or ())),
        ("spec.loadBalancerIP", spec.get("loadBalancerIP", "")),
    ]
    texts = [text for path, ip in addresses for text in ip_warnings(path, ip)]
    for index, cidr in enumerate(spec.get("loadBalancerSourceRanges") or ()):
        texts += cidr_warnings(f"spec.loadBalancerSourceRanges[{index}]", cidr)
    return texts


def _type_warnings(spec: Doc) -> list[str]:
    texts = []
    external_ips = bool(spec.get("externalIPs"))
    if external_ips and not is_headless(spec) and not is_external_name(spec):
        texts.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if external_ips and is_external_name(spec):
        texts.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if spec.get("externalName") and not is_external_name(spec):
        texts.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    return texts


def _distribution_warnings(spec: Doc) -> list[str]:
    if spec.get("trafficDistribution") != "PreferClose":
        return []
    return ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"']
