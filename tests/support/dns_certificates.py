"""Certificates of name servers, made for a test."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_KEY_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def certificates(folder, name):
    """An authority, and a certificate of it for a name with its key; paths."""
    now = datetime.datetime.now(datetime.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("authority", name)]
    made = []
    for index, usage in enumerate((True, False)):
        builder = x509.CertificateBuilder().subject_name(names[index]).issuer_name(names[0])
        builder = builder.public_key(keys[index].public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
        builder = builder.add_extension(x509.BasicConstraints(ca=usage, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        for extension, is_critical in _for_strict_clients(keys[0].public_key(), keys[index].public_key(), usage):
            builder = builder.add_extension(extension, critical=is_critical)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(Encoding.PEM))
    secret = keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    paths = [folder / file for file in ("ca.pem", "cert.pem", "key.pem")]
    for path, octets in zip(paths, (*made, secret), strict=True):
        path.write_bytes(octets)
    return paths


def _for_strict_clients(authority, own, is_authority):
    """What RFC 5280 asks for, and Python 3.13 does too: extensions, and whether each is critical."""
    yield x509.SubjectKeyIdentifier.from_public_key(own), False
    yield x509.AuthorityKeyIdentifier.from_issuer_public_key(authority), False
    allowed = "key_cert_sign" if is_authority else "digital_signature"
    yield x509.KeyUsage(**{use: use == allowed for use in _KEY_USES}), True
