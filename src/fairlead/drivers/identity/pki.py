"""Certificates of a cluster of its own: an authority, the API server's certificate, and clients' kubeconfigs.

Keys are readable by their owner alone from the moment they exist, and every file appears whole or not at all. An
existing authority is kept for ever: clients hold kubeconfigs that trust it. Users and groups are told to the API server
as Kubernetes has it: the certificate's common name and its organizations.
"""

import base64
import ipaddress
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

API_SERVER = "kube-apiserver-kubelet-client"  # as whom the API server asks nodes; the name is that of kubeadm
AUTHORITY_DAYS = 3650
LEAF_DAYS = 3650
RENEW_DAYS = 30  # a certificate with less than this left is made anew
# Clocks of clients may be a little behind ours.
BACKDATE = timedelta(hours=1)


def ensure_pki(directory: Path, hosts: Iterable[str]) -> None:
    """Make sure of ``ca.crt``, ``ca.key``, ``server.crt`` and ``server.key`` in the directory.

    Args:
        hosts: names and addresses under which the API server is reached; when one of them is missing from the present
            certificate, or it is about to expire, another one is issued.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (directory / "ca.key").exists() or not (directory / "ca.crt").exists():
        _make_authority(directory)
    ensure_certificate(directory, "server", "kube-apiserver", hosts)


def certificate_files(directory: Path, name: str) -> tuple[Path, Path]:
    """Where the certificate of that name and its key are."""
    return directory / f"{name}.crt", directory / f"{name}.key"


def ensure_certificate(directory: Path, name: str, common_name: str, hosts: Iterable[str]) -> None:
    """Make sure of a certificate and its key, in ``certificate_files`` of that name; for a server when it has hosts,
    else a client. Another one is issued when a host is missing from the present one, or it is about to expire."""
    wanted = sorted(set(hosts))
    files = certificate_files(directory, name)
    if not _certificate_fits(*files, wanted):
        certificate, key = issue_certificate(directory, common_name, (), wanted)
        write_private(files[1], key)  # first: a certificate that fits must never stand beside another one's key
        write_private(files[0], certificate)


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


def issue_certificate(
    pki_directory: Path, common_name: str, organizations: tuple[str, ...], hosts: Iterable[str]
) -> tuple[bytes, bytes]:
    """A certificate signed by the authority, and its key, both PEM; for a server when it has hosts, else a client."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    authority = x509.load_pem_x509_certificate((pki_directory / "ca.crt").read_bytes())
    authority_key = serialization.load_pem_private_key((pki_directory / "ca.key").read_bytes(), None)
    assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [_general_name(host) for host in hosts]
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if names else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _builder(_subject(common_name, organizations), authority.subject, key, LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signed = builder.sign(authority_key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM), _key_pem(key)


def _make_authority(directory: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject("fairlead-ca", ())
    certificate = (
        _builder(subject, subject, key, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(directory / "ca.key", _key_pem(key))
    write_private(directory / "ca.crt", certificate.public_bytes(serialization.Encoding.PEM))


def _builder(
    subject: "x509.Name", issuer: "x509.Name", key: "EllipticCurvePrivateKey", days: int
) -> "x509.CertificateBuilder":
    from cryptography import x509

    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + timedelta(days=days))
    )


def _subject(common_name: str, organizations: tuple[str, ...]) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _certificate_fits(path: Path, key: Path, hosts: list[str]) -> bool:
    from cryptography import x509

    if not path.exists() or not key.exists():
        return False
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    if certificate.not_valid_after_utc < datetime.now(UTC) + timedelta(days=RENEW_DAYS):
        return False
    if not hosts:
        return True
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {_general_name(host) for host in hosts} <= set(names)


def _key_pem(key: "EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place whole, readable by its owner alone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(temporary, path)
