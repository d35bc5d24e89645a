"""Programs that people deploy with: Helm 3 and 4 through the whole life of a release, Ansible's ``kubernetes.core``."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.charts import CHART as OWN_CHART
from tests.support.full import IS_FULL
from tests.support.helm import VERSIONS, Helm, HelmFailedError
from tests.support.kubectls import NEWEST
from tests.support.labs import BIN, Lab, eventually
from tests.support.users import users

HERE = Path(__file__).parent
CHART = HERE / "chart"
SOON = "--timeout=240s"
COLLECTIONS = BIN.parent / "share"
PUBLISHED = BIN.parent / "share" / "charts" / "dask-kubernetes-operator"


# What follows the install: by one version of Helm, except in a full run.
later = pytest.mark.parametrize("helm", VERSIONS if IS_FULL else VERSIONS[:1], indirect=True, scope="module")


@pytest.fixture(scope="module")
def lab():
    lab = Lab(users()[-1])
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


@pytest.fixture(scope="module", params=VERSIONS)
def helm(request, lab):
    """A release that is installed, for the tests of one version of Helm, and uninstalled by the last of them."""
    namespace = f"helm-{request.param}"
    helm = Helm(lab, request.param, namespace)
    lab.kubectl("create", "namespace", namespace)  # before templates look for it
    helm("install", "shop", CHART, "--wait", "--wait-for-jobs", SOON)
    yield helm
    lab.kubectl("delete", "namespace", namespace, "--wait=false")
    lab.kubectl("delete", "crd", "flavours.shop.example.com")


def get(lab, helm, *arguments):
    return lab.get("-n", helm.namespace, *arguments)


def settings(lab, helm):
    return get(lab, helm, "configmap", "shop-settings")["data"]


def shown_history(helm):
    return [(each["revision"], each["status"]) for each in helm.json("history", "shop")]


def test_an_install_waits_for_all_that_the_chart_has(lab, helm):
    assert helm.json("status", "shop")["info"]["status"] == "deployed"
    assert get(lab, helm, "deployment", "shop-web")["status"]["readyReplicas"] == 1
    assert get(lab, helm, "statefulset", "shop-store")["status"]["readyReplicas"] == 1
    # Helm 3 waits for all but one Pod of a DaemonSet.
    eventually(lambda: get(lab, helm, "daemonset", "shop-log")["status"]["numberReady"] == 2)
    assert get(lab, helm, "flavour.shop.example.com", "shop-vanilla")["spec"] == {"colour": "white", "sizes": [1, 2]}
    assert get(lab, helm, "job", "shop-pre-install")["status"]["succeeded"] == 1
    assert get(lab, helm, "secret", "sh.helm.release.v1.shop.v1")["type"] == "helm.sh/release.v1"


def test_templates_look_at_the_cluster(lab, helm):
    found = settings(lab, helm)
    version = lab.kubectl("get", "--raw", "/version").stdout
    assert (found["namespace"], found["capabilities"]) == (helm.namespace, "true")
    assert f'"{found["version"]}"' in version


def test_its_tests_run(helm):
    assert re.search(r"Phase: +Succeeded", helm("test", "shop", SOON))


@later
def test_an_upgrade_changes_what_has_changed_and_nothing_else(lab, helm):
    lab.kubectl("annotate", "-n", helm.namespace, "deployment", "shop-web", "foreign=kept")
    before = get(lab, helm, "statefulset", "shop-store")["metadata"]["generation"]
    helm("upgrade", "shop", CHART, "--set", "colour=pink,replicas=2,port=81", "--wait", SOON)
    deployment = get(lab, helm, "deployment", "shop-web")
    assert deployment["metadata"]["annotations"]["foreign"] == "kept"
    assert deployment["spec"]["replicas"] == 2
    eventually(lambda: get(lab, helm, "deployment", "shop-web")["status"]["readyReplicas"] == 2)
    assert settings(lab, helm).items() >= {"colour": "pink", "before": "white"}.items()
    assert [port["port"] for port in get(lab, helm, "service", "shop-web")["spec"]["ports"]] == [81]
    assert get(lab, helm, "flavour.shop.example.com", "shop-vanilla")["spec"]["colour"] == "pink"
    assert get(lab, helm, "statefulset", "shop-store")["metadata"]["generation"] == before
    assert get(lab, helm, "job", "shop-post-upgrade")["status"]["succeeded"] == 1


@later
def test_a_dry_run_shows_and_changes_nothing(lab, helm):
    shown = helm("upgrade", "shop", CHART, "--reuse-values", "--set", "colour=brown", "--dry-run=server")
    assert "before: pink" in shown
    assert settings(lab, helm)["colour"] == "pink"


@later
def test_an_update_that_the_api_refuses_is_reported_and_can_be_rolled_back(lab, helm):
    with pytest.raises(HelmFailedError, match=r'Unsupported value: "green"'):
        helm("upgrade", "shop", CHART, "--set", "colour=green")
    assert shown_history(helm)[-1] == (3, "failed")
    helm("rollback", "shop", "1", "--wait", SOON)
    assert settings(lab, helm)["colour"] == "white"
    assert get(lab, helm, "deployment", "shop-web")["spec"]["replicas"] == 1
    assert get(lab, helm, "job", "shop-pre-rollback")["status"]["succeeded"] == 1
    assert shown_history(helm)[-1] == (4, "deployed")


@later
def test_an_upgrade_that_never_becomes_ready_rolls_itself_back(lab, helm):
    seconds = max(3, round(4 * (helm.rollback_seconds - 3)))  # the rollback has the same, on a busy machine too
    patience = ("--atomic", "--wait", f"--timeout={seconds}s")
    with pytest.raises(HelmFailedError, match=r"shop-web|deadline|not ready"):
        helm("upgrade", "shop", CHART, "--set", "image=nowhere/to-be-found", *patience)
    assert shown_history(helm)[-1] == (6, "deployed")
    (container,) = get(lab, helm, "deployment", "shop-web")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "fairlead/echo"


@later
def test_what_is_kept_of_a_release_can_be_read(helm):
    assert [each["name"] for each in helm.json("list", "--all-namespaces", "--filter", "^shop$")] == ["shop"]
    assert helm.json("get", "values", "shop", "--revision=2") == {"colour": "pink", "replicas": 2, "port": 81}
    assert "kind: StatefulSet" in helm("get", "manifest", "shop")
    assert "helm.sh/hook: pre-install" in helm("get", "hooks", "shop")
    assert helm("get", "notes", "shop", "--revision=2").strip().endswith("shop is pink.")


def test_an_uninstall_leaves_what_is_to_stay(lab, helm):
    helm("uninstall", "shop", "--wait", SOON)
    kinds = "deployments,statefulsets,daemonsets,services,configmaps,ingresses,poddisruptionbudgets,flavours"
    left = {each["metadata"]["name"] for each in get(lab, helm, kinds)["items"]}
    assert left == {"kube-root-ca.crt"}
    names = {each["metadata"]["name"] for each in get(lab, helm, "secrets,persistentvolumeclaims,jobs")["items"]}
    assert names >= {"shop-kept", "data-shop-store-0", "shop-post-delete"}
    assert helm.json("list") == []


CLUSTER = """
apiVersion: kubernetes.dask.org/v1
kind: DaskCluster
metadata: {name: simple, namespace: dask}
spec:
  worker: {replicas: 2, spec: {containers: [{name: worker, image: dask, env: [{name: A, value: a}]}]}}
  scheduler:
    spec: {containers: [{name: scheduler, image: dask, ports: [{containerPort: 8786}]}]}
    service: {selector: {dask.org/component: scheduler}, ports: [{name: comm, port: 8786, targetPort: comm}]}
"""
WRONG = [
    ("replicas: 2", "replicas: two", 'spec.worker.replicas in body must be of type integer: "string"'),
    ("name: A, ", "", "spec.worker.spec.containers[0].env[0].name: Required value"),
    ("containerPort: 8786", "hostPort: 1", "spec.scheduler.spec.containers[0].ports[0].containerPort: Required value"),
    ("targetPort: comm", "targetPort: true", 'targetPort in body must be of type int-or-string: ""'),
    ("  scheduler:", "  workers: 1\n  scheduler:", 'unknown field "spec.workers"'),
]


def test_definitions_that_a_published_chart_brings_are_used_at_once(lab):
    """dask-kubernetes' operator: four kinds, with the schema of Pods in several places."""
    lab.kubectl("create", "namespace", "dask")
    helm = Helm(lab, VERSIONS[-1], "dask")
    helm("install", "operator", PUBLISHED)
    lab.kubectl("apply", "-f", "-", stdin=CLUSTER)
    kinds = "daskclusters,daskworkergroups,daskjobs,daskautoscalers"
    assert [each["metadata"]["name"] for each in get(lab, helm, kinds)["items"]] == ["simple"]
    for right, wrong, told in WRONG:
        refused = lab.kubectl("create", "-f", "-", stdin=CLUSTER.replace(right, wrong), check=False)
        assert told in refused.stderr
    helm("uninstall", "operator")
    assert get(lab, helm, "daskcluster", "simple")  # definitions stay


def test_the_set_up_brings_the_newest_kubectl():
    done = subprocess.run([NEWEST, "version", "--client"], text=True, capture_output=True, check=True)
    assert "Client Version: v1.37." in done.stdout


@pytest.fixture(scope="module")
def play(lab):
    """What a play of Ansible printed that has run ``plays.yaml``: every task in a full run, or else most of them."""
    values = {"folder": str(lab.folder), "chart": str(OWN_CHART), "helm": str(BIN / "helm.3")}
    program = [BIN / "ansible-playbook", "-i", "localhost,", "-e", json.dumps(values), HERE / "plays.yaml"]
    if not IS_FULL:
        program += ["--skip-tags", "full"]
    environment = lab.environment | {
        "K8S_AUTH_KUBECONFIG": lab.kubeconfig,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_PYTHON_INTERPRETER": str(BIN / "python"),
        "ANSIBLE_HOME": str(lab.folder / "ansible"),
        "ANSIBLE_PIPELINING": "1",
        "LC_ALL": "C.UTF-8",
    }
    return subprocess.run(program, env=environment, text=True, capture_output=True, timeout=900, check=False)


def test_every_task_of_a_play_ends_well(play):
    assert play.returncode == 0, play.stdout[-4000:] + play.stderr[-2000:]
    assert " failed=0 " in play.stdout
