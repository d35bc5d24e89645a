"""Strict verifiers of other programs take the server's certificate, and only with its own authority.

Pythons of every version that this machine has, Node, Go (kubectl, gobuster), OpenSSL's ``-x509_strict`` and curl.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fairlead.drivers.identity.pki import ensure_pki
from tests.support.api_servers import ApiServer, running_api_server
from tests.support.kubectls import some_kubectls

PYTHON = """
import socket, ssl, sys
tls = ssl.create_default_context(cafile=sys.argv[1])
tls.verify_flags |= ssl.VERIFY_X509_STRICT
with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as made:
    tls.wrap_socket(made, server_hostname="localhost").close()
"""
NODE = """
const [ca, port] = process.argv.slice(1)
const settings = {host: "127.0.0.1", port, servername: "localhost", ca: require("fs").readFileSync(ca)}
require("tls").connect(settings, () => process.exit(0)).on("error", e => { console.error(e); process.exit(1) })
"""
GOBUSTER = """
export SSL_CERT_FILE=$0 SSL_CERT_DIR=/none
echo version | gobuster dir -q -z --timeout 60s --wordlist - --headers "Authorization: Bearer $TOKEN" --url https://localhost:$1
"""
OPENSSL = """
openssl s_client -connect 127.0.0.1:$1 -CAfile $0 -x509_strict -verify_return_error -verify_hostname localhost
"""
KUBECTL = """
{} --kubeconfig /dev/null --token $TOKEN --server https://127.0.0.1:$1 --certificate-authority $0 get --raw /version
"""


def pythons() -> dict[str, str]:
    """An interpreter of each version that there is, by its name."""
    folders = [*map(Path, os.environ["PATH"].split(os.pathsep)), *Path.home().glob(".pyenv/versions/*/bin")]
    paths = [folder / f"python3.{minor}" for minor in range(11, 20) for folder in folders]
    own = {f"python3.{sys.version_info.minor}": sys.executable}
    return {path.name: str(path) for path in paths if path.exists()} | own


# Shell scripts that end with 0 when the certificate at a port ($1) is good, by the file of an authority ($0).
VERIFIERS = {
    **{name: f"{path} -c {shlex.quote(PYTHON)} $0 $1" for name, path in pythons().items()},
    "node": f"node -e {shlex.quote(NODE)} $0 $1",
    "go (gobuster)": GOBUSTER,
    **{f"go ({path.name})": KUBECTL.format(path) for path in some_kubectls()},
    "openssl": OPENSSL,
    "curl": "curl -sSf --cacert $0 https://localhost:$1/livez",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_api_server(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """An authority of the same name that has signed nothing of the server's."""
    folder = tmp_path_factory.mktemp("stranger")
    ensure_pki(folder, ())
    return folder / "ca.crt"


def verify(verifier: str, authority: Path, server: ApiServer) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-ec", VERIFIERS[verifier], str(authority), str(server.port)]
    environment = {**os.environ, "TOKEN": server.token}
    return subprocess.run(
        command,
        env=environment,
        text=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("verifier", VERIFIERS)
def test_a_strict_verifier_accepts_the_server_only_with_its_own_authority(server, stranger, verifier):
    done = verify(verifier, server.data / "pki" / "ca.crt", server)
    assert done.returncode == 0, done
    refused = verify(verifier, stranger, server)
    assert refused.returncode != 0 or "unknown authority" in refused.stdout + refused.stderr, refused
    assert "certificate" in (refused.stdout + refused.stderr).lower()
