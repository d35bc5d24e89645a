"""The client library for Node.js, @kubernetes/client-node, against the API server: see node_client/client.mjs."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.api_servers import running_api_server

FOLDER = Path(__file__).parent / "node_client"
SCENARIOS = ["pages", "patches", "refusals", "watch", "informer", "objects"]


@pytest.fixture(scope="module")
def installed():
    """The folder with the locked packages beside the script; they are fetched when the lock has changed."""
    assert shutil.which("npm"), "there is no npm; scripts/setup.sh installs it"
    digest = hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
    stamp = FOLDER / "node_modules" / ".digest"
    if not stamp.exists() or stamp.read_text() != digest:
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=FOLDER, check=True, timeout=300)
        stamp.write_text(digest)
    return FOLDER


def test_every_scenario(installed, tmp_path):
    with running_api_server(tmp_path / "api") as server:
        environment = os.environ | {"KUBECONFIG": str(server.kubeconfig)}
        script = subprocess.Popen(
            ["timeout", "300", "node", "client.mjs"],
            cwd=installed,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        passed = []
        for line in map(str.rstrip, script.stdout):
            if line == "restart":
                server.stop()
                server.start()
                script.stdin.write("done\n")
                script.stdin.flush()
            else:
                passed.append(line)
        _, errors = script.communicate()
    assert errors == "", errors
    assert script.returncode == 0
    assert passed == [f"ok {name}" for name in SCENARIOS]
