"""A lab on a machine without namespaces: it is chosen by default, reports why, and works on loopback.

One lab where seccomp refuses namespaces, as in a container without privileges, and one where a sysctl does; both of an
ordinary user, so that low ports are out of reach too.
"""

import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.full import one_in
from tests.support.lab_processes import parent_of
from tests.support.labs import Lab, eventually
from tests.support.users import CHECKOUT, users

SCRIPT = CHECKOUT / "tests" / "support" / "no_namespaces.py"
MANIFESTS = Path(__file__).with_name("userspace.yaml")
SHIFTED = 10080  # stands for port 80 where low ports cannot be bound


class Confined(Lab):
    """A lab whose commands run where namespaces are refused."""

    def __init__(self, kind: str, *up_arguments: str) -> None:
        self.kind, self.said = kind, ""
        super().__init__(users()[-1], *up_arguments)
        self.environment["PYTHONPATH"] = f"{CHECKOUT}/src"

    def placed(self, *words: str) -> list[str]:
        return self.user.command(sys.executable, str(SCRIPT), self.kind, *words)


@pytest.fixture(scope="module")
def lab():
    made = Confined("seccomp", "-f", str(MANIFESTS))
    try:
        done = made.fairlead("up", "--name", made.name, "--data", str(made.data), "--wait", *made.up_arguments)
        made.said = done.stderr
        yield made
    finally:
        made.close()


def tell(text: str) -> dict[str, str]:
    """What the echo server tells of itself and its client."""
    return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)


def ask(lab, service, *place):
    """What the echo server behind a Service tells a client in a place, which asks by its name."""
    return ask_at(lab, f"http://{service}/", *place)


def ask_at(lab, url, *place):
    return tell(eventually(lambda: lab.fairlead(*place, "--", "curl", "-sS", "--max-time", "5", url).stdout))


def address_of(lab, pod):
    return lab.get("pod", pod)["status"]["podIP"]


def node_address(lab, name):
    return lab.get("node", name)["status"]["addresses"][0]["address"]


def in_pod(lab, pod="client"):
    return ("exec", "--name", lab.name, pod)


def test_a_lab_reports_why_there_are_no_namespaces(lab):
    assert "a seccomp filter refuses namespaces" in lab.said
    assert "without namespaces, on loopback addresses" in lab.said


def test_a_lab_works_where_a_sysctl_forbids_namespaces():
    made = Confined("sysctl", "-f", str(MANIFESTS))
    try:
        done = made.fairlead("up", "--name", made.name, "--wait", *made.up_arguments)
        assert "user.max_user_namespaces is 0" in done.stderr
        told = eventually(lambda: made.kubectl("exec", "client", "--", "curl", "-sS", "http://web/").stdout)
        assert tell(told)["client"].startswith(address_of(made, "client") + ":")
        until_nothing_is_left(made, inside=True)
    finally:
        made.close()


def until_nothing_is_left(lab, *, inside):
    """Kill the lab's process outside or its first one inside, and wait for the end of all others."""
    is_inside = {pid: "fairlead.app.lab.init" in line for pid, line in lab.processes().items()}
    found = {pid for pid in is_inside if is_inside[pid] == inside}
    (first,) = (pid for pid in found if parent_of(pid) not in (found if inside else is_inside))
    os.kill(first, signal.SIGKILL)
    eventually(lambda: lab.processes() == {})
    eventually(lambda: not (lab.folder / "run" / "fairlead" / lab.name).exists())


def test_a_pod_reaches_a_service_as_itself(lab):
    assert ask(lab, "web", *in_pod(lab))["client"].startswith(address_of(lab, "client") + ":")


def test_a_command_runs_as_a_pod(lab):
    found = ask(lab, "web", "run", "--name", lab.name)
    assert found["client"].rpartition(":")[0] in {f"127.{number_of(lab)}.{n}.{i}" for n in (1, 2) for i in range(2, 30)}


def number_of(lab):
    return address_of(lab, "client").split(".")[1]


def test_a_process_of_a_node_comes_from_its_address(lab):
    url = f"http://{lab.get('service', 'web')['spec']['clusterIP']}:{SHIFTED}/"
    found = ask_at(lab, url, "exec", "--name", lab.name, "--node", "node-2")
    assert found["client"].startswith(node_address(lab, "node-2") + ":")


def test_session_affinity_is_by_client(lab):
    answers = {ask(lab, "faithful", *in_pod(lab))["pod"] for _ in range(6)}
    assert len(answers) == 1


def test_policy_local_keeps_the_client_address_and_policy_cluster_does_not(lab):
    lab.fairlead("run", "--name", lab.name, "--outside", "--", "true")
    ports = {each["name"]: each["nodePort"] for each in lab.get("service", "outer")["spec"]["ports"]}
    node = lab.get("pod", "web-0")["spec"]["nodeName"]
    url = f"http://{node_address(lab, node)}:{ports['http']}/"
    found = ask_at(lab, url, "run", "--name", lab.name, "--outside")
    assert found["client"].split(".")[2] == "242"  # the world outside
    assert found["node"] == node


def test_network_policies_hold_for_what_goes_through_services(lab):
    curl = ("--", "curl", "-sS", "--max-time", "1", guarded_url(lab))
    # 28: it is silent, as a packet that is dropped
    eventually(lambda: lab.fairlead(*in_pod(lab), *curl, check=False).returncode == 28)
    assert ask_at(lab, guarded_url(lab), *in_pod(lab, "friend"))["pod"] == "guarded"
    directly = f"http://{address_of(lab, 'guarded')}/"
    assert ask_at(lab, directly, *in_pod(lab))["pod"] == "guarded"


def guarded_url(lab):
    return f"http://{lab.get('service', 'guarded')['spec']['clusterIP']}/"


def test_a_service_without_endpoints_refuses(lab):
    address = lab.get("service", "nobody")["spec"]["clusterIP"]
    done = lab.fairlead(*in_pod(lab), "--", "curl", "-sS", f"http://{address}:8080/", check=False)
    assert done.returncode == 7, done


def test_names_answer_over_udp_and_tcp(lab):
    server, _, port = lab.exec("client", "printenv", "FAIRLEAD_NAMESERVER").strip().partition(":")
    wanted = lab.get("service", "web")["spec"]["clusterIP"]
    for option in ("+notcp", "+tcp"):
        question = ("dig", "+short", option, f"@{server}", "-p", port, "web.default.svc.cluster.local")
        assert lab.exec("client", *question).split() == [wanted]


def test_programs_believe_that_they_have_a_network_of_their_own(lab):
    """Two Pods listen on every address with one low port, in either family, and are reached at their own."""
    for name in ("left", "right"):
        for family in ("", "6"):
            lab.kubectl("run", f"{name}{family}", "--image", "busybox", "--command", "--", *server(family))
    for name in ("left", "right", "left6", "right6"):
        assert eventually(functools.partial(answer_of, lab, name)) == name


def answer_of(lab, pod):
    url = f"http://{address_of(lab, pod)}/"
    return lab.fairlead(*in_pod(lab), "--", "curl", "-s", url, check=False).stdout


def server(family):
    """Listens on every address, and tells the name of its Pod."""
    words = (
        "import http.server, os, socket",
        f"class S(http.server.HTTPServer): address_family = socket.AF_INET{family}",
        "class H(http.server.BaseHTTPRequestHandler):",
        "  def do_GET(self):",
        "    self.send_response(200); self.end_headers(); self.wfile.write(os.environ['POD_NAME'].encode())",
        "S(('', 80), H).serve_forever()",
    )
    return (sys.executable, "-c", "\n".join(words))


def test_the_doctor_finds_nothing_wrong_with_it(lab):
    found = lab.fairlead("doctor", "--name", lab.name, check=False).stdout
    assert {word for word in found.split() if word.startswith(("listens-", "slice-"))} == set(), found


def test_kubectl_works_as_on_any_cluster(lab):
    assert lab.kubectl("exec", "client", "--", "sh", "-c", "echo $POD_IP").stdout.strip() == address_of(lab, "client")
    eventually(lambda: "hello" in lab.log("talker"))
    nodes = lab.kubectl("get", "nodes", "-o", "name").stdout.split()
    assert nodes == ["node/node-1", "node/node-2"]


def test_a_configmap_and_a_token_are_below_the_pods_root(lab):
    assert lab.exec("client", "sh", "-c", 'cat "$FAIRLEAD_POD_ROOT/etc/app/greeting"') == "good day"
    assert (
        lab.exec(
            "client",
            "sh",
            "-c",
            'test -s "$FAIRLEAD_POD_ROOT/var/run/secrets/kubernetes.io/serviceaccount/token"; echo $?',
        )
        == "0\n"
    )


def test_a_container_runs_as_the_user_of_the_lab(lab):
    spec = {"securityContext": {"runAsUser": 4711}}
    override = json.dumps({"spec": spec})
    command = ("run", "other", "--image", "busybox", "--restart=Never", f"--overrides={override}", "--", "id", "-u")
    lab.kubectl(*command)
    eventually(lambda: lab.get("pod", "other")["status"]["phase"] == "Succeeded")
    assert lab.log("other") == f"{users()[-1].uid}\n"


def test_everything_that_a_pod_started_ends_with_it(lab):
    lab.kubectl("run", "family", "--image", "busybox", "--restart=Never", "--", "sh", "-c", FAMILY)
    eventually(lambda: len(family()) == 2)
    lab.delete_pods("family")
    eventually(lambda: family() == [])


FAMILY = "setsid sleep 98761 & setsid sleep 98761 & wait"


def family():
    done = subprocess.run(["pgrep", "-f", "^sleep 98761$"], capture_output=True, text=True, check=False)
    return done.stdout.split()


def test_pods_end_with_their_nodes_agent_and_are_started_again(lab):
    node = lab.get("pod", "friend")["spec"]["nodeName"]
    before = container_of(lab, "friend")
    lab.kill(lab.component_pids()[f"{node}-agent"])
    eventually(lambda: container_of(lab, "friend") not in ("", before), 60)
    eventually(lambda: answer_of(lab, "web-0") and answer_of(lab, "web-1"), 60)


def container_of(lab, pod):
    (status,) = lab.get("pod", pod)["status"]["containerStatuses"]
    return status.get("containerID", "") if "running" in status["state"] else ""


def test_nodes_come_and_go(lab):
    lab.fairlead("node", "add", "--name", lab.name, "third")
    eventually(lambda: lab.get("node", "third"))
    refused = lab.fairlead("node", "partition", "--name", lab.name, "third", check=False)
    assert "no cables" in refused.stderr
    lab.fairlead("node", "remove", "--name", lab.name, "third")


LIBRARY = """
from fairlead.lab import Lab, LabError
lab = Lab.attach({name!r})
print(lab.resolve("web", from_="client").addresses)
print(lab.run("printenv POD_IP").stdout)
with lab.serve(lambda environ, start: (start("200 OK", []), [environ["REMOTE_ADDR"].encode()])[1], "api", port=8080):
    lab.settled()
    with lab.connect("api", 8080, from_="client") as made:
        made.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
        print(made.makefile("rb").read().split(b"\\r\\n\\r\\n")[1].decode())
with lab.fault.unready("web-0"):
    print(len(lab.resolve("pods", from_="client").addresses))
with lab.fault.dns("web", "nxdomain"):
    print(lab.resolve("web", from_="client").rcode)
try:
    with lab.fault.loss("client", "web-0"):
        pass
except LabError as error:
    print(error)
lab.detach()
"""


def test_the_library_works_but_for_faults_of_packets(lab):
    program = lab.user.command(
        sys.executable, str(SCRIPT), lab.kind, sys.executable, "-c", LIBRARY.format(name=lab.name)
    )
    done = subprocess.run(
        program, env=lab.environment, cwd=lab.folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    resolved, address, _, client, ready, failure, refusal = done.stdout.splitlines()
    assert resolved == f"('{lab.get('service', 'web')['spec']['clusterIP']}',)"
    assert address == address_of(lab, "fairlead-client")
    assert client == address_of(lab, "client")
    assert (ready, failure) == ("1", "NXDOMAIN")
    assert "loss" in refusal


@pytest.mark.parametrize(
    ("arguments", "words"),
    one_in(
        3,
        [
            (("--dual-stack",), "--dual-stack, ipFamilies"),
            (("--proxy-mode", "iptables"), "--proxy-mode iptables"),
            (("--publish",), "--publish"),
            (("--load-balancing", "one-node"), "loadBalancing other than spread"),
            (("--wire", "127.0.0.1"), "connected with other hosts"),
            (("--pull",), "--pull"),
        ],
    ),
)
def test_features_that_need_namespaces_are_refused_by_name(arguments, words):
    made = Lab(users()[-1])
    try:
        done = made.fairlead("up", "--userspace", "--name", made.name, *arguments, check=False)
        assert done.returncode == 3
        assert words in done.stderr
    finally:
        made.close()


def test_nothing_is_left_of_a_lab_whose_process_outside_is_killed(lab):
    """The last test: the lab is gone then."""
    until_nothing_is_left(lab, inside=False)
