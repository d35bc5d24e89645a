"""X.509 certificates: making an authority's and others', and reading what they say.

They have the extensions that strict verifiers ask for (RFC 5280 section 4.2; Python 3.13 verifies so by default): key
identifiers, the usage of keys, and whether they are an authority's. The library that makes them is imported when it is
needed: it costs a process many megabytes.
"""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

AUTHORITY_DAYS = 3650
SERVER_DAYS = 365  # servers renew theirs while they run
CLIENT_DAYS = 3650  # in kubeconfigs, which are written at every start
# Clocks of clients may be a little behind ours.
BACKDATE = timedelta(hours=1)


class CertificateSubject(NamedTuple):
    """Whom a certificate is for: a client when it has no hosts, else a server under these names and addresses."""

    name: str
    organizations: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


class CertificateFacts(NamedTuple):
    """The fields of a certificate.

    Attributes:
        is_strict: whether it says what its key is for and whose key signed it; those of earlier versions do not.
    """

    subject: CertificateSubject
    end: datetime
    is_strict: bool


def facts_of(pem: bytes) -> CertificateFacts:
    """Raises ValueError: that is no certificate."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    certificate = x509.load_pem_x509_certificate(pem)
    names = [str(found.value) for found in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    groups = [str(found.value) for found in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    extensions = {extension.oid: extension.value for extension in certificate.extensions}
    alternatives = extensions.get(x509.SubjectAlternativeName.oid)
    hosts = [str(name.value) for name in alternatives] if isinstance(alternatives, x509.SubjectAlternativeName) else []
    is_strict = {x509.KeyUsage.oid, x509.AuthorityKeyIdentifier.oid} <= set(extensions)
    subject = CertificateSubject(names[-1] if names else "", tuple(groups), tuple(hosts))
    return CertificateFacts(subject, certificate.not_valid_after_utc, is_strict)


def new_key() -> bytes:
    """A private key, PEM."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return _key_pem(ec.generate_private_key(ec.SECP256R1()))


def public_key(key_pem: bytes) -> bytes:
    """The public half of a private key; both PEM."""
    from cryptography.hazmat.primitives import serialization

    half = key_of(key_pem).public_key()
    return half.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def authority_certificate(key_pem: bytes) -> bytes:
    """A certificate of an authority with this key, signed by itself; both PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    key = key_of(key_pem)
    subject = distinguished(CertificateSubject("fairlead-ca"))
    signed = (
        certificate_builder(subject, subject, key.public_key(), datetime.now(UTC) + timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(authority_identifier(key), critical=False)
        .sign(key, hashes.SHA256())
    )
    return signed.public_bytes(serialization.Encoding.PEM)


def signed_certificate(
    authority_pem: bytes, authority_key_pem: bytes, subject: CertificateSubject
) -> tuple[bytes, bytes]:
    """A certificate signed by an authority, and its new key; all PEM. It ends no later than the authority's."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import ExtendedKeyUsageOID

    authority, authority_key = x509.load_pem_x509_certificate(authority_pem), key_of(authority_key_pem)
    key = key_of(new_key())
    days = SERVER_DAYS if subject.hosts else CLIENT_DAYS
    end = min(datetime.now(UTC) + timedelta(days=days), authority.not_valid_after_utc)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if subject.hosts else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        certificate_builder(distinguished(subject), authority.subject, key.public_key(), end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(authority_identifier(authority_key), critical=False)
    )
    if subject.hosts:
        names = x509.SubjectAlternativeName(map(general_name, subject.hosts))
        builder = builder.add_extension(names, critical=False)
    return builder.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), _key_pem(key)


def certificate_builder(
    subject: "x509.Name", issuer: "x509.Name", key: "CertificatePublicKeyTypes", end: datetime
) -> "x509.CertificateBuilder":
    """A certificate without what depends on its purpose."""
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - BACKDATE)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def key_usage(signs_certificates: bool) -> "x509.KeyUsage":
    """What a key is for: an authority's signs certificates, all others sign handshakes."""
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def authority_identifier(key: "EllipticCurvePrivateKey") -> "x509.AuthorityKeyIdentifier":
    """By the key alone, so that it fits all certificates that the authority has had."""
    from cryptography import x509

    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def key_of(pem: bytes) -> "EllipticCurvePrivateKey":
    """A private key from PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _key_pem(key: "EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def distinguished(subject: CertificateSubject) -> "x509.Name":
    """A subject as certificates have it."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in subject.organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, subject.name)])


def general_name(host: str) -> "x509.GeneralName":
    """A host as an alternative name: an address or a DNS name."""
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
