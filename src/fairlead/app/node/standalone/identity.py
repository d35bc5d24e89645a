"""The identity of a node for the API server: its own credentials, or new ones requested with other credentials.

Upstream: ``pkg/kubelet/certificate/bootstrap/bootstrap.go``.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from fairlead.app.node.standalone.certificate import CLIENT, NodeCertificate, node_subject
from fairlead.app.node.standalone.options import StandaloneOptions
from fairlead.drivers.identity.pki import write_private
from fairlead.drivers.kube.access.kubeconfig import ClusterEntry, choose, read_files
from fairlead.drivers.kube.client import KubeClient, ResourcePath
from fairlead.drivers.kube.retry import until_answered
from fairlead.model.certificate_requests import NODE_PREFIX

SELF_REVIEWS = ResourcePath("authentication.k8s.io/v1", "selfsubjectreviews", namespaced=False)

log = logging.getLogger(__name__)


class WrongIdentity(Exception):
    """The kubeconfig belongs to another node; the message names it."""


async def credentials(options: StandaloneOptions, told: Callable[[str], None]) -> tuple[Path, bool]:
    """The kubeconfig with which the node is itself, and whether its certificate is ours to renew.

    Raises:
        WrongIdentity: it is another node's. RefusedRequest: the node gets no certificate.
        Unreachable: the kubeconfig is of no use.
    """
    async with KubeClient.from_kubeconfig(options.kubeconfig, part="node") as client:
        certificate = own_certificate(options, client, told)
        if options.own_kubeconfig.exists() and await certificate.is_good(time.time()):
            return options.own_kubeconfig, True
        user = await _user(client)
        if user == NODE_PREFIX + options.name:
            return options.kubeconfig, False
        if user.startswith(NODE_PREFIX):
            raise WrongIdentity(f"the kubeconfig is that of {user}: name the node so, or take another kubeconfig")
        log.info("asking as %s for a certificate of node %s", user, options.name)
        await certificate.obtain()
    write_node_kubeconfig(options, *certificate.files)
    return options.own_kubeconfig, True


def own_certificate(options: StandaloneOptions, client: KubeClient, told: Callable[[str], None]) -> NodeCertificate:
    """The node's client certificate, as asked for by this client."""
    return NodeCertificate(options.pki, "client", CLIENT, node_subject(options.name), client, told)


async def _user(client: KubeClient) -> str:
    document = {"apiVersion": SELF_REVIEWS.group_version, "kind": "SelfSubjectReview"}

    async def ask() -> str:
        review = await client.create(SELF_REVIEWS.path(), document)
        return str(review.get("status", {}).get("userInfo", {}).get("username", ""))

    return await until_answered(ask, "find out who the kubeconfig is", client.troubles) or ""


def write_node_kubeconfig(options: StandaloneOptions, certificate: Path, key: Path) -> None:
    """Write a kubeconfig for the same cluster with the node's certificate, which can be renewed later."""
    chosen = choose(read_files([options.kubeconfig], must_exist=True))
    user = {"client-certificate": str(certificate), "client-key": str(key)}
    name = "node"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": _cluster(chosen.cluster)}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    write_private(options.own_kubeconfig, msgspec.json.format(msgspec.json.encode(document)) + b"\n")


def _cluster(cluster: ClusterEntry) -> dict[str, object]:
    fields = msgspec.to_builtins(cluster)
    return {name: value for name, value in fields.items() if value}
