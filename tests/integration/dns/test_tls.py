"""DNS over TLS: a server block with ``tls://`` presents its certificate, renews it, and asks for that of clients."""

import ssl

import dns.message
import dns.query
import pytest

from tests.integration.dns.test_process import HOST, PATIENCE, eventually, process, reply_to
from tests.support.dns_certificates import certificates
from tests.support.net.ports import free_port

NAME, ADDRESS = "www.example.com.", "192.0.2.80"


def corefile(folder, *keys, tls, more=""):
    """A server block in place of the one before, whole at any time."""
    hosts = f"hosts /none {{\n {ADDRESS} {NAME}\n }}"
    whole = folder / "next"
    whole.write_text(f"{' '.join(keys)} {{\n reload 2s\n tls {tls}\n {hosts}\n {more}\n}}\n")
    return whole.replace(folder / "Corefile")


def trusting(authority, identity=None):
    context = ssl.create_default_context(cafile=str(authority))
    if identity:
        context.load_cert_chain(*identity)
    return context


def ask(port, context, name="dns.test"):
    query = dns.message.make_query(NAME, "A")
    reply = dns.query.tls(query, HOST, timeout=PATIENCE, port=port, ssl_context=context, server_hostname=name)
    return [rdata.to_text() for rrset in reply.answer for rdata in rrset]


def test_over_tls_and_in_plain_with_a_certificate_that_changes(tmp_path):
    secure, plain = free_port(), free_port()
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
    (old, *files), (new, *others) = (certificates(folder, "dns.test") for folder in folders)
    keys = f"tls://.:{secure}", f".:{plain}"
    path = corefile(tmp_path, *keys, tls=f"{files[0]} {files[1]}")
    with process("dns", "--config", path):
        eventually(lambda: ask(secure, trusting(old)), [ADDRESS])
        assert reply_to(dns.message.make_query(NAME, "A"), plain).answer
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(secure, trusting(old), "other.test")
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(secure, trusting(new))
        corefile(tmp_path, *keys, tls=f"{others[0]} {others[1]}")
        eventually(lambda: ask(secure, trusting(new)), [ADDRESS])
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(secure, trusting(old))


def test_clients_must_show_a_certificate_where_the_file_says_so(tmp_path):
    port = free_port()
    authority, certificate, key = certificates(tmp_path, "dns.test")
    more = f"{certificate} {key} {authority} {{\n  client_auth require_and_verify\n }}"
    path = corefile(tmp_path, f"tls://.:{port}", tls=more)
    with process("dns", "--config", path):
        eventually(lambda: ask(port, trusting(authority, (certificate, key))), [ADDRESS])
        with pytest.raises((ssl.SSLError, EOFError, ConnectionError)):
            ask(port, trusting(authority))


def test_a_key_of_another_certificate_is_refused_at_start(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (_, certificate, _), (_, _, key) = (certificates(tmp_path / name, "dns.test") for name in ("one", "two"))
    path = corefile(tmp_path, f"tls://.:{free_port()}", tls=f"{certificate} {key}")
    with process("dns", "--config", path) as dns_:
        said = dns_.communicate(timeout=PATIENCE)[0].decode()
        assert dns_.returncode == 3
    assert f"Error: tls {certificate} {key}: " in said
