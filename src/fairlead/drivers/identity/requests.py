"""Requests for certificates (PKCS 10): made, read and signed.

The library that does it costs a process many megabytes, so each is also a program (``python -m``), which reads a
document from standard input and writes one, and ends.
"""

import base64
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from fairlead.drivers.identity import certificates
from fairlead.drivers.identity.certificates import CertificateSubject
from fairlead.drivers.linux.programs import run_to_end
from fairlead.model.certificate_requests import Requested

if TYPE_CHECKING:
    from cryptography import x509


class RequestError(Exception):
    """That is no request for a certificate, or the authority cannot sign it."""


class KeyAndRequest(NamedTuple):
    """A new private key, and a request for a certificate of it; both PEM."""

    key: bytes
    request: bytes


def new_request(subject: CertificateSubject) -> KeyAndRequest:
    """A key and a request; the hosts of the subject become alternative names."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    pem = certificates.new_key()
    builder = x509.CertificateSigningRequestBuilder().subject_name(certificates.distinguished(subject))
    if subject.hosts:
        names = x509.SubjectAlternativeName(map(certificates.general_name, subject.hosts))
        builder = builder.add_extension(names, critical=False)
    signed = builder.sign(certificates.key_of(pem), hashes.SHA256())
    return KeyAndRequest(pem, signed.public_bytes(serialization.Encoding.PEM))


def read_request(pem: bytes) -> Requested:
    """Raises RequestError: it cannot be read, or its signature is not its key's."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    request = _loaded(pem)
    names = [str(each.value) for each in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    groups = [str(each.value) for each in request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    alternatives = _alternatives(request)
    return Requested(
        names[-1] if names else "",
        tuple(groups),
        tuple(str(each.value) for each in alternatives if isinstance(each, x509.DNSName)),
        tuple(str(each.value) for each in alternatives if isinstance(each, x509.IPAddress)),
        tuple(type(each).__name__ for each in alternatives if not isinstance(each, (x509.DNSName, x509.IPAddress))),
    )


def _loaded(pem: bytes) -> "x509.CertificateSigningRequest":
    from cryptography import x509

    try:
        request = x509.load_pem_x509_csr(pem)
        is_its_own = request.is_signature_valid
    except Exception as error:  # the library has many of its own for what others have sent
        raise RequestError(f"not a request for a certificate: {error}") from error
    if not is_its_own:
        raise RequestError("the signature of the request is not that of its key")
    return request


def _alternatives(request: "x509.CertificateSigningRequest") -> "list[x509.GeneralName]":
    from cryptography import x509

    try:
        return list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []
    except Exception as error:
        raise RequestError(f"the request cannot be read: {error}") from error


def sign_request(authority: bytes, authority_key: bytes, request: bytes, seconds: int, is_server: bool) -> bytes:
    """A certificate for the request; all PEM. It ends no later than the authority's.

    Raises:
        RequestError: as ``read_request``.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509.oid import ExtendedKeyUsageOID

    asked, signer = _loaded(request), x509.load_pem_x509_certificate(authority)
    key = certificates.key_of(authority_key)
    end = min(datetime.now(UTC) + timedelta(seconds=seconds), signer.not_valid_after_utc)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if is_server else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        certificates.certificate_builder(asked.subject, signer.subject, asked.public_key(), end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(certificates.key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(certificates.authority_identifier(key), critical=False)
    )
    if alternatives := _alternatives(asked):
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class Validity(NamedTuple):
    """From when until when a certificate is good, in seconds since the epoch, and for whom."""

    start: float
    end: float
    subject: CertificateSubject


def validity(certificate: bytes) -> Validity:
    """Raises RequestError: that is no certificate."""
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificate(certificate)
        subject = certificates.facts_of(certificate).subject
    except ValueError as error:
        raise RequestError(f"not a certificate: {error}") from error
    return Validity(found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp(), subject)


def stopgap_certificate(subject: CertificateSubject) -> tuple[bytes, bytes]:
    """A certificate and its key, both PEM, of an authority that nobody knows and whose key is forgotten."""
    authority_key = certificates.new_key()
    return certificates.signed_certificate(certificates.authority_certificate(authority_key), authority_key, subject)


class _New(msgspec.Struct, tag=True):
    subject: CertificateSubject


class _Read(msgspec.Struct, tag=True):
    request: bytes


class _Sign(msgspec.Struct, tag=True):
    authority: str
    key: str
    request: bytes
    seconds: int
    is_server: bool


class _Validity(msgspec.Struct, tag=True):
    certificate: bytes


class _Stopgap(msgspec.Struct, tag=True):
    subject: CertificateSubject


_Wish = _New | _Read | _Sign | _Validity | _Stopgap


async def validity_beside(certificate: bytes) -> Validity:
    """``validity`` in a process of its own."""
    return msgspec.convert(await _beside(_Validity(certificate)), Validity)


async def stopgap_certificate_beside(subject: CertificateSubject) -> tuple[bytes, bytes]:
    """``stopgap_certificate`` in a process of its own."""
    certificate, key = await _beside(_Stopgap(subject))
    return base64.b64decode(certificate), base64.b64decode(key)


async def new_request_beside(subject: CertificateSubject) -> KeyAndRequest:
    """``new_request`` in a process of its own."""
    made = await _beside(_New(subject))
    return KeyAndRequest(*(base64.b64decode(text) for text in made))


async def read_request_beside(pem: bytes) -> Requested:
    """``read_request`` in a process of its own."""
    return msgspec.convert(await _beside(_Read(pem)), Requested)


async def sign_request_beside(authority: str, key: str, request: bytes, seconds: int, is_server: bool) -> bytes:
    """``sign_request`` in a process of its own, by an authority in files."""
    return base64.b64decode(await _beside(_Sign(authority, key, request, seconds, is_server)))


async def _beside(wish: _Wish) -> Any:
    command = (sys.executable, "-m", "fairlead.drivers.identity.requests")
    ended = await run_to_end(*command, text=msgspec.json.encode(wish).decode())
    if ended.code:
        raise RequestError(ended.errors.strip().rpartition("\n")[2])
    return msgspec.json.decode(ended.output)


def _answer(wish: _Wish) -> Any:
    match wish:
        case _New():
            return new_request(wish.subject)
        case _Validity():
            return validity(wish.certificate)
        case _Stopgap():
            return stopgap_certificate(wish.subject)
        case _Read():
            return read_request(wish.request)
        case _Sign():
            with open(wish.authority, "rb") as authority, open(wish.key, "rb") as key:
                return sign_request(authority.read(), key.read(), wish.request, wish.seconds, wish.is_server)


if __name__ == "__main__":
    try:
        answer = _answer(msgspec.json.decode(sys.stdin.buffer.read(), type=_Wish))
    except (RequestError, OSError) as error:
        sys.exit(str(error))
    sys.stdout.buffer.write(msgspec.json.encode(answer))
