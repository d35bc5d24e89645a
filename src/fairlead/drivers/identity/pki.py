"""The certificates of a cluster of its own, as files: an authority, the servers', and clients' kubeconfigs.

Keys are readable by their owner alone from the moment they exist, and every file appears whole or not at all. An
existing authority's key is kept: clients hold kubeconfigs that trust it. Users and groups are told to the API server as
Kubernetes has it: the certificate's common name and its organizations.

Certificates of earlier versions, which strict verifiers refuse, are replaced: the authority's by one of the same key
and name, so that clients that trust the earlier one trust what it signs.
"""

import base64
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fairlead.drivers.identity.certificates import (
    CertificateSubject,
    authority_certificate,
    facts_of,
    new_key,
    signed_certificate,
)

API_SERVER = "kube-apiserver-kubelet-client"  # as whom the API server asks nodes; the name is that of kubeadm
AUTHORITY = "ca"
RENEWED_BEFORE = timedelta(days=30)  # a certificate with less than this left is replaced


def ensure_pki(directory: Path, hosts: Iterable[str]) -> None:
    """Make sure of ``ca.crt``, ``ca.key``, ``server.crt`` and ``server.key`` in the directory.

    Args:
        hosts: names and addresses under which the API server is reached; when one of them is missing from the present
            certificate, or it is about to expire, another one is issued.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    _ensure_authority(directory)
    ensure_certificate(directory, "server", "kube-apiserver", hosts)


def _ensure_authority(directory: Path) -> None:
    """Make sure of an authority that strict verifiers accept. Where only its certificate is missing, or is an earlier
    version's, or has ended, there is another one for the same key."""
    certificate, key = certificate_files(directory, AUTHORITY)
    if not key.exists():
        write_private(key, new_key())
        certificate.unlink(missing_ok=True)
    if certificate.exists():
        facts = facts_of(certificate.read_bytes())
        if facts.is_strict and facts.end > datetime.now(UTC):
            return
    write_private(certificate, authority_certificate(key.read_bytes()))


def certificate_files(directory: Path, name: str) -> tuple[Path, Path]:
    """The files of the certificate of that name and its key."""
    return directory / f"{name}.crt", directory / f"{name}.key"


def ensure_certificate(directory: Path, name: str, common_name: str, hosts: Iterable[str]) -> None:
    """Make sure of a certificate and its key, in ``certificate_files`` of that name; for a server when it has hosts,
    else a client. Another one is issued when a host is missing from the present one, or it is about to expire."""
    subject = CertificateSubject(common_name, hosts=tuple(sorted(set(hosts))))
    if not _fits(directory, name, subject):
        write_certificate(directory, name, subject)


def write_certificate(directory: Path, name: str, subject: CertificateSubject) -> None:
    """Issue a certificate, in place of the one that is there."""
    certificate, key = issue_certificate(directory, *subject)
    files = certificate_files(directory, name)
    write_private(files[1], key)  # first: a certificate that fits must never stand beside another one's key
    write_private(files[0], certificate)


def is_due(end: datetime) -> bool:
    """Whether a certificate that ends then is to be replaced."""
    return end < datetime.now(UTC) + RENEWED_BEFORE


def _fits(directory: Path, name: str, wanted: CertificateSubject) -> bool:
    certificate, key = certificate_files(directory, name)
    if not certificate.exists() or not key.exists():
        return False
    facts = facts_of(certificate.read_bytes())
    return facts.is_strict and not is_due(facts.end) and set(wanted.hosts) <= set(facts.subject.hosts)


def issue_certificate(
    pki_directory: Path, common_name: str, organizations: tuple[str, ...], hosts: Iterable[str]
) -> tuple[bytes, bytes]:
    """A certificate signed by the authority, and its key, both PEM; for a server when it has hosts, else a client."""
    authority, key = certificate_files(pki_directory, AUTHORITY)
    subject = CertificateSubject(common_name, organizations, tuple(hosts))
    return signed_certificate(authority.read_bytes(), key.read_bytes(), subject)


def write_kubeconfig(path: Path, pki_directory: Path, server_url: str, user: str, groups: Iterable[str]) -> None:
    """A kubeconfig with a client certificate of its own embedded, for a user of these groups."""
    pair = issue_certificate(pki_directory, user, tuple(groups), ())
    write_kubeconfig_of(path, (pki_directory / "ca.crt").read_bytes(), server_url, user, pair)


def write_kubeconfig_of(path: Path, authority: bytes, server_url: str, user: str, pair: tuple[bytes, bytes]) -> None:
    """A kubeconfig with a client certificate and its key, both PEM, that the user has already."""
    import msgspec

    certificate, key = pair
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fairlead",
        "clusters": [
            {"name": "fairlead", "cluster": {"server": server_url, "certificate-authority-data": _base64(authority)}}
        ],
        "users": [
            {
                "name": user,
                "user": {"client-certificate-data": _base64(certificate), "client-key-data": _base64(key)},
            }
        ],
        "contexts": [{"name": "fairlead", "context": {"cluster": "fairlead", "user": user, "namespace": "default"}}],
    }
    # JSON is YAML, and the one that needs no library.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place whole, readable by its owner alone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(temporary, path)
