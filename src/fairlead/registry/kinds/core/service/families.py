"""Which IP families a Service has, and its policy for them. Upstream: ``initIPFamilyFields`` in alloc.go; KEP-563.

The user may state policy, families, addresses, or none of them; each is inferred from the others, then from the old
object, then from the cluster. Refuses contradictions, and families that the cluster does not have.
"""

from fairlead.model.addresses import IPFamily, family_of
from fairlead.model.document import Doc
from fairlead.model.objects import CLUSTER_IP_NONE
from fairlead.registry.field_errors import FieldError, invalid
from fairlead.registry.kinds.core.service.facts import (
    PREFER_DUAL_STACK,
    REQUIRE_DUAL_STACK,
    SINGLE_STACK,
    is_external_name,
    is_headless_without_selector,
    same,
)
from fairlead.registry.kinds.core.service.validate_cluster_ips import validate_cluster_ips
from fairlead.registry.strategy import ClusterConfig

_POLICY = "spec.ipFamilyPolicy"
_OTHER = {IPFamily.IPV4: IPFamily.IPV6, IPFamily.IPV6: IPFamily.IPV4}


def choose_families(new: Doc, old: Doc | None, cluster: ClusterConfig) -> list[FieldError]:
    """Set ``ipFamilyPolicy`` and ``ipFamilies`` of a spec; returns the faults, if any."""
    if is_external_name(new) or is_settled(new, old):
        return []
    new.setdefault("ipFamilyPolicy", _inferred_policy(new, old))
    faults = (
        validate_cluster_ips(new)
        or _resize(new, old) + _check_policy(new) + _infer_families(new, cluster)
        or _check_cluster(new, cluster)
    )
    if not faults:
        _complete(new, cluster)
    return faults


def is_settled(new: Doc, old: Doc | None) -> bool:
    """Whether this is a PreferDualStack Service whose addresses stay as they are.

    It is not changed, so that no Service gains or loses an address only because the cluster got another family.
    """
    if old is None or is_external_name(new):
        return False
    return (
        new.get("ipFamilyPolicy") == PREFER_DUAL_STACK
        and old.get("ipFamilyPolicy", PREFER_DUAL_STACK) == PREFER_DUAL_STACK
        and same(new, old, "type", "clusterIPs", "ipFamilies")
    )


def _inferred_policy(new: Doc, old: Doc | None) -> str:
    if old is not None and "ipFamilyPolicy" in old:
        return str(old["ipFamilyPolicy"])
    return REQUIRE_DUAL_STACK if is_headless_without_selector(new) else SINGLE_STACK


def _resize(new: Doc, old: Doc | None) -> list[FieldError]:
    """A change only to SingleStack drops the second family. Dropping the second family sets SingleStack."""
    if old is None:
        return []
    policy = new["ipFamilyPolicy"]
    faults = []
    for field, noun in (("clusterIPs", "cluster IP"), ("ipFamilies", "IP family")):
        values, before = new.get(field) or [], old.get(field) or []
        if policy == SINGLE_STACK and values == before:
            new[field] = values[:1]
        elif policy != SINGLE_STACK and 0 < len(values) < len(before):
            faults.append(invalid(_POLICY, policy, f"must be 'SingleStack' to release the secondary {noun}"))
        if not new.get(field):
            new.pop(field, None)
    return faults


def _check_policy(new: Doc) -> list[FieldError]:
    if new["ipFamilyPolicy"] != SINGLE_STACK:
        return []
    return [
        invalid(
            _POLICY, SINGLE_STACK, f"must be 'RequireDualStack' or 'PreferDualStack' when multiple {noun} are specified"
        )
        for field, noun in (("clusterIPs", "cluster IPs"), ("ipFamilies", "IP families"))
        if len(new.get(field) or ()) == 2
    ]


def _infer_families(new: Doc, cluster: ClusterConfig) -> list[FieldError]:
    """Families are inferred from the given addresses."""
    cluster_ips, families = new.get("clusterIPs") or [], list(new.get("ipFamilies") or ())
    faults = []
    for index, ip in enumerate(cluster_ips):
        if ip == CLUSTER_IP_NONE or index < len(families):
            continue
        family = family_of(ip)
        if family in cluster.families:
            families.append(family.value)
        else:
            detail = f"{family} is not configured on this cluster"
            faults.append(invalid(f"spec.clusterIPs[{index}]", cluster_ips, detail))
    if families:
        new["ipFamilies"] = families
    return faults


def _check_cluster(new: Doc, cluster: ClusterConfig) -> list[FieldError]:
    if is_headless_without_selector(new):
        return []
    faults = []
    if new["ipFamilyPolicy"] == REQUIRE_DUAL_STACK and len(cluster.families) < 2:
        faults.append(invalid(_POLICY, REQUIRE_DUAL_STACK, "this cluster is not configured for dual-stack services"))
    for index, family in enumerate(new.get("ipFamilies") or ()):
        if family not in cluster.families:
            faults.append(invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster"))
    return faults


def _complete(new: Doc, cluster: ClusterConfig) -> None:
    """Add the cluster's default family when there is none, and the other one when the policy wants both."""
    families = new.setdefault("ipFamilies", [cluster.families[0].value])
    both_can_be_had = len(cluster.families) == 2 or is_headless_without_selector(new)
    if new["ipFamilyPolicy"] != SINGLE_STACK and len(families) == 1 and both_can_be_had:
        families.append(_OTHER[IPFamily(families[0])].value)
