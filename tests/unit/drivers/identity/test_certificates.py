"""Certificates that strict verifiers take, their renewal, and the folders of earlier versions."""

import ssl
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from fairlead.drivers.identity import certificates
from fairlead.drivers.identity.certificates import CertificateSubject, facts_of
from fairlead.drivers.identity.pki import (
    API_SERVER,
    certificate_files,
    ensure_certificate,
    ensure_pki,
    write_certificate,
)
from fairlead.drivers.identity.renewal import FollowedCertificate, authority_notice, renew_due

HOSTS = ("127.0.0.1", "localhost")
DAY = timedelta(days=1)
NO_FLAGS = ssl.VerifyFlags(0)

pytestmark = pytest.mark.io


class Clock(datetime):
    """The time, some days from now."""

    shift = timedelta()

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) + cls.shift


@pytest.fixture
def clock(monkeypatch):
    for module in ("certificates", "pki"):
        monkeypatch.setattr(f"fairlead.drivers.identity.{module}.datetime", Clock)
    monkeypatch.setattr(Clock, "shift", timedelta())
    return Clock


@pytest.fixture
def pki(tmp_path, clock):
    ensure_pki(tmp_path, HOSTS)
    ensure_certificate(tmp_path, API_SERVER, API_SERVER, ())
    return tmp_path


def handshake(pki, flags):
    """Verify the server of a folder in memory; raises ssl.SSLError."""
    return served(
        pki, FollowedCertificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *certificate_files(pki, "server")), flags
    )


def served(pki, followed, flags=NO_FLAGS):
    """The certificate that a server shows to a client that trusts the folder's authority."""
    client = ssl.create_default_context(cafile=pki / "ca.crt")
    client.verify_flags = flags  # newer Pythons are strict by default
    lines = [ssl.MemoryBIO() for _ in range(2)]
    ends = [
        client.wrap_bio(lines[0], lines[1], server_hostname="localhost"),
        followed.current().wrap_bio(lines[1], lines[0], server_side=True),
    ]
    for _ in range(6):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return ends[0].getpeercert(binary_form=True)


def test_a_strict_client_takes_the_server(pki):
    assert handshake(pki, ssl.VERIFY_X509_STRICT)


def openssl_verifies(pki, name, purpose, moment):
    """OpenSSL's word on a certificate, as of a moment."""
    options = ["-x509_strict", "-purpose", purpose, "-attime", str(int(moment.timestamp()))]
    command = ["openssl", "verify", *options, "-CAfile", pki / "ca.crt", pki / f"{name}.crt"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(("name", "purpose"), [("server", "sslserver"), (API_SERVER, "sslclient")])
def test_openssl_takes_each_certificate_strictly(pki, name, purpose):
    assert openssl_verifies(pki, name, purpose, datetime.now(UTC)) == f"{pki / f'{name}.crt'}: OK\n"


def older_folder(pki, monkeypatch):
    """Certificates as earlier versions made them, without the extensions that strict verifiers ask for."""
    from cryptography import x509

    add = x509.CertificateBuilder.add_extension

    def as_before(self, extension, critical):
        unknown = isinstance(extension, (x509.KeyUsage, x509.AuthorityKeyIdentifier))
        return self if unknown else add(self, extension, critical)

    with monkeypatch.context() as patched:
        patched.setattr(x509.CertificateBuilder, "add_extension", as_before)
        for file in pki.iterdir():
            file.unlink()
        certificates_before(pki)


def certificates_before(pki):
    key = certificates.new_key()
    authority = certificates.authority_certificate(key)
    certificate, own = certificates.signed_certificate(authority, key, CertificateSubject("kube-apiserver", (), HOSTS))
    for name, content in (("ca.key", key), ("ca.crt", authority), ("server.crt", certificate), ("server.key", own)):
        (pki / name).write_bytes(content)


def test_a_folder_of_an_earlier_version_is_brought_up_to_date(pki, monkeypatch, tmp_path_factory):
    older_folder(pki, monkeypatch)
    with pytest.raises(ssl.SSLError):
        handshake(pki, ssl.VERIFY_X509_STRICT)
    trusted, key = (pki / "ca.crt").read_bytes(), (pki / "ca.key").read_bytes()
    ensure_pki(pki, HOSTS)
    assert handshake(pki, ssl.VERIFY_X509_STRICT)
    assert (pki / "ca.key").read_bytes() == key
    (pki / "ca.crt").write_bytes(trusted)  # as in kubeconfigs that were handed out
    assert handshake(pki, NO_FLAGS)


def test_valid_certificates_are_not_replaced(pki):
    before = {file.name: file.read_bytes() for file in pki.iterdir()}
    ensure_pki(pki, HOSTS)
    ensure_certificate(pki, API_SERVER, API_SERVER, ())
    assert renew_due(pki) == []
    assert {file.name: file.read_bytes() for file in pki.iterdir()} == before


def test_servers_certificates_are_renewed_before_they_end(pki, clock):
    end = facts_of((pki / "server.crt").read_bytes()).end
    clock.shift = end - datetime.now(UTC) - 31 * DAY
    assert renew_due(pki) == []
    clock.shift += 2 * DAY
    assert renew_due(pki) == ["server"]
    renewed = facts_of((pki / "server.crt").read_bytes())
    assert renewed.end > end + 300 * DAY
    assert set(renewed.subject.hosts) == set(HOSTS)
    assert openssl_verifies(pki, "server", "sslserver", end + 10 * DAY).endswith("OK\n")


def test_a_start_renews_as_well(pki, clock):
    end = facts_of((pki / "server.crt").read_bytes()).end
    clock.shift = end - datetime.now(UTC) - DAY
    ensure_pki(pki, HOSTS)
    assert facts_of((pki / "server.crt").read_bytes()).end > end


def test_no_certificate_outlives_its_authority(pki, clock):
    authority = facts_of((pki / "ca.crt").read_bytes()).end
    clock.shift = authority - datetime.now(UTC) - 10 * DAY
    ensure_pki(pki, HOSTS)
    assert facts_of((pki / "server.crt").read_bytes()).end == authority


def test_an_authority_that_has_ended_has_a_successor_with_the_same_key(pki, clock):
    before, key = facts_of((pki / "ca.crt").read_bytes()).end, (pki / "ca.key").read_bytes()
    clock.shift = before - datetime.now(UTC) + DAY
    ensure_pki(pki, HOSTS)
    assert facts_of((pki / "ca.crt").read_bytes()).end > before
    assert (pki / "ca.key").read_bytes() == key


def test_the_end_of_an_authority_is_announced_a_year_ahead(pki):
    end = facts_of((pki / "ca.crt").read_bytes()).end
    assert authority_notice(pki, (end - 366 * DAY).timestamp()) == ""
    notice = authority_notice(pki, (end - 364 * DAY).timestamp())
    assert f"{pki / 'ca.crt'} ends on {end.date()}" in notice
    (pki / "ca.crt").unlink()
    assert authority_notice(pki, 0) == ""


def test_a_server_takes_up_a_renewed_certificate(pki):
    files = certificate_files(pki, "server")
    followed = FollowedCertificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *files)
    eager = FollowedCertificate(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *files, look_every=0.0)
    first = served(pki, followed)
    assert served(pki, eager) == first
    write_certificate(pki, "server", CertificateSubject("kube-apiserver", (), HOSTS))
    assert served(pki, followed) == first, "it is looked at once a minute"
    second = served(pki, eager)
    assert second != first
    (pki / "server.crt").unlink()
    assert served(pki, eager) == second
