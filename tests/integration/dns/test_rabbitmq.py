"""RabbitMQ forms a cluster by DNS: its nodes ask for addresses, and then for the names that these belong to.

Each node has registered the name of its Pod below the headless Service, and must be found by just that name, although
another Service has the same Pods: Erlang takes the first name of an address. ``FAIRLEAD_RABBITMQ_RUNS`` says how often
this is tried, in fresh Pods each time.
Which name an address has first is shown by default in tests/unit/clusterdns/test_answer.py.
"""

import os
import re
from pathlib import Path

import pytest

from tests.support.labs import Lab, eventually
from tests.support.users import users

RUNS = int(os.environ.get("FAIRLEAD_RABBITMQ_RUNS", "1"))
MANIFESTS = Path(__file__).with_name("rabbitmq.yaml")
SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
ERL_CALL = "/usr/lib/erlang/bin/erl_call"
BELOW = "rabbit.default.svc.cluster.local"
MEMBERS = [f"rabbit@rabbit-{number}.{BELOW}" for number in range(3)]


@pytest.fixture(scope="module")
def lab():
    made = Lab(users()[-1], "--nodes", "2", "--image", f"rabbitmq={SERVER}")
    try:
        made.up()
        yield made
    finally:
        made.close()


def running(lab: Lab, pod: str) -> list[str]:
    """The members of the cluster that the node in a Pod sees running."""
    call = [ERL_CALL, "-name", f"rabbit@{pod}.{BELOW}", "-c", "tests", "-a", "rabbit_mnesia cluster_nodes [running]"]
    return sorted(re.findall(r"rabbit@[\w.-]+", lab.exec(pod, *call)))


@pytest.mark.full
@pytest.mark.parametrize("run", range(RUNS))
def test_three_nodes_become_one_cluster(lab, run):
    lab.kubectl("apply", "-f", str(MANIFESTS))
    try:
        eventually(lambda: lab.get("statefulset", "rabbit")["status"].get("readyReplicas") == 3, 120)
        eventually(lambda: all(running(lab, pod) == MEMBERS for pod in ("rabbit-0", "rabbit-1", "rabbit-2")), 60)
    finally:
        lab.kubectl("delete", "--wait", "-f", str(MANIFESTS))
        eventually(lambda: not lab.get("pods", "-l", "app=rabbit")["items"], 30)
