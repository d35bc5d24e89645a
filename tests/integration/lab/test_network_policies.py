"""NetworkPolicies in a lab that has both kinds of nodes: recipes have their documented effect, and expected traffic
still works."""

import contextlib
import json
import re
import subprocess
from itertools import product
from pathlib import Path

import pytest

from tests.support import prober
from tests.support.labs import Lab, eventually
from tests.support.net.outsiders import NODES, OUTSIDE
from tests.support.policy_recipes import RECIPES
from tests.support.users import users

CONFIG = """
ipFamilies: [IPv4, IPv6]
nodes:
- {name: node-1}
- {name: node-2, proxyMode: iptables}
"""
CAST = {
    "web-1": ("default", {"app": "web"}, "node-1"),
    "web-2": ("default", {"app": "web"}, "node-2"),
    "db": ("default", {"app": "db"}, "node-2"),
    "front-1": ("default", {"role": "front"}, "node-1"),
    "front-2": ("default", {"role": "front"}, "node-2"),
    "plain": ("default", {}, "node-2"),
    "ops": ("other", {"type": "monitoring"}, "node-1"),
    "guest": ("other", {}, "node-2"),
}
ON_BOTH = {"web": ("web-1", "web-2"), "front": ("front-1", "front-2")}  # who is on either kind of node
NODE_PORTS = {"web": 30080, "db": 30081}


def echo(name, port):
    listed = [{"name": name, "containerPort": port}]
    return {"name": name, "image": "fairlead/echo", "env": [{"name": "PORT", "value": str(port)}], "ports": listed}


def pod(name, space, labels, node):
    containers = [echo("http", 80), *([echo("admin", 5000)] if name.startswith("web") else [])]
    metadata = {"name": name, "namespace": space, "labels": labels}
    spec = {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": containers}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def service(name, **more):
    ports = [{"name": p, "port": 80, "protocol": p.upper()} for p in ("tcp", "udp")]
    spec = {"selector": {"app": name}, "ports": ports, "type": "NodePort", "externalTrafficPolicy": "Local", **more}
    ports[0]["nodePort"] = NODE_PORTS[name]
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


MANIFEST = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other", "labels": {"team": "ops"}}},
    *(pod(name, *rest) for name, rest in CAST.items()),
    *map(service, NODE_PORTS),
]


class Cast:
    """Everybody in the lab, each with a process that tries connections."""

    def __init__(self, lab, stack):
        self.lab, self._stack, self._probers = lab, stack, {}
        self.ips = {
            item["metadata"]["name"]: [each["ip"] for each in item["status"]["podIPs"]]
            for item in lab.get("pods", "-A")["items"]
        }
        services = {item["metadata"]["name"]: item["spec"]["clusterIP"] for item in lab.get("services", "-A")["items"]}
        self.vips = {"vip": services["web"], "dns": services["kube-dns"], "db-vip": services["db"]}

    def start(self, name, code):
        """A Python program that somebody runs."""
        where = ["exec", "--name", self.lab.name, "-n", CAST[name][0], name] if name in CAST else []
        where = where or ["run", "--name", self.lab.name, "--outside"]
        command = self.lab.command(*where, "--", "python3", "-uc", code)
        pipe = subprocess.PIPE
        program = subprocess.Popen(command, env=self.lab.environment, cwd="/", stdin=pipe, stdout=pipe, text=True)
        self._stack.enter_context(program)
        self._stack.callback(program.stdin.close)
        return program

    def _prober(self, name):
        if name not in self._probers:
            self._probers[name] = self.start(name, Path(prober.__file__).read_text())
        return self._probers[name]

    def tries(self, connection):
        """Each way to try a connection: who tries, and what address, port and protocol."""
        source, _, asked = connection.partition(" ")
        target, port, protocol = re.fullmatch(r"([\w-]+)(?::(\d+))?(?:/(\w+))?", asked).groups()
        number = 53 if target == "dns" else int(port or 80)
        for who in ON_BOTH.get(source, (source,)):
            for address, at in self._addresses(who, target, number):
                yield who, (address, at, protocol or "tcp")

    def _addresses(self, who, target, port):
        if target == "outside":
            return [(OUTSIDE, port)]
        if target in self.vips:
            return [(self.vips[target], port)]
        found = ON_BOTH.get(target, (target,))
        if who == "outside":
            return [(NODES[CAST[name][2]], NODE_PORTS[target]) for name in found]
        return [(ip, port) for name in found if name != who for ip in self.ips[name]]

    def results(self, connections):
        """What comes of each way to try each connection."""
        ways = [(connection, way) for connection in connections for way in self.tries(connection)]
        by_source = {}
        for connection, (who, asked) in ways:
            by_source.setdefault(who, []).append((connection, asked))
        for who, asked in by_source.items():
            self._prober(who).stdin.write(json.dumps([each for _, each in asked]) + "\n")
            self._prober(who).stdin.flush()
        return {
            (connection, who, *each): result
            for who, asked in by_source.items()
            for (connection, each), result in zip(asked, json.loads(self._prober(who).stdout.readline()), strict=True)
        }

    def surprises(self, passes, fails):
        """What is otherwise than it should be; a closed port of the world outside is reached, too."""
        found = self.results((*passes, *fails))
        return {
            key: result
            for key, result in found.items()
            if (result == "silent") != (key[0] in fails) or (result == "refused" and not key[0].endswith(" outside"))
        }

    @contextlib.contextmanager
    def under(self, *documents):
        """With these policies there."""
        self.lab.create(*documents)
        yield
        for document in documents:
            self.lab.api.delete(document)

    def comes_to(self, passes=(), fails=(), seconds=60):
        eventually(lambda: not self.surprises(passes, fails) or self._tell(passes, fails), seconds)

    def _tell(self, passes, fails):
        surprises = self.surprises(passes, fails)
        assert not surprises, "\n".join(f"{key}: {result}" for key, result in surprises.items())
        return True


@pytest.fixture(scope="module")
def cast(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policies")
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "manifest.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": MANIFEST}))
    lab = Lab(users()[0], "--config", str(folder / "config.yaml"), "-f", str(folder / "manifest.json"))
    with contextlib.ExitStack() as stack:
        stack.callback(lab.close)
        lab.up()
        yield Cast(lab, stack)


def test_without_policies_there_are_no_rules(cast):
    assert "fairlead-policy" not in cast.lab.on_node("node-1", "nft", "list", "tables")
    assert "FAIRLEAD" not in cast.lab.on_node("node-2", "iptables-save")


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_does_what_it_says(cast, recipe):
    with cast.under(*recipe.documents):
        cast.comes_to(recipe.passes, recipe.fails)


def policy(name, selector, **spec):
    metadata = {"name": name}
    spec = {"podSelector": {"matchLabels": selector} if selector else {}, **spec}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


CLOSED = policy("closed", {}, policyTypes=["Ingress", "Egress"])


def asked_by(lab, node, address):
    """Whether somebody at an address answers a process of a node."""
    host = f"[{address}]" if ":" in address else address
    answer = lab.on_node(node, "sh", "-c", f"curl -s -m 1 http://{host}/ || true")
    return "pod" in answer


def test_a_node_reaches_its_own_pods_and_no_others(cast):
    with cast.under(CLOSED):
        cast.comes_to(fails=("plain web",))
        homes = {ip: node for pod, node in (("web-1", "node-1"), ("web-2", "node-2")) for ip in cast.ips[pod]}
        asked = list(product(NODES, homes))
        eventually(lambda: [asked_by(cast.lab, *each) for each in asked] == [homes[ip] == node for node, ip in asked])


def test_a_pod_reaches_itself_through_its_service(cast):
    with cast.under(CLOSED):
        cast.comes_to(passes=("db db-vip",), fails=("plain db-vip",))


HOLD = """
import socket, sys
with socket.create_connection((sys.argv[1], 80)) as held:
    held.settimeout(0.3)
    for line in sys.stdin:
        held.send(b"hello\\n")
        try:
            print("heard" if held.recv(1000) else "ended", flush=True)
        except TimeoutError:
            print("silent", flush=True)
"""


def test_policies_hold_for_connections_that_are_open(cast):
    """They stop while a policy is against them, and go on after that."""
    (address,) = (ip for ip in cast.ips["web-2"] if ":" not in ip)
    held = [cast.start(name, HOLD.replace("sys.argv[1]", repr(address))) for name in ("front-1", "front-2")]

    def said():
        for each in held:
            each.stdin.write("\n")
            each.stdin.flush()
        return {each.stdout.readline().strip() for each in held}

    eventually(lambda: said() == {"heard"})
    with cast.under(policy("deny", {"app": "web"})):
        eventually(lambda: said() == {"silent"})
    eventually(lambda: said() == {"heard"})


def test_labels_decide_at_once(cast):
    """Of a Pod and of a Namespace."""
    team = {"namespaceSelector": {"matchLabels": {"team": "red"}}}
    role = {"podSelector": {"matchLabels": {"role": "new"}}}
    with cast.under(policy("some", {"app": "web"}, ingress=[{"from": [team, role]}])):
        cast.comes_to(fails=("plain web", "guest web"))
        cast.lab.kubectl("label", "pod", "plain", "role=new")
        cast.lab.kubectl("label", "namespace", "other", "team=red", "--overwrite")
        cast.comes_to(passes=("plain web", "guest web"))
        cast.lab.kubectl("label", "pod", "plain", "role-")
        cast.lab.kubectl("label", "namespace", "other", "team=ops", "--overwrite")
        cast.comes_to(fails=("plain web", "guest web"))


def test_policies_come_back_after_others_have_flushed_them(cast):
    with cast.under(policy("deny", {"app": "web"})):
        cast.comes_to(fails=("plain web",))
        for node in NODES:
            cast.lab.on_node(node, "nft", "flush", "ruleset")
        cast.comes_to(passes=("plain db",), fails=("plain web",), seconds=90)
