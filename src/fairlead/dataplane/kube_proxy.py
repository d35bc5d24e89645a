"""Rules that kube-proxy leaves in the kernel, in either mode, and chains of other programs with similar names.

Names: upstream's ``pkg/proxy/iptables`` (``CleanupLeftovers``), ``pkg/proxy/ipvs`` and ``pkg/proxy/nftables``; the
chains of its userspace mode are from before 1.26. kube-router's (``KUBE-ROUTER-...``, ``KUBE-POD-FW-...``,
``KUBE-NWPLCY-...``) are not among them.
"""

from fairlead.dataplane.iptables_skeleton import is_of_a_service
from fairlead.model.addresses import IPFamily
from fairlead.netfilter.iptables_text import ChainId, Saved
from fairlead.netfilter.ruleset import TableName

NFT_TABLE = "kube-proxy"
_CHAINS = frozenset(
    {
        "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL", "KUBE-FORWARD",
        "KUBE-POSTROUTING", "KUBE-MARK-MASQ", "KUBE-MARK-DROP", "KUBE-PROXY-CANARY",
        "KUBE-NODE-PORT", "KUBE-LOAD-BALANCER", "KUBE-SOURCE-RANGES-FIREWALL", "KUBE-IPVS-FILTER",
        "KUBE-IPVS-OUT-FILTER", "KUBE-PORTALS-CONTAINER", "KUBE-PORTALS-HOST", "KUBE-NODEPORT-CONTAINER",
        "KUBE-NODEPORT-HOST", "KUBE-NODEPORT-NON-LOCAL",
    }
)  # fmt: skip
_OLD_PREFIXES = ("KUBE-XLB-",)
KUBELET_SIGN = "KUBE-KUBELET-CANARY"
SHARED_WITH_KUBELET = "KUBE-FIREWALL"


def table_name(family: IPFamily) -> TableName:
    """The table of its nftables mode."""
    return TableName(family, NFT_TABLE)


def proxy_chains(saved: Saved) -> frozenset[ChainId]:
    """The chains of a node proxy, kube-proxy's or ours; the firewall only where no kubelet relies on it."""
    has_kubelet = any(name == KUBELET_SIGN for _, name in saved.chains)

    def is_of_a_proxy(name: str) -> bool:
        if name == SHARED_WITH_KUBELET:
            return not has_kubelet
        return name in _CHAINS or is_of_a_service(name) or name.startswith(_OLD_PREFIXES)

    return frozenset(id_ for id_ in saved.chains if is_of_a_proxy(id_[1]))
