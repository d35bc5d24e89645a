"""Requests for certificates, made, read and signed by the real library."""

import asyncio
import base64
import ssl

import pytest

from fairlead.drivers.identity.certificates import CertificateSubject, authority_certificate, facts_of, new_key
from fairlead.drivers.identity.requests import (
    RequestError,
    new_request,
    read_request,
    read_request_beside,
    sign_request,
)
from fairlead.model.certificate_requests import Requested

NODE = CertificateSubject("system:node:n1", ("system:nodes",), ("n1", "192.0.2.1", "fd00::1"))
KEY = new_key()
AUTHORITY = authority_certificate(KEY)


def test_a_certificate_request_is_parsed():
    made = new_request(NODE)
    assert read_request(made.request) == Requested(
        "system:node:n1", ("system:nodes",), ("n1",), ("192.0.2.1", "fd00::1")
    )
    assert read_request(new_request(NODE._replace(hosts=())).request) == Requested("system:node:n1", ("system:nodes",))


@pytest.mark.io
@pytest.mark.parametrize("is_server", [True, False])
def test_a_request_is_signed_for_its_own_key_and_names(tmp_path, is_server):
    made = new_request(NODE)
    certificate = sign_request(AUTHORITY, KEY, made.request, 3600, is_server)
    facts = facts_of(certificate)
    assert facts.subject == NODE
    assert facts.is_strict
    for name, content in (("a.crt", certificate), ("a.key", made.key)):
        (tmp_path / name).write_bytes(content)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "a.crt", tmp_path / "a.key")


def test_a_certificate_ends_no_later_than_its_authority():
    certificate = sign_request(AUTHORITY, KEY, new_request(NODE).request, 100 * 365 * 86400, True)
    assert facts_of(certificate).end == facts_of(AUTHORITY).end


def broken(request):
    """The same request with another name in it, and so a signature of something else."""
    lines = request.decode().split("\n")
    body = base64.b64decode("".join(lines[1:-2])).replace(b"system:node:n1", b"system:node:n2")
    return b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(body) + b"-----END CERTIFICATE REQUEST-----\n"


@pytest.mark.parametrize("pem", [b"", b"nonsense", AUTHORITY, broken(new_request(NODE).request)])
def test_invalid_certificate_requests_are_refused(pem):
    with pytest.raises(RequestError):
        read_request(pem)


@pytest.mark.io
def test_a_process_beside_says_the_same():
    made = new_request(NODE)
    assert asyncio.run(read_request_beside(made.request)) == read_request(made.request)
    with pytest.raises(RequestError, match="not a request for a certificate"):
        asyncio.run(read_request_beside(b"nonsense"))
