"""``fairlead dns`` as a process: in front of a real API server, before it, and after it has gone."""

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.support.kubectls import kubectls
from tests.support.net.ports import free_port

FAIRLEAD = [str(Path(sys.executable).parent / "fairlead")]
HOST = "127.0.0.1"
PATIENCE = 60  # seconds


@contextlib.contextmanager
def process(*arguments):
    started = subprocess.Popen([*FAIRLEAD, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield started
    finally:
        started.terminate()
        started.communicate(timeout=PATIENCE)


@contextlib.contextmanager
def api_server(directory, port):
    with process("apiserver", "--data", directory, "--listen", f"{HOST}:{port}") as started:
        assert b"serving" in started.stdout.readline()
        yield directory / "admin.kubeconfig"


def reply_to(query, port):
    """The reply to a question over UDP, which is asked again as a resolver does."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            return dns.query.udp(query, HOST, timeout=2, port=port, ignore_unexpected=True)
        except dns.exception.Timeout:
            if time.monotonic() > ends:
                raise


def first_of_two():
    """A free port that is followed by another one, which the second worker has for its metrics."""
    while True:
        port = free_port()
        with contextlib.suppress(OSError), socket.create_server((HOST, port + 1)):
            return port


class DnsPorts:
    def __init__(self):
        self.dns, self.health, self.ready = (free_port() for _ in range(3))
        self.metrics = first_of_two()

    def arguments(self, kubeconfig, *more):
        ports = ["--health-port", self.health, "--ready-port", self.ready, "--metrics-port", self.metrics]
        where = ["--kubeconfig", kubeconfig, "--address", HOST, "--port", self.dns]
        return ["dns", *where, *ports, "--outside", "nxdomain", "--lameduck", "0", *more]

    def ask(self, name, qtype="A"):
        return reply_to(dns.message.make_query(f"{name}.svc.cluster.local.", qtype), self.dns)

    def addresses(self, name):
        return sorted(rdata.to_text() for rrset in self.ask(name).answer for rdata in rrset)

    def page(self, port, path):
        try:
            with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=PATIENCE) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


def eventually(probe, wanted):
    """Wait until the probe gives what is wanted."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            found = probe()
        except (OSError, dns.exception.Timeout) as error:
            found = error
        if found == wanted:
            return
        assert time.monotonic() < ends, f"still {found!r}, wanted {wanted!r}"
        time.sleep(0.05)


def kubectl(kubeconfig, *arguments, document=None):
    subprocess.run(
        [kubectls()[-1], "--kubeconfig", str(kubeconfig), *arguments],
        input=json.dumps(document).encode() if document else None,
        check=True,
        capture_output=True,
    )


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"clusterIP": "None", "ports": [{"port": 80}]},
}
SLICE = {
    "apiVersion": "discovery.k8s.io/v1",
    "kind": "EndpointSlice",
    "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.1.2.3"]}],
    "ports": [],
}


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory):
    """That of an API server for all tests that leave it alone."""
    with api_server(tmp_path_factory.mktemp("api"), free_port()) as found:
        yield found


@pytest.mark.parametrize("workers", [1, 2])
def test_changes_of_the_cluster_are_answered(kubeconfig, workers):
    ports = DnsPorts()
    with process(*ports.arguments(kubeconfig, "--workers", workers)):
        eventually(lambda: ports.page(ports.ready, "/ready"), (200, "OK"))
        eventually(lambda: ports.addresses("kubernetes.default"), ["10.96.0.1"])
        kubectl(kubeconfig, "create", "-f", "-", document=SERVICE)
        kubectl(kubeconfig, "create", "-f", "-", document=SLICE)
        eventually(lambda: ports.addresses("web.default"), ["10.1.2.3"])
        kubectl(kubeconfig, "delete", "endpointslice", "web-1")
        eventually(lambda: ports.ask("web.default").rcode(), dns.rcode.NXDOMAIN)
        assert ports.page(ports.health, "/health") == (200, "OK")
        objects = 'fairlead_dns_objects{kind="services"} 2.0'
        eventually(lambda: objects in ports.page(ports.metrics, "/metrics")[1], True)
        kubectl(kubeconfig, "delete", "service", "web")


def test_a_lost_api_server_leaves_the_last_answers_and_comes_back(tmp_path):
    ports, api_port = DnsPorts(), free_port()
    settings = tmp_path / "dns.yaml"
    settings.write_text("unready_after: 2.0\n")
    with api_server(tmp_path, api_port) as kubeconfig:
        server = process(*ports.arguments(kubeconfig, "--config", settings))
        server.__enter__()
        eventually(lambda: ports.addresses("kubernetes.default"), ["10.96.0.1"])
    try:
        eventually(lambda: "watch of services dead for" in ports.page(ports.ready, "/ready")[1], True)
        eventually(lambda: ports.page(ports.ready, "/ready")[0], 503)
        assert ports.addresses("kubernetes.default") == ["10.96.0.1"]
        with api_server(tmp_path, api_port) as kubeconfig:
            kubectl(kubeconfig, "create", "-f", "-", document={**SERVICE, "spec": {"ports": [{"port": 80}]}})
            eventually(lambda: len(ports.addresses("web.default")), 1)
            eventually(lambda: ports.page(ports.ready, "/ready"), (200, "OK"))
    finally:
        server.__exit__(None, None, None)


SETTINGS = """\
reload: 0.2
hosts: {{gateway.lan: [192.0.2.{number}]}}
{more}
"""
COREFILE = """\
.:53 {{
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        ttl 5
    }}
    hosts {{
        192.0.2.{number} gateway.lan
        fallthrough
    }}
    reload 2s
    {more}
}}
"""


@pytest.mark.parametrize(
    ("name", "text", "bad", "fixed"),
    [
        ("dns.yaml", SETTINGS, "ttl: many", "multicluster: clusterset.local"),
        ("Corefile", COREFILE, "template x", "cache 1\n    cache 2"),
    ],
)
def test_a_changed_file_is_loaded_and_a_bad_one_refused(tmp_path, kubeconfig, name, text, bad, fixed):
    ports, path = DnsPorts(), tmp_path / name

    def write(number, more=""):
        whole = tmp_path / "next"  # as a ConfigMap's volume is changed: at once
        whole.write_text(text.format(number=number, more=more))
        whole.replace(path)

    def address():
        return reply_to(dns.message.make_query("gateway.lan.", "A"), ports.dns).answer[0][0].address

    def metric(name):
        lines = ports.page(ports.metrics, "/metrics")[1].splitlines()
        return next(line.rpartition(" ")[2] for line in lines if line.startswith(name))

    write(1)
    with process(*ports.arguments(kubeconfig, "--config", path)) as dns_:
        eventually(lambda: ports.page(ports.ready, "/ready")[0], 200)
        assert address() == "192.0.2.1"
        write(2)
        eventually(address, "192.0.2.2")
        write(3, bad)
        eventually(lambda: metric("coredns_reload_failed_total"), "1.0")
        write(4, fixed)
        eventually(lambda: metric("coredns_reload_failed_total"), "2.0")
        assert address() == "192.0.2.2"
        assert ports.addresses("kubernetes.default") == ["10.96.0.1"]
        write(5)
        eventually(address, "192.0.2.5")
        digest = hashlib.sha512(path.read_bytes()).hexdigest()
        expected = f'coredns_reload_version_info{{hash="sha512",value="{digest}"}} 1.0'
        eventually(lambda: expected in ports.page(ports.metrics, "/metrics")[1], True)
        os.kill(dns_.pid, signal.SIGTERM)
        said = dns_.communicate(timeout=PATIENCE)[0].decode()
    assert said.count("reload refused, the configuration in force stays") == 2
    assert ("needs a restart: multicluster" if name == "dns.yaml" else "plugin cache may stand only once") in said


def test_before_the_api_server_is_there_nothing_is_denied(tmp_path):
    ports, api_port = DnsPorts(), free_port()
    with api_server(tmp_path, api_port) as kubeconfig:
        pass
    with process(*ports.arguments(kubeconfig)):
        eventually(lambda: ports.ask("web.default").rcode(), dns.rcode.SERVFAIL)
        eventually(lambda: ports.page(ports.ready, "/ready")[0], 503)
        assert "services" in ports.page(ports.ready, "/ready")[1]
        with api_server(tmp_path, api_port):
            eventually(lambda: ports.ask("web.default").rcode(), dns.rcode.NXDOMAIN)


def with_lameduck(ports, kubeconfig, seconds):
    arguments = ports.arguments(kubeconfig)
    arguments[arguments.index("--lameduck") + 1] = seconds
    return arguments


def test_a_stopping_server_answers_while_unready(kubeconfig):
    ports = DnsPorts()
    with process(*with_lameduck(ports, kubeconfig, "3600")) as server:
        eventually(lambda: ports.addresses("kubernetes.default"), ["10.96.0.1"])
        os.kill(server.pid, signal.SIGTERM)
        eventually(lambda: ports.page(ports.ready, "/ready")[0], 503)
        assert ports.addresses("kubernetes.default") == ["10.96.0.1"]
        os.kill(server.pid, signal.SIGTERM)  # told again, it ends at once
        assert server.wait(PATIENCE) == 0


def test_a_stopping_server_ends_when_its_time_is_up(kubeconfig):
    ports = DnsPorts()
    with process(*with_lameduck(ports, kubeconfig, "0.5")) as server:
        eventually(lambda: ports.page(ports.ready, "/ready")[0], 200)
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait(PATIENCE) == 0


def test_a_port_in_use_is_a_clear_error(kubeconfig):
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        command = [*FAIRLEAD, "dns", "--kubeconfig", str(kubeconfig), "--address", HOST, "--port", str(port)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert result.returncode == 3
        assert f"cannot listen at {HOST} port {port}" in result.stderr
