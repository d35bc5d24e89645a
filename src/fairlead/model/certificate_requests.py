"""Requests for certificates: the API's objects, and what is in one.

Names of signers and usages are those of ``k8s.io/api/certificates/v1``.
"""

from collections.abc import Mapping
from typing import NamedTuple

from fairlead.model.objects import Condition, KubeObject, Slim

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
NODE_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
NODE_SERVING_SIGNER = "kubernetes.io/kubelet-serving"
APPROVED, DENIED, FAILED = "Approved", "Denied", "Failed"
NODES, NODE_PREFIX = "system:nodes", "system:node:"


class CertificateRequestSpec(Slim, frozen=True):
    """The request (``request``: PEM in base64), and its user."""

    request: str = ""
    signer_name: str = ""
    usages: tuple[str, ...] = ()
    expiration_seconds: int | None = None
    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] | None = None


class CertificateRequestStatus(Slim, frozen=True):
    """The result; ``certificate`` is PEM in base64."""

    conditions: tuple[Condition, ...] | None = None
    certificate: str | None = None


class CertificateSigningRequest(KubeObject, frozen=True):
    """A CertificateSigningRequest."""

    spec: CertificateRequestSpec = CertificateRequestSpec()
    status: CertificateRequestStatus = CertificateRequestStatus()

    def has(self, type_: str) -> bool:
        """Whether it has a condition of a type."""
        return any(condition.type == type_ for condition in self.status.conditions or ())


class Requested(NamedTuple):
    """The content of a certificate request (PKCS 10): its subject and its alternative names.

    Attributes:
        others: names that are neither hosts' nor addresses, such as e-mail addresses.
    """

    name: str
    organizations: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
