"""The immediate message of each part when its API server is unreachable or refuses its requests."""

import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
import yaml

from fairlead.drivers.identity.pki import ensure_pki, write_kubeconfig
from tests.support.api_servers import running_api_server
from tests.support.full import each_once
from tests.support.net.ports import free_port

PATIENCE = 60  # seconds; only a test that fails gets there
PARTS = {
    "dns": [
        "dns",
        "--address",
        "127.0.0.1",
        "--port",
        "0",
        "--health-port",
        "0",
        "--ready-port",
        "0",
        "--metrics-port",
        "0",
    ],
    "controllers": ["controllers", "--only", "endpointslice"],
    "proxy": ["proxy", "--node", "n", "--healthz-bind-address", "", "--metrics-bind-address", ""],
    "announcer": ["announcer", "--node", "n", "--load-balancer-pool", "192.0.2.0/24"],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_api_server(tmp_path_factory.mktemp("apiserver")) as running:
        yield running


@contextmanager
def said_by(part, kubeconfig):
    """Its lines, as they come."""
    command = [sys.executable, "-m", "fairlead", *PARTS[part], "--kubeconfig", str(kubeconfig)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    timer = threading.Timer(PATIENCE, process.kill)
    timer.start()
    try:
        yield process.stderr
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        process.stderr.close()


def line_with(lines, *wanted):
    """The first line that has all of these; whatever came before is shown when none has."""
    seen = []
    for line in lines:
        seen.append(line)
        if all(each in line for each in wanted):
            return line
    raise AssertionError(f"no line with {wanted} in: {''.join(seen)}")


def altered(server, path, **user):
    document = yaml.safe_load(server.kubeconfig.read_text())
    if user:
        document["users"][0]["user"] = user
    path.write_text(yaml.safe_dump(document))
    return path, document


def refused(server, tmp_path, _):
    path, document = altered(server, tmp_path / "config")
    document["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{free_port()}"
    path.write_text(yaml.safe_dump(document))
    return path, ["Connect call failed"]


def unknown(server, tmp_path, _):
    return altered(server, tmp_path / "config", token="nobody's")[0], ["401 Unauthorized", "as user"]


def wrong_authority(server, tmp_path, _):
    ensure_pki(tmp_path / "pki", ["127.0.0.1"])
    write_kubeconfig(tmp_path / "config", tmp_path / "pki", f"https://127.0.0.1:{server.port}", "u", [])
    return tmp_path / "config", ["CERTIFICATE_VERIFY_FAILED"]


def without_rights(server, tmp_path, part):
    write_kubeconfig(tmp_path / "config", server.data / "pki", f"https://127.0.0.1:{server.port}", "poor", [])
    trouble, refusal = "cannot list services", 'User "poor" cannot list resource "services"'
    if part == "controllers":  # nothing is listed before the Lease is held
        trouble, refusal = "cannot hold lease kube-system/", 'User "poor" cannot get resource "leases"'
    return tmp_path / "config", ["403 Forbidden", trouble, refusal]


@pytest.mark.parametrize(("part", "cause"), each_once(list(PARTS), [refused, unknown, wrong_authority, without_rights]))
def test_each_part_says_at_once_what_is_wrong(part, cause, server, tmp_path):
    kubeconfig, wanted = cause(server, tmp_path, part)
    with said_by(part, kubeconfig) as lines:
        line = line_with(lines, "WARNING", f"127.0.0.1:{'' if cause is refused else server.port}", *wanted)
    assert line[:2] == "20"  # with its time
