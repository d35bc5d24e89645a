"""A node's settings as kubelets tell theirs (``/configz``): a KubeletConfiguration, as far as it applies here."""

from collections.abc import Sequence

from fairlead.model.document import Doc


def kubelet_configuration(address: str, port: int, dns: Sequence[str], domain: str, max_pods: int) -> Doc:
    """A ``kubelet.config.k8s.io/v1beta1`` KubeletConfiguration.

    Args:
        address: where the node's HTTP API listens.
        dns: addresses of the cluster's DNS.
    """
    return {
        "kind": "KubeletConfiguration",
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "address": address,
        "port": port,
        "authentication": {
            "x509": {},
            "webhook": {"enabled": True, "cacheTTL": "2m0s"},
            "anonymous": {"enabled": False},
        },
        "authorization": {
            "mode": "Webhook",
            "webhook": {"cacheAuthorizedTTL": "5m0s", "cacheUnauthorizedTTL": "30s"},
        },
        "clusterDomain": domain,
        "clusterDNS": list(dns),
        "maxPods": max_pods,
        "nodeStatusReportFrequency": "5m0s",
        "nodeLeaseDurationSeconds": 40,
        "failSwapOn": False,
        "cgroupsPerQOS": False,
    }
