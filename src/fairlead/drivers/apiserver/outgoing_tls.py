"""TLS to the servers that the API server asks: nodes, Pods, webhooks, and servers of parts of the API."""

import ssl
from functools import lru_cache
from pathlib import Path

from fairlead.drivers.identity.pki import API_SERVER, certificate_files
from fairlead.drivers.identity.renewal import FollowedCertificate


class OutgoingTls:
    """How the API server is known to others, by its certificate in ``pki``, and how it knows them."""

    def __init__(self, pki: Path) -> None:
        self._pki = pki
        self._node: FollowedCertificate | None = None

    def to_node(self) -> ssl.SSLContext:
        """To a node of the cluster."""
        if self._node is None:
            context = ssl.create_default_context(cafile=str(self._pki / "ca.crt"))
            self._node = FollowedCertificate(context, *certificate_files(self._pki, API_SERVER))
        return self._node.current()

    def to_extension(self, authorities: bytes, *, is_unchecked: bool) -> ssl.SSLContext:
        """To the server of a part of the API, which believes what it is told of users because of the certificate."""
        context = _unchecked() if is_unchecked else ssl.create_default_context(cadata=authorities.decode() or None)
        certificate, key = certificate_files(self._pki, API_SERVER)
        if certificate.exists():
            context.load_cert_chain(certificate, key)
        return context


def to_anybody() -> ssl.SSLContext:
    """To a program in a Pod: it has no certificate that means anything here, as in upstream's proxy."""
    return _unchecked()


@lru_cache(maxsize=64)
def to_known(authorities: bytes) -> ssl.SSLContext:
    """To a server whose certificate is by one of these authorities (PEM), or by one that the machine trusts."""
    return ssl.create_default_context(cadata=authorities.decode() or None)


def _unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
