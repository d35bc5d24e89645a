"""A lab over a control plane of other programs, with real etcd and stand-ins that check what the real ones would."""

import json

import pytest

from tests.support.control_plane_stand_ins import write_stand_ins
from tests.support.labs import Lab, eventually
from tests.support.users import users

MANIFESTS = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers: [{name: web, image: fairlead/echo, ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  containers: [{name: client, image: busybox, command: [sleep, infinity]}]
"""


@pytest.fixture(scope="module")
def lab():
    lab = Lab(users()[-1])
    (lab.folder / "manifests.yaml").write_text(MANIFESTS)
    write_stand_ins(lab.folder / "bin")
    lab.up_arguments = (
        *("--nodes", "1", "--control-plane", str(lab.folder / "bin"), "-f", str(lab.folder / "manifests.yaml")),
        *("--data", str(lab.data), "--timeout", "140"),
    )
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


def test_pods_run_and_are_reached_by_name_and_virtual_ip(lab):
    # DNS and the rules of the client's node follow the ready Pod.
    assert "web" in eventually(lambda: lab.exec("client", "curl", "-s", "--max-time", "10", "http://web/"))


def test_the_usual_commands_are_for_it_too(lab):
    assert lab.kubectl("get", "pod", "web", "-o", "jsonpath={.status.phase}").stdout == "Running"
    assert lab.kubectl("exec", "client", "--", "echo", "inside").stdout == "inside\n"
    assert lab.kubectl("get", "--raw", "/readyz").stdout == "ok"


def test_load_balancers_get_addresses(lab):
    def address():
        service = json.loads(lab.kubectl("get", "service", "web", "-o", "json").stdout)
        return service["status"]["loadBalancer"]["ingress"][0]["ip"]

    assert eventually(address).startswith("192.168.65.")


def test_every_program_of_it_runs(lab):
    names = {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"}
    assert names <= {path.stem for path in (lab.data / "logs").glob("*.log")}
