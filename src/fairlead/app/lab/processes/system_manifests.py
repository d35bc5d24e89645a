"""The objects of every lab before the user's own manifests: the cluster's DNS, a Deployment behind the Service
``kube-dns``, as with kubeadm; the StorageClass ``standard``, as with minikube and kind; and the configuration of the
nodes' proxies, where kubeadm keeps that of kube-proxy.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fairlead.app.lab.plan import DNS_SERVICE, LabManifest
from fairlead.app.lab.settings import NO_PROXY, LabSettings
from fairlead.drivers.kube.client import PODS
from fairlead.labnet.addresses import AddressPlan
from fairlead.model.document import Doc
from fairlead.model.storage import IS_DEFAULT, PROVISIONER

NAMESPACE = "kube-system"
DNS_NAME = "fairlead-dns"
# What labs of earlier versions have in their --data, and this one has no more: there the DNS was a Pod by itself.
RETIRED = (PODS.path(NAMESPACE, DNS_NAME),)
DNS_LABELS = {"k8s-app": "kube-dns"}
# Upstream's CoreDNS stays for 300 s on a node that is lost. Here it leaves at once: the grace period that made the node
# count as lost has been waited for already, nothing is lost with a name server, and until there is another one nobody
# in the lab resolves any name.
_TOLERATIONS = [
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
    {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule", "operator": "Exists"},
    *(
        {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 0}
        for key in ("not-ready", "unreachable")
    ),
]


PROXY_CONFIG = "kube-proxy"  # the ConfigMap
MODES_ANNOTATION = "fairlead.dev/proxy-modes"  # in a line for people
# Of a node without a proxy, `fairlead rules` prints what the usual one would write.
_MODES = {"nft": "nftables", "iptables": "iptables", NO_PROXY: "nftables"}


class ProxyModes(NamedTuple):
    """The mode of the nodes' proxies, and the nodes with another mode, by name."""

    usual: str
    others: Mapping[str, str]

    def __str__(self) -> str:
        return ", ".join([self.usual, *(f"{mode} on {node}" for node, mode in sorted(self.others.items()))])


def proxy_modes(settings: LabSettings) -> ProxyModes:
    """Those of a lab."""
    modes = {node.name: settings.proxy_mode_of(node) for node in settings.nodes}
    return ProxyModes(settings.proxy_mode, {n: mode for n, mode in modes.items() if mode != settings.proxy_mode})


def system_manifests(networks: Sequence[AddressPlan], modes: ProxyModes) -> tuple[LabManifest, ...]:
    """The documents for a lab of these IP families, in the order in which they are to be applied."""
    addresses = [network.service(DNS_SERVICE) for network in networks]
    dns = (_account(), _role(), _role_binding(), _service(addresses), _deployment())
    documents = (_proxy_config(networks, modes), _storage_class(), *dns)
    return tuple(LabManifest("system manifest", document) for document in documents)


def _proxy_config(networks: Sequence[AddressPlan], modes: ProxyModes) -> Doc:
    """What ``fairlead rules`` reads, so that it prints the rules that a node has: ``NODE.conf`` where one differs."""
    names = {"config.conf": modes.usual, **{f"{node}.conf": mode for node, mode in modes.others.items()}}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": PROXY_CONFIG, "namespace": NAMESPACE, "annotations": {MODES_ANNOTATION: str(modes)}},
        "data": {name: _proxy_document(networks, mode) for name, mode in names.items()},
    }


def _proxy_document(networks: Sequence[AddressPlan], mode: str) -> str:
    return (
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"
        f"mode: {_MODES[mode]}\nclusterCIDR: {','.join(network.pods for network in networks)}\n"
        "detectLocalMode: ClusterCIDR\nconntrack: {tcpBeLiberal: true}\n"
    )


def _storage_class() -> Doc:
    """The default StorageClass. Volumes are created at once, since all nodes of a host reach them."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "standard", "annotations": {IS_DEFAULT: "true"}},
        "provisioner": PROVISIONER,
    }


def _account() -> Doc:
    """The role ``system:fairlead-dns`` has its permissions."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": DNS_NAME, "namespace": NAMESPACE}}


def _role() -> Doc:
    """It reads its Corefile, and says in Events when that cannot be used."""
    rules = [
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
    ]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": DNS_NAME, "namespace": NAMESPACE},
        "rules": rules,
    }


def _role_binding() -> Doc:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": DNS_NAME, "namespace": NAMESPACE},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": DNS_NAME},
        "subjects": [{"kind": "ServiceAccount", "name": DNS_NAME, "namespace": NAMESPACE}],
    }


def _service(addresses: list[str]) -> Doc:
    labels = {**DNS_LABELS, "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "clusterIP": addresses[0],
            "clusterIPs": addresses,
            "ipFamilyPolicy": "SingleStack" if len(addresses) == 1 else "RequireDualStack",
            "selector": DNS_LABELS,
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
                {"name": "metrics", "port": 9153, "protocol": "TCP", "targetPort": 9153},
            ],
        },
    }


def _deployment() -> Doc:
    """One replica, unless the user scales it: it says nothing of ``replicas``, so that applying it again leaves them.
    A second one would cost every lab 17 to 20 MiB. An update has the new one ready before the old one goes."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": DNS_NAME, "namespace": NAMESPACE, "labels": DNS_LABELS},
        "spec": {
            "selector": {"matchLabels": DNS_LABELS},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": DNS_LABELS},
                "spec": {
                    "serviceAccountName": DNS_NAME,
                    "dnsPolicy": "Default",
                    "tolerations": _TOLERATIONS,
                    "terminationGracePeriodSeconds": 5,
                    "containers": [_container()],
                },
            },
        },
    }


def _container() -> Doc:
    return {
        "name": "dns",
        "image": "fairlead/dns",
        "ports": [
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
            {"name": "metrics", "containerPort": 9153, "protocol": "TCP"},
        ],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 2},
        # Until every node has heard that it goes, some still send it questions: a busy machine takes over a second.
        "lifecycle": {"preStop": {"sleep": {"seconds": 3}}},
    }
