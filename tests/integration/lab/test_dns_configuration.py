"""A lab's DNS is configured as in a cluster: by a Corefile in the ConfigMap ``kube-system/coredns``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.labs import Lab, eventually
from tests.support.users import users

PYTHON = sys.executable

CONFIG = """\
.:53 {{
    errors
    ready
    rewrite name suffix .apps.lan .default.svc.cluster.local answer auto
    hosts /none {{
        192.0.2.7 gateway.lan
        fallthrough
    }}
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
        pods {pods}
        ttl 5
    }}
    {more}
}}
"""


@pytest.fixture(scope="module")
def lab():
    made = Lab(users()[-1], "--nodes", "1")
    try:
        made.up()
        yield made
    finally:
        made.close()


def configure(lab: Lab, text: str | None) -> None:
    metadata = {"name": "coredns", "namespace": "kube-system"}
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"Corefile": text}}
    if text is None:
        lab.kubectl("delete", "-n", "kube-system", "configmap", "coredns")
    else:
        lab.kubectl("apply", "-f", "-", stdin=json.dumps(document))


def addresses(lab: Lab, name: str) -> list[str]:
    """What a name answers in the node's network, asked of the cluster's DNS."""
    program = (
        "import dns.resolver; r = dns.resolver.Resolver(configure=False); r.nameservers = ['10.96.0.10'];"
        "r.lifetime = 30;"  # as long as it asks again: a busy machine answers late
        f"print(*[a.address for a in r.resolve('{name}.', raise_on_no_answer=False).rrset or []])"
    )
    done = lab.fairlead("exec", "--name", lab.name, "--node", "node-1", "--", PYTHON, "-c", program, check=False)
    return done.stdout.split()


def events(lab: Lab, reason: str) -> list[str]:
    return [e["message"] for e in lab.get("events", "-n", "kube-system")["items"] if e["reason"] == reason]


def test_a_corefile_is_in_force_refused_and_gone_again(lab):
    """In force without a restart; one with a fault is refused with an Event that names each, and the old one stays."""
    virtual = lab.get("service", "kubernetes")["spec"]["clusterIP"]
    assert addresses(lab, "gateway.lan") == []
    configure(lab, CONFIG.format(pods="disabled", more=""))
    eventually(lambda: addresses(lab, "gateway.lan") == ["192.0.2.7"])
    assert addresses(lab, "kubernetes.apps.lan") == [virtual]
    eventually(lambda: events(lab, "CorefileApplied"))
    configure(lab, CONFIG.format(pods="sometimes", more="vieww"))
    (message,) = eventually(lambda: events(lab, "CorefileRefused"))
    assert "Corefile:10: pods sometimes is not one of disabled, insecure, verified" in message
    assert "Corefile:13: plugin vieww is unknown" in message
    assert addresses(lab, "gateway.lan") == ["192.0.2.7"]
    configure(lab, CONFIG.format(pods="verified", more="autopath @kubernetes"))
    pod = lab.get("pods", "-n", "kube-system", "-l", "k8s-app=kube-dns")["items"][0]["status"]["podIP"]
    name = f"{pod.replace('.', '-')}.kube-system.pod.cluster.local"
    eventually(lambda: addresses(lab, name) == [pod])
    configure(lab, None)
    eventually(lambda: addresses(lab, "gateway.lan") == [])
    assert addresses(lab, "kubernetes.default.svc.cluster.local") == [virtual]


def test_a_rolling_restart_loses_no_question(lab):
    """Each is asked once, by a client that does not try again."""
    program = str(Path(__file__).parents[2] / "support" / "net" / "steady_questions.py")
    name = "kubernetes.default.svc.cluster.local."
    command = lab.command("exec", "--name", lab.name, "--node", "node-1", "--", PYTHON, program, "10.96.0.10", name)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=lab.environment, cwd="/", stdin=pipe, stdout=pipe, text=True) as client:
        assert client.stdout.readline() == "\n"
        before = pods(lab)
        for _ in range(2):
            # kubectl refuses a second restart within the same second.
            eventually(lambda: lab.kubectl("rollout", "restart", "-n", "kube-system", "deployment/fairlead-dns"))
            lab.kubectl("rollout", "status", "-n", "kube-system", "deployment/fairlead-dns", "--timeout=50s")
        eventually(lambda: len(pods(lab)) == 1 and not pods(lab) & before, 30)
        said, _ = client.communicate("")
    found = json.loads(said)
    assert found["failures"] == []
    assert found["answered"] > 100


def pods(lab: Lab) -> set[str]:
    found = lab.get("pods", "-n", "kube-system", "-l", "k8s-app=kube-dns")["items"]
    return {pod["metadata"]["uid"] for pod in found}
