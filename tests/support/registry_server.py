"""Debian's docker-registry on loopback, and images pushed to it by skopeo."""

import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.labs import eventually
from tests.support.net.ports import free_port

CONFIG = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/store}}}}
http: {{addr: 127.0.0.1:{port}}}
{auth}
"""
AUTH = "auth: {{htpasswd: {{realm: test, path: {folder}/users}}}}"
USER, PASSWORD = "reader", "swordfish"


class RegistryServer:
    """A registry that runs.

    Attributes:
        host: with its port.
    """

    def __init__(self, folder: Path, *, with_login: bool = False) -> None:
        self.folder, self.with_login = folder, with_login
        port = free_port()
        self.host = f"127.0.0.1:{port}"
        auth = AUTH.format(folder=folder) if with_login else ""
        (folder / "config.yml").write_text(CONFIG.format(folder=folder, port=port, auth=auth))
        if with_login:
            subprocess.run(["htpasswd", "-Bbc", folder / "users", USER, PASSWORD], check=True, capture_output=True)
        self._log = open(folder / "registry.log", "wb")  # noqa: SIM115 - for as long as the server runs
        self._process = subprocess.Popen(
            ["docker-registry", "serve", folder / "config.yml"], stdout=self._log, stderr=subprocess.STDOUT
        )
        eventually(self._answers)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://{self.host}/v2/", timeout=2)
        except urllib.error.HTTPError:
            return True  # it wants a login
        except OSError:
            return False
        return True

    def push(self, archive: Path, name: str, of: str = "") -> str:
        """Have an image of an archive (docker save) by this name; how clients name it.

        Args:
            of: which image of the archive; empty for the only one.
        """
        source = f"docker-archive:{archive}:{of}" if of else f"docker-archive:{archive}"
        target = f"docker://{self.host}/{name}"
        login = [f"--dest-creds={USER}:{PASSWORD}"] if self.with_login else []
        words = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-tls-verify=false", *login]
        policy = {**os.environ, "XDG_RUNTIME_DIR": str(self.folder)}
        done = subprocess.run([*words, source, target], env=policy, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return f"{self.host}/{name}"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


@contextmanager
def registry_server(folder: Path, *, with_login: bool = False) -> Iterator[RegistryServer]:
    folder.mkdir()
    server = RegistryServer(folder, with_login=with_login)
    try:
        yield server
    finally:
        server.close()
