"""TLS towards the API server: made of files and of what a plugin gave, and made again when these have changed.

A renewed client certificate or another authority counts for the next connection; watches are opened again within two
minutes (``watching.life``), so an expired certificate is not used for long.
"""

import base64
import binascii
import os
import ssl
from pathlib import Path
from typing import NamedTuple

from fairlead.drivers.kube.access.exec_plugin import Credential
from fairlead.drivers.kube.access.kubeconfig import BadConfig, ClusterEntry, UserEntry


class _Material(NamedTuple):
    """PEM texts; empty where there is none."""

    authority: bytes
    certificate: bytes
    key: bytes


_Versions = tuple[tuple[int, int, int] | None, ...]


class TlsSource:
    """Makes contexts for one cluster and user."""

    def __init__(self, cluster: ClusterEntry, user: UserEntry) -> None:
        self._cluster, self._user = cluster, user
        self._credential = Credential()
        self._files = [
            path for path in (cluster.certificate_authority, user.client_certificate, user.client_key) if path
        ]
        self._made_of: tuple[Credential, _Versions] | None = None
        self._context: ssl.SSLContext | None = None

    def present(self, credential: Credential) -> None:
        """Use what a plugin gave, where the user has no certificate of its own."""
        self._credential = credential

    def context(self) -> ssl.SSLContext:
        """The context for a connection; the same object as long as what it is made of stays the same.

        Raises:
            BadConfig: a file cannot be read, or is no certificate or key.
        """
        made_of = (self._credential, tuple(map(_version, self._files)))
        if self._context is None or made_of != self._made_of:
            self._context, self._made_of = self._make(self._material()), made_of
        return self._context

    @property
    def authority(self) -> str:
        """The certificates that the server's own is checked against, PEM; empty when the system's are."""
        return self._authority().decode()

    def _authority(self) -> bytes:
        return _content(self._cluster.certificate_authority_data, self._cluster.certificate_authority)

    def _material(self) -> _Material:
        user, given = self._user, self._credential
        certificate = _content(user.client_certificate_data, user.client_certificate)
        key = _content(user.client_key_data, user.client_key)
        if not certificate and not key:
            certificate, key = given.client_certificate_data.encode(), given.client_key_data.encode()
        return _Material(self._authority(), certificate, key)

    def _make(self, material: _Material) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cadata=material.authority.decode() or None)
            # Authorities that Go's clients accept may lack what Python asks for since 3.13.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            if self._cluster.insecure_skip_tls_verify:
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            if material.certificate:
                _load_chain(context, material)
        except (ssl.SSLError, OSError, ValueError) as error:
            raise BadConfig(f"the kubeconfig's certificates are of no use: {error}") from error
        return context


def _version(path: str) -> tuple[int, int, int] | None:
    """What tells one content of a file from another without reading it, for this is asked before every request."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _content(data: str, path: str) -> bytes:
    """What stands in the kubeconfig has the first word, then the file."""
    try:
        return base64.b64decode(data, validate=False) if data else Path(path).read_bytes() if path else b""
    except (OSError, binascii.Error) as error:
        raise BadConfig(f"{path or 'data'} of the kubeconfig cannot be read: {error}") from error


def _load_chain(context: ssl.SSLContext, material: _Material) -> None:
    """OpenSSL's interface takes file names only; keys do not belong on a disk for that."""
    fd = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
    try:
        os.write(fd, material.certificate + b"\n" + material.key)
        context.load_cert_chain(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)
