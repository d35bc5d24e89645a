"""Logs, exec, attach, cp, port-forward and proxies, by real kubectls: the oldest speaks SPDY, those from 1.30 on begin
to speak WebSockets, and the newest speaks nothing else."""

import base64
import fcntl
import json
import os
import pty
import re
import select
import socket
import ssl
import struct
import subprocess
import termios
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

from tests.support.full import IS_FULL, some_of
from tests.support.kubectls import kubectls, oldest_and_newest
from tests.support.labs import Lab, eventually
from tests.support.users import users

MANIFESTS = Path(__file__).with_name("streams.yaml")
SECONDS = 60
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def lab():
    lab = Lab(users()[0])
    shared = lab.folder / "shared"
    shared.mkdir()
    manifests = lab.folder / "manifests.yaml"
    manifests.write_text(MANIFESTS.read_text().replace("FOLDER", str(shared)))
    lab.up_arguments = ("--nodes", "1", "-f", str(manifests), "--timeout", "90")
    try:
        lab.up()
        # A container that runs is ready, whatever it has done so far.
        eventually(lambda: (shared / "say").is_fifo() and lab.log("talker", "talker").count("\n") == 4)
        eventually(lambda: lab.log("talker", "other"))
        yield lab
    finally:
        lab.close()


# The oldest speaks SPDY, the newest WebSockets; the one between them begins with WebSockets and has both.
BETWEEN = [program for program in kubectls() if IS_FULL and program.name == "kubectl.1.30"]
OLDEST, *NEWER = oldest_and_newest()
PROGRAMS = [OLDEST, *BETWEEN, *NEWER]
# For what is a plain request of HTTP with each of them.
plain = pytest.mark.parametrize(
    "kubectl", PROGRAMS if IS_FULL else PROGRAMS[-1:], indirect=True, scope="module", ids=lambda path: path.name
)


class Kubectl:
    """One kubectl, run to its end or in the background."""

    def __init__(self, lab: Lab, program: Path) -> None:
        self.prefix = [str(program), "--kubeconfig", lab.kubeconfig]
        self.environment = lab.environment

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*self.prefix, *arguments], env=self.environment, input=stdin, capture_output=True, timeout=120, check=False
        )

    def out(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        """What a command that must succeed prints."""
        done = self(*arguments, stdin=stdin)
        assert done.returncode == 0, done
        return done.stdout

    @contextmanager
    def running(self, *arguments: str, **streams):
        command = [*self.prefix, *arguments]
        with subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, **streams) as process:
            try:
                yield process
            finally:
                process.kill()


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda path: path.name)
def kubectl(lab, request):
    return Kubectl(lab, request.param)


class Terminal:
    """A program that believes a person is at the keyboard."""

    def __init__(self, command, environment, columns=101, rows=33):
        self._fd, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            command, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.screen = ""

    def resize(self, columns, rows):
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.process.pid, 28)  # SIGWINCH

    def type(self, text):
        self.screen = ""
        os.write(self._fd, text.encode())

    def wait_for(self, pattern):
        deadline = time.monotonic() + SECONDS
        while not re.search(pattern, self.screen, re.MULTILINE):
            assert select.select([self._fd], [], [], deadline - time.monotonic())[0], repr(self.screen)
            self.screen += os.read(self._fd, 4096).decode()

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self._fd)


@pytest.fixture
def terminal(kubectl):
    terminals = []

    def start(*arguments):
        terminals.append(Terminal([*kubectl.prefix, *arguments], kubectl.environment))
        return terminals[-1]

    yield start
    for each in terminals:
        each.close()


def say(kubectl: Kubectl, word: str) -> None:
    """Have the talker print a line."""
    kubectl.out("exec", "talker", "-c", "talker", "--", "sh", "-c", f"echo {word} > /mnt/say")


LOOK = "ps -ef; hostname; "


class TestDebug:
    """By the newest kubectl alone, which asks the server as older ones do. Ephemeral containers stay, so the Pod is its
    own."""

    @pytest.fixture
    def debug(self, lab):
        newest = Kubectl(lab, kubectls()[-1])

        def debug(*arguments: str) -> str:
            return newest.out("debug", "--profile=general", "--image=busybox", *arguments).decode()

        return debug

    def test_a_look_at_a_pod_that_runs(self, lab, debug):
        debug("seen", "--target=seen", "-c", "look", "--", "sh", "-c", "ps -ef; hostname; exec sleep 1000")
        seen = eventually(lambda: (told := lab.log("seen", "look")).endswith("seen\n") and told)
        assert "sleep 4321" in seen
        assert lab.kubectl("exec", "seen", "-c", "look", "--", "hostname").stdout == "seen\n"
        eventually(lambda: list(ephemeral_status(lab, "seen", "look")["state"]) == ["running"])
        told = eventually(lambda: not_provided(lab, "seen"))
        assert "spec.ephemeralContainers{look}.securityContext.capabilities.add" in told

    def test_debugging_at_a_terminal(self, lab):
        newest = kubectls()[-1]
        words = [str(newest), "--kubeconfig", lab.kubeconfig, "debug", "-qit", "seen", "--image=busybox"]
        terminal = Terminal([*words, "--profile=general", "--", "sh"], lab.environment)
        try:
            terminal.type("echo $((6*7))\n")
            terminal.wait_for("42")
            terminal.type("exit 3\n")
        finally:
            terminal.close()

    def test_a_copy(self, lab, debug):
        debug(
            "seen", "--copy-to=copy", "--share-processes", "-c", "look", "--", "sh", "-c", "ps -ef; hostname; sleep 9"
        )
        eventually(lambda: lab.log("copy", "look").endswith("copy\n"))
        lab.kubectl("delete", "pod", "copy", "--now")

    def test_a_node_and_the_event_about_fields_without_effect(self, lab, debug):
        debug("node/node-1", "--", "sh", "-c", "hostname; ls /host; sleep 9")
        (pod,) = (p for p in lab.get("pods")["items"] if p["metadata"]["name"].startswith("node-debugger-node-1-"))
        name = pod["metadata"]["name"]
        told = eventually(lambda: "etc" in (words := lab.log(name).split()) and words)
        assert told[0] == "node-1"
        event = eventually(lambda: not_provided(lab, name))
        assert event == "this node does not act on spec.hostPID, spec.hostIPC"
        lab.kubectl("delete", "pod", name, "--now")


def ephemeral_status(lab: Lab, pod: str, container: str) -> dict:
    (status,) = lab.get("pod", pod)["status"]["ephemeralContainerStatuses"]
    assert status["name"] == container
    return status


def not_provided(lab: Lab, pod: str) -> str:
    """What the Event about fields without effect says."""
    events = lab.get("events", f"--field-selector=involvedObject.name={pod},reason=NotProvided")["items"]
    return events[0]["message"]


@plain
class TestLogs:
    def test_the_whole_log(self, kubectl):
        lines = kubectl.out("logs", "talker", "-c", "talker").splitlines()
        assert sorted(lines[:4]) == [b"one", b"three", b"trouble", b"two"]

    def test_the_last_lines(self, kubectl):
        assert kubectl.out("logs", "talker", "-c", "other", "--tail=1") == b"hello from the other\n"
        assert kubectl.out("logs", "talker", "-c", "other", "--tail=0") == b""

    def test_with_times_and_from_a_time_on(self, kubectl):
        line = kubectl.out("logs", "talker", "-c", "other", "--timestamps").decode()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z hello from the other\n", line)
        assert kubectl.out("logs", "talker", "-c", "other", "--since-time=2200-01-01T00:00:00Z") == b""
        assert kubectl.out("logs", "talker", "-c", "other", "--since=1h") == b"hello from the other\n"

    def test_limited(self, kubectl):
        assert kubectl.out("logs", "talker", "-c", "other", "--limit-bytes=5") == b"hello"

    def test_logs_of_all_containers(self, kubectl):
        assert b"[pod/talker/other] hello from the other\n" in kubectl.out(
            "logs", "talker", "--all-containers", "--prefix"
        )

    def test_followed_while_the_container_writes(self, kubectl):
        with kubectl.running("logs", "-f", "talker", "-c", "talker", "--tail=1") as process:
            process.stdout.readline()
            for word in ("this", "that"):
                say(kubectl, word)
                assert process.stdout.readline() == f"said {word}\n".encode()

    def test_logs_of_the_previous_run(self, kubectl):
        eventually(lambda: kubectl.out("logs", "crasher", "--previous") == b"begun\n")
        eventually(lambda: kubectl.out("logs", "crasher") == b"begun\n")  # the next run may only just begin

    def test_previous_logs_of_a_first_run(self, kubectl):
        done = kubectl("logs", "web", "--previous")
        expected = b'previous terminated container "web" in pod "web" not found'
        assert (done.returncode, done.stderr) == (1, b"Error from server (BadRequest): " + expected + b"\n")

    def test_logs_of_a_missing_container(self, kubectl):
        done = kubectl("logs", "web", "-c", "x")
        assert b"container x is not valid for pod web" in done.stderr


class TestExec:
    def test_output_and_error_and_exit_code(self, kubectl):
        done = kubectl("exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
        assert (done.returncode, done.stdout) == (3, b"out\n")
        assert done.stderr == b"err\ncommand terminated with exit code 3\n"

    def test_arguments_are_no_shell_text(self, kubectl):
        arguments = ("$HOME", "a b", "", "'; exit 1", "*", "ü")
        printed = kubectl.out("exec", "web", "--", "printf", "<%s>", *arguments).decode()
        assert printed == "".join(f"<{argument}>" for argument in arguments)

    def test_input(self, kubectl):
        data = os.urandom(2 * MEBIBYTE)
        assert kubectl.out("exec", "-i", "web", "--", "cat", stdin=data) == data

    def test_much_output_to_a_slow_reader(self, kubectl):
        with kubectl.running("exec", "web", "--", "head", "-c", str(20 * MEBIBYTE), "/dev/zero") as process:
            time.sleep(0.5)
            assert len(process.stdout.read()) == 20 * MEBIBYTE

    def test_exec_does_not_wait_for_background_processes(self, kubectl):
        assert kubectl.out("exec", "web", "--", "sh", "-c", "sleep 100 & echo done") == b"done\n"

    def test_a_signal(self, kubectl):
        assert kubectl("exec", "web", "--", "sh", "-c", "kill -TERM $$").returncode == 143

    def test_a_program_that_is_not_there(self, kubectl):
        done = kubectl("exec", "web", "--", "no-such-program")
        assert done.returncode == 1
        assert b"executable file not found in $PATH" in done.stderr

    def test_a_container_that_is_not_there(self, kubectl):
        assert b"container x is not valid for pod web" in kubectl("exec", "web", "-c", "x", "--", "true").stderr

    def test_a_terminal(self, terminal):
        shell = terminal("exec", "-it", "web", "--", "sh")
        shell.wait_for("[#$] ")
        # kubectl sends the size on a stream of its own, so that the shell may hear of it later than of what is typed.
        shell.type('until [ "$(stty size)" = "33 101" ]; do sleep 0.1; done; stty size; echo $TERM\n')
        shell.wait_for(r"33 101\s+xterm")
        shell.resize(80, 25)
        shell.type('until [ "$(stty size)" = "25 80" ]; do sleep 0.1; done; stty size\n')
        shell.wait_for(r"25 80\s+[#$] ")
        shell.type("echo beg''un; sleep 100\n")
        shell.wait_for("begun")
        time.sleep(0.2)
        shell.type("\x03")
        shell.wait_for("[#$] ")
        shell.type("exit 7\n")
        shell.wait_for("exit code 7")
        assert shell.process.wait(SECONDS) == 7

    def test_a_command_ends_when_its_client_disconnects(self, kubectl):
        with kubectl.running("exec", "web", "--", "sh", "-c", "echo $$; exec sleep 1234") as process:
            pid = process.stdout.readline().decode().strip()
        eventually(lambda: kubectl("exec", "web", "--", "kill", "-0", pid).returncode == 1)


class TestAttach:
    def test_attaching_to_a_running_process(self, kubectl):
        with kubectl.running("attach", "talker", "-c", "talker", stderr=subprocess.PIPE) as process:
            hints = iter(process.stderr.readline, b"")  # newer ones say first that all of it is logged
            assert any(b"see a command prompt" in hint for hint in hints)

            def is_heard() -> bool:
                say(kubectl, "something")  # again: the hint comes before the connection
                return bool(select.select([process.stdout], [], [], 1)[0])

            eventually(is_heard, SECONDS)
            assert process.stdout.readline().endswith(b"said something\n")

    def test_run_a_pod_at_the_terminal(self, terminal):
        shell = terminal(
            "run", "-it", "--rm", f"shell-{os.urandom(3).hex()}", "--image=busybox", "--command", "--", "sh"
        )
        shell.wait_for("pressing enter")
        # kubectl sends the size on a stream of its own, so that the shell may hear of it later than of what is typed.
        shell.type('until [ "$(stty size)" = "33 101" ]; do sleep 0.1; done; stty size\n')
        shell.wait_for("^33 101")
        shell.type("exit\n")
        shell.wait_for("deleted|ended")

    def test_run_a_command_in_a_pod_of_its_own(self, kubectl):
        name = f"echo-{os.urandom(3).hex()}"
        command = ("run", "-i", "--rm", name, "--image=busybox", "--restart=Never", "--", "echo", "a word")
        assert b"a word\n" in kubectl.out(*command)

    def test_run_a_pod_with_input(self, kubectl):
        name = f"cat-{os.urandom(3).hex()}"
        command = ("run", "-i", "--rm", name, "--image=busybox", "--restart=Never", "--command", "--", "cat")
        assert kubectl.out(*command, stdin=b"through a Pod\n").startswith(b"through a Pod\n")


def test_the_first_words_of_a_pod_are_not_lost_beside_others(lab):
    """Pods that say a word and end, four at a time, beside one that takes all of a processor."""
    words = [f"word {number}" for number in range(some_of(8, 20))]
    newest = Kubectl(lab, PROGRAMS[-1])
    newest.out("run", "busy", "--image=busybox", "--", "sh", "-c", "while :; do :; done")

    def said(word: str) -> str:
        run = ("run", word.replace(" ", "-"), "-i", "--rm", "--image=busybox", "--restart=Never", "--")
        return newest.out(*run, "echo", word).decode().splitlines()[0]

    try:
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(said, words)) == words
    finally:
        newest("delete", "pod", "busy", "--now")


def test_files_are_copied_both_ways(kubectl, tmp_path):
    (tmp_path / "there").write_bytes(os.urandom(3 * MEBIBYTE))
    kubectl.out("cp", str(tmp_path / "there"), "web:/mnt/copied")
    kubectl.out("cp", "web:/mnt/copied", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == (tmp_path / "there").read_bytes()


@contextmanager
def forwarded(kubectl: Kubectl, target: str, port: str):
    """The local address of a forwarded port."""
    with kubectl.running("port-forward", target, f":{port}", stderr=subprocess.PIPE) as process:
        line = process.stdout.readline().decode()
        yield "127.0.0.1", int(re.search(r"127\.0\.0\.1:(\d+)", line)[1]), process


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:
        return answer.read()


class TestPortForward:
    def test_requests_through_it(self, kubectl):
        kubectl.out("exec", "web", "--", "sh", "-c", f"head -c {MEBIBYTE} /dev/zero > /mnt/large")
        with forwarded(kubectl, "web", "8080") as (host, port, _):
            for _ in range(3):
                assert len(fetch(f"http://{host}:{port}/large")) == MEBIBYTE
            with pytest.raises(urllib.error.HTTPError, match="404"):
                fetch(f"http://{host}:{port}/nothing")

    def test_several_connections_at_once(self, kubectl):
        with forwarded(kubectl, "pod/web", "http") as (host, port, _):
            connections = [socket.create_connection((host, port), SECONDS) for _ in range(5)]
            for connection in reversed(connections):
                with connection, connection.makefile("rwb") as stream:
                    stream.write(b"GET /nothing HTTP/1.0\r\n\r\n")
                    stream.flush()
                    assert b" 404 " in stream.readline()

    def test_of_a_service(self, kubectl):
        with forwarded(kubectl, "service/web", "80") as (host, port, _):
            assert b"Directory listing" in fetch(f"http://{host}:{port}/")

    def test_forwarding_to_a_closed_port(self, kubectl):
        with forwarded(kubectl, "web", "9") as (host, port, process):
            with socket.create_connection((host, port), SECONDS) as connection:
                assert connection.recv(10) == b""
            assert b"Connection refused" in process.stderr.readline()


@plain
class TestProxies:
    def test_a_proxy_to_a_pod(self, kubectl):
        assert b"Directory listing" in kubectl.out("get", "--raw", "/api/v1/namespaces/default/pods/web:8080/proxy/")

    @pytest.mark.parametrize("name", ["web", "web:80", "web:http", "http:web:http"])
    def test_of_a_service(self, kubectl, name):
        path = f"/api/v1/namespaces/default/services/{name}/proxy/?x=1"
        assert b"Directory listing" in kubectl.out("get", "--raw", path)

    def test_a_proxy_to_a_service_without_endpoints(self, kubectl):
        done = kubectl("get", "--raw", "/api/v1/namespaces/default/services/nobody/proxy/")
        expected = b'Error from server (ServiceUnavailable): no endpoints available for service "nobody"\n'
        assert (done.returncode, done.stderr) == (1, expected)

    def test_a_proxy_to_a_node(self, kubectl):
        node = "/api/v1/nodes/node-1/proxy"
        assert kubectl.out("get", "--raw", f"{node}/healthz") == b"ok"
        pods = json.loads(kubectl.out("get", "--raw", f"{node}/pods"))["items"]
        assert {"web", "talker"} <= {pod["metadata"]["name"] for pod in pods}
        assert b"node-1-agent.log" in kubectl.out("get", "--raw", f"{node}/logs/")

    def test_a_refusal_is_passed_on(self, kubectl):
        done = kubectl("get", "--raw", "/api/v1/namespaces/default/pods/web:8080/proxy/nothing")
        assert b"the server could not find the requested resource" in done.stderr


class TestNodePort:
    """The node's own HTTP API is for those that the API server knows, and lets."""

    URL = "https://192.168.64.11:10250/containerLogs/default/talker/other"

    def test_a_client_without_a_certificate_is_refused(self, lab):
        assert lab.exec("web", "curl", "-sk", self.URL) == "Unauthorized"

    def test_an_administrator_with_a_certificate(self, lab):
        user = json.loads(Path(lab.kubeconfig).read_text())["users"][0]["user"]
        for kind in ("certificate", "key"):
            text = base64.b64decode(user[f"client-{kind}-data"]).decode()
            lab.kubectl("exec", "-i", "web", "--", "sh", "-c", f"cat > /mnt/{kind}", stdin=text)
        printed = lab.exec("web", "curl", "-sk", "--cert", "/mnt/certificate", "--key", "/mnt/key", self.URL)
        assert printed == "hello from the other\n"


class TestClientLibraries:
    """What the WebSocket clients of other languages do, which give all ports in the request."""

    PATH = "/api/v1/namespaces/default/pods/web/portforward?ports=8080"

    @pytest.fixture
    def config(self, lab):
        return json.loads(Path(lab.kubeconfig).read_text())

    @pytest.fixture
    def connected(self, lab, config):
        url = config["clusters"][0]["cluster"]["server"].replace("https:", "wss:") + self.PATH
        tls = client_tls(lab, config)
        return partial(connect, url, ssl=tls, subprotocols=["v4.channel.k8s.io"], open_timeout=SECONDS)

    def test_port_forward(self, connected):
        with connected() as socket_:
            port = (8080).to_bytes(2, "little")
            assert {socket_.recv(SECONDS), socket_.recv(SECONDS)} == {b"\0" + port, b"\1" + port}
            socket_.send(b"\0GET / HTTP/1.0\r\n\r\n")
            assert socket_.recv(SECONDS).startswith(b"\0HTTP/1.0 200 ")

    def test_connections_that_end_at_once(self, connected):
        for _ in range(some_of(40, 200)):
            with connected():
                pass

    def test_no_session_tickets(self, lab, config):
        """They make clients of two threads, as the one above, lose their first request now and then."""
        url = urlsplit(config["clusters"][0]["cluster"]["server"])
        with (
            socket.create_connection((url.hostname, url.port), SECONDS) as plain,
            client_tls(lab, config).wrap_socket(plain, server_hostname=url.hostname) as connection,
        ):
            connection.sendall(b"GET /livez HTTP/1.1\r\nhost: lab\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
            assert not connection.session.has_ticket


def client_tls(lab, config):
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    paths = []
    for kind in ("certificate", "key"):
        paths.append(lab.folder / f"client-{kind}")
        paths[-1].write_bytes(base64.b64decode(user[f"client-{kind}-data"]))
    context.load_cert_chain(*paths)
    return context


@pytest.fixture(scope="module")
def ask_node(lab):
    kubectl = Kubectl(lab, kubectls()[-1])
    role = "--clusterrole=system:kubelet-api-admin"
    for name in ("reader", "nobody"):
        kubectl.out("create", "serviceaccount", name)
    kubectl.out("create", "clusterrolebinding", "reader", role, "--serviceaccount=default:reader")
    tokens = {name: kubectl.out("create", "token", name).decode() for name in ("reader", "nobody")}
    address = kubectl.out("get", "node", "node-1", "-o", "jsonpath={.status.addresses[0].address}").decode()

    def ask(path, name):
        authorization = ("-H", f"Authorization: Bearer {tokens[name]}") if name else ()
        curl = ("curl", "-sk", "--path-as-is", "-w", "\n%{http_code}", *authorization, f"https://{address}:10250{path}")
        body, _, code = lab.fairlead("exec", "--name", lab.name, "--node", "node-1", "--", *curl).stdout.rpartition(
            "\n"
        )
        return int(code), body

    return ask


class TestANodesOwnPages:
    """Asked at the node itself, with the tokens of two ServiceAccounts, of which one may."""

    def test_which_clients_a_node_answers(self, ask_node):
        user = "system:serviceaccount:default:nobody"
        refusal = f"Forbidden (user={user}, verb=get, resource=nodes, subresource(s)=[pods proxy])"
        assert ask_node("/pods", None) == (401, "Unauthorized")
        assert ask_node("/pods", "nobody") == (403, refusal)
        assert ask_node("/healthz", "reader") == (200, "ok")

    def test_running_pods_and_their_usage(self, ask_node):
        code, body = ask_node("/pods", "reader")
        pods = {each["metadata"]["name"]: each for each in json.loads(body)["items"]}
        assert code == 200
        assert pods["web"]["status"]["phase"] == "Running"
        used = {each["podRef"]["name"]: each for each in json.loads(ask_node("/stats/summary", "reader")[1])["pods"]}
        (container,) = used["web"]["containers"]
        assert container["name"] == "web"
        assert used["web"]["memory"]["workingSetBytes"] >= container["memory"]["workingSetBytes"] > 1 << 20
        assert used["web"]["network"]["name"] == "eth0"
        metrics = ask_node("/metrics/resource", "reader")[1]
        assert 'container_memory_working_set_bytes{container="web",namespace="default",pod="web"} ' in metrics

    def test_the_logs_of_a_node(self, ask_node):
        assert '<a href="pods/">pods/</a>' in ask_node("/logs/", "reader")[1]
        assert ask_node("/logs/../pki/ca.key", "reader")[0] == 404
