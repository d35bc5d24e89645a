"""Corefiles as processes, in front of a real API server and upstream servers with a table: each has its documented
effect."""

import contextlib
import socket
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.integration.dns.test_process import HOST, PATIENCE, DnsPorts, api_server, eventually, kubectl, process
from tests.support import distribution_corefiles as distributions
from tests.support.dns_table_server import table_server
from tests.support.full import IS_FULL
from tests.support.net.ports import free_port

Z = "default.svc.cluster.local."
SILENT = 0.5  # seconds; a server that did not answer for longer may have been given up
OBJECTS = [
    {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": "web"},
        "spec": {"clusterIP": "10.96.0.50", "ports": [{"name": "http", "port": 80}]},
    },
    {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": "db"},
        "spec": {"clusterIP": "None", "ports": [{"name": "sql", "port": 5432}]},
    },
    {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": {"name": "ext"},
        "spec": {"type": "ExternalName", "externalName": "www.example.com"},
    },
    {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "addressType": "IPv4",
        "metadata": {"name": "db-1", "labels": {"kubernetes.io/service-name": "db"}},
        "endpoints": [{"addresses": ["10.1.2.3"], "hostname": "db-0"}],
        "ports": [{"name": "sql", "port": 5432}],
    },
]
OUTSIDE = (
    "www.example.com. 60 IN A 93.184.216.34",
    "mail.example.com. 60 IN MX 10 www.example.com.",
    'text.example.com. 60 IN TXT "hello"',
    "8.8.8.8.in-addr.arpa. 60 IN PTR dns.google.",
    "x.corp.example. 60 IN A 192.0.2.31",
    "x.stub.example. 60 IN A 192.0.2.32",
    "x.rancher.example. 60 IN A 192.0.2.33",
    "db.service.consul. 60 IN A 192.0.2.34",
)
INSIDE = (  # what the cluster's DNS tells a cache on a node
    f"kubernetes.{Z} 30 IN A 10.96.0.1",
    f"web.{Z} 30 IN A 10.96.0.50",
    f"_http._tcp.web.{Z} 30 IN SRV 0 100 80 web.{Z}",
    f"_sql._tcp.db.{Z} 30 IN SRV 0 100 5432 db-0.db.{Z}",
    f"db.{Z} 30 IN A 10.1.2.3",
    f"db-0.db.{Z} 30 IN A 10.1.2.3",
    f"ext.{Z} 30 IN CNAME www.example.com.",
    "svc.cluster.local. 30 IN TXT x",
    f"{Z} 30 IN TXT x",
    'dns-version.cluster.local. 30 IN TXT "1.1.0"',
    f"50.0.96.10.in-addr.arpa. 30 IN PTR web.{Z}",
    f"3.2.1.10.in-addr.arpa. 30 IN PTR db-0.db.{Z}",
)
QUESTIONS = [  # twenty names, and what each answers wherever it is asked
    (f"kubernetes.{Z}", "A", "10.96.0.1"),
    (f"web.{Z}", "A", "10.96.0.50"),
    (f"WEB.{Z}", "A", "10.96.0.50"),
    (f"web.{Z}", "AAAA", "NODATA"),
    (f"_http._tcp.web.{Z}", "SRV", f"0 100 80 web.{Z}"),
    (f"_sql._tcp.db.{Z}", "SRV", f"0 100 5432 db-0.db.{Z}"),
    (f"db.{Z}", "A", "10.1.2.3"),
    (f"db-0.db.{Z}", "A", "10.1.2.3"),
    (f"ext.{Z}", "CNAME", "www.example.com."),
    (f"gone.{Z}", "A", "NXDOMAIN"),
    ("svc.cluster.local.", "A", "NODATA"),
    (Z, "A", "NODATA"),
    ("dns-version.cluster.local.", "TXT", '"1.1.0"'),
    ("50.0.96.10.in-addr.arpa.", "PTR", f"web.{Z}"),
    ("3.2.1.10.in-addr.arpa.", "PTR", f"db-0.db.{Z}"),
    ("www.example.com.", "A", "93.184.216.34"),
    ("www.example.com.", "AAAA", "NODATA"),
    ("mail.example.com.", "MX", "10 www.example.com."),
    ("text.example.com.", "TXT", '"hello"'),
    ("nothing.example.com.", "A", "NXDOMAIN"),
]
PECULIAR = {  # what only some of the files say
    "k3s": [("node-2.", "A", "192.0.2.22"), ("x.corp.example.", "A", "192.0.2.31")],
    "aks": [
        ("x.reddog.microsoft.com.", "A", "NXDOMAIN"),
        ("www.example.com.a.b.internal.cloudapp.net.", "A", "NXDOMAIN"),
        ("x.corp.example.", "A", "192.0.2.31"),
    ],
    "gke": [("x.stub.example.", "A", "192.0.2.32")],
    "kubespray": [("web.apps.lan.", "A", "10.96.0.50"), ("registry.", "A", "192.0.2.40")],
    "minikube": [("host.minikube.internal.", "A", "192.168.65.2")],
    "rancher": [("x.rancher.example.", "A", "192.0.2.33")],
    "aliyun": [
        ("gateway.corp.example.", "A", "192.0.2.50"),
        ("x.corp.example.", "AAAA", "NODATA"),
        ("x.corp.example.", "A", "192.0.2.31"),
    ],
    "tencent": [
        ("web.default.global.", "A", "10.96.0.50"),
        ("www.example.com.", "HINFO", "NXDOMAIN"),
        ("db.service.consul.", "A", "192.0.2.34"),
    ],
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with api_server(tmp_path_factory.mktemp("api"), free_port()) as kubeconfig:
        for document in OBJECTS:
            kubectl(kubeconfig, "create", "-f", "-", document=document)
        yield kubeconfig


@pytest.fixture(scope="module")
def outside():
    with table_server(*OUTSIDE) as server:
        yield server


@pytest.fixture(scope="module")
def cluster_dns():
    with table_server(*OUTSIDE, *INSIDE) as server:
        yield server


def ask(name, qtype, port, host=HOST, tcp=False) -> str:
    """The answer; asked again, as a resolver does, after one that was lost or came too late from an upstream server."""
    ends = time.monotonic() + PATIENCE
    is_late, answer = False, None
    while answer is None or (is_late and answer == "SERVFAIL" and time.monotonic() < ends):
        began = time.monotonic()
        try:
            answer = answer_to(name, qtype, port, host, tcp)
        except dns.exception.Timeout:
            if time.monotonic() > ends:
                raise
        is_late |= time.monotonic() - began > SILENT
    return answer


def answer_to(name, qtype, port, host, tcp) -> str:
    send = dns.query.tcp if tcp else dns.query.udp
    reply = send(dns.message.make_query(name, qtype), host, timeout=PATIENCE if tcp else 2, port=port)
    data = [rdata.to_text() for rrset in reply.answer for rdata in rrset]
    if data:
        return ", ".join(data)
    return "NODATA" if reply.rcode() == dns.rcode.NOERROR else dns.rcode.to_text(reply.rcode())


def is_refused(port) -> bool:
    try:
        socket.create_connection((HOST, port), PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


@contextlib.contextmanager
def started(tmp_path, text, kubeconfig, *more):
    """``fairlead dns`` with a Corefile, on free ports in place of the usual ones."""
    ports = DnsPorts()
    path = tmp_path / "Corefile"
    path.write_text(text)
    pages = ["--health-port", ports.health, "--ready-port", ports.ready, "--metrics-port", ports.metrics]
    command = ["dns", "--config", path, "--kubeconfig", kubeconfig, "--port", ports.dns, "--lameduck", "0", *pages]
    with process(*command, *more) as dns_:
        eventually(lambda: ports.page(ports.ready, "/ready")[0], 200)
        yield ports, dns_


# One each of those that are like another.
SHOWN = (
    distributions.ALL if IS_FULL else ["k3s", "aks", "gke", "kubespray", "aliyun", "tencent", "kubeadm", "node-local"]
)


@pytest.mark.parametrize("name", SHOWN)
def test_the_corefiles_of_distributions(name, tmp_path, cluster, outside, cluster_dns):
    def filled(text: str) -> str:
        for word, value in (
            ("UPSTREAM", f"{HOST}:{outside.port}"),
            ("CLUSTER_DNS", f"{HOST}:{cluster_dns.port}"),
            ("FOLDER", str(tmp_path)),
            ("BIND_FIRST", "127.0.0.1"),
            ("BIND", "127.0.0.1 127.0.7.7"),
        ):
            text = text.replace(word, value)
        return text

    for path, text in distributions.MOUNTED.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(filled(text))
    cluster_dns.asked.clear()
    with started(tmp_path, filled(distributions.ALL[name]), cluster) as (ports, _):
        for question, qtype, expected in (*QUESTIONS, *PECULIAR.get(name, ())):
            assert ask(question, qtype, ports.dns) == expected, f"{question} {qtype}"
        if name.startswith("node-"):
            assert ask(f"web.{Z}", "A", ports.dns, host="127.0.7.7") == "10.96.0.50"
            over_tcp = [line for line in cluster_dns.asked if "cluster.local" in line]
            assert over_tcp
            assert all(line.startswith("tcp") for line in over_tcp)
        else:
            assert ask("8.8.8.8.in-addr.arpa.", "PTR", ports.dns) == "dns.google."
            assert ask(f"ext.{Z}", "A", ports.dns) == "www.example.com., 93.184.216.34"


KUBERNETES = "kubernetes cluster.local in-addr.arpa ip6.arpa {\n       fallthrough in-addr.arpa ip6.arpa\n    }"


def test_two_ports_in_one_file(tmp_path, cluster, outside):
    other = free_port()
    forward = f"forward . {HOST}:{outside.port}"
    text = f".:53 {{\n {KUBERNETES}\n {forward}\n}}\n.:{other} {{\n {forward}\n}}\n"
    with started(tmp_path, text, cluster) as (ports, _):
        assert ask(f"web.{Z}", "A", ports.dns) == "10.96.0.50"
        assert ask(f"web.{Z}", "A", other) == "NXDOMAIN"
        assert ask("www.example.com.", "A", other, tcp=True) == "93.184.216.34"


def test_without_a_cluster_no_api_is_needed(tmp_path, outside):
    with started(tmp_path, f".:53 {{\n forward . {HOST}:{outside.port}\n cache 30\n}}", "/none") as (ports, _):
        assert ask(f"web.{Z}", "A", ports.dns) == "NXDOMAIN"
        assert ask("www.example.com.", "A", ports.dns) == "93.184.216.34"


def test_pages_are_served_at_the_addresses_that_the_file_names(tmp_path, outside):
    numbers = [free_port() for _ in range(3)]
    pages = zip(("health", "ready", "prometheus"), numbers, strict=True)
    lines = "\n".join(f"{name} 127.0.4.57:{port}" for name, port in pages)
    dns_port = free_port()
    path = tmp_path / "Corefile"
    path.write_text(f".:{dns_port} {{\n{lines}\nforward . {HOST}:{outside.port}\n}}\n")
    with process("dns", "--config", path):
        eventually(lambda: ask("www.example.com.", "A", dns_port), "93.184.216.34")
        for port in numbers:
            eventually(lambda port=port: socket.create_connection(("127.0.4.57", port), PATIENCE).close(), None)
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((HOST, port), PATIENCE)


def test_only_errors_are_logged_where_only_they_are_wanted(tmp_path, outside):
    hosts = "hosts /none down {\n  192.0.2.1 x.up\n }"
    text = f". {{\n log . {{\n  class error\n }}\n errors\n {hosts}\n forward . {HOST}:{outside.port}\n}}"
    with started(tmp_path, text, "/none") as (ports, dns_):
        assert ask("www.example.com.", "A", ports.dns) == "93.184.216.34"
        assert ask("nothing.example.com.", "A", ports.dns) == "NXDOMAIN"
        assert ask("x.down.", "A", ports.dns) == "SERVFAIL"
        dns_.terminate()
        said = dns_.communicate(timeout=PATIENCE)[0].decode()
    assert "www.example.com" not in said
    assert "nothing.example.com" not in said
    assert '"A IN x.down. udp' in said
    assert "[ERROR] plugin/errors: 2 x.down. A: hosts: no entry, and no fallthrough" in said


def test_a_file_with_faults_does_not_start_and_all_are_reported(tmp_path):
    path = tmp_path / "Corefile"
    path.write_text(". {\n loadbalance weighted /no/such/file\n vieww\n}\n")
    with process("dns", "--config", path) as dns_:
        said = dns_.communicate(timeout=PATIENCE)[0].decode()
        assert dns_.returncode == 2
    assert f"{path}:2: /no/such/file: No such file or directory" in said
    assert f"{path}:3: plugin vieww is unknown" in said


def test_ports_come_and_go_with_the_file(tmp_path, outside):
    first, second = free_port(), free_port()
    path = tmp_path / "Corefile"

    def write(port):
        whole = tmp_path / "next"
        whole.write_text(f".:{port} {{\n reload 2s\n forward . {HOST}:{outside.port}\n}}\n")
        whole.replace(path)

    write(first)
    with process("dns", "--config", path):
        eventually(lambda: ask("www.example.com.", "A", first), "93.184.216.34")
        write(second)
        eventually(lambda: ask("www.example.com.", "A", second), "93.184.216.34")
        eventually(lambda: is_refused(first), True)
