"""What a Pod's specification and a node's status say, as kubectl users see it; see docs/pod-spec.md.

Every image of this lab stands for one command.
"""

from functools import partial

import pytest

from tests.support.labs import Lab, eventually, pods_of
from tests.support.users import users


@pytest.fixture(scope="module", params=users(), ids=str)
def lab(request):
    lab = Lab(request.param)
    lab.configure('images: {real: {entrypoint: echo stands in, ignoresCommand: true}, "*": sleep infinity}')
    try:
        lab.up()
        yield lab
    finally:
        lab.close()


@pytest.fixture
def pod(lab):
    with pods_of(lab, name="c", image="any") as create:
        yield create


def events(lab: Lab, name: str) -> dict[str, str]:
    """Messages by reason."""
    found = lab.get("events", f"--field-selector=involvedObject.name={name}")["items"]
    return {event["reason"]: event["message"] for event in found}


def log(lab: Lab, name: str) -> str:
    return eventually(lambda: lab.log(name))


def test_the_lab_s_own_dns_is_not_taken_by_a_pattern_for_everything(lab):
    lab.kubectl("wait", "--for=condition=Ready", "pods", "--all", "-n", "kube-system", "--timeout=30s")


def test_references_in_command_and_args(lab, pod):
    variables = [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    pod("args", {"command": ["echo"], "args": ["$(POD_IP)", "$$(POD_IP)", "$(NONE)"], "env": variables})
    address = eventually(lambda: lab.get("pod", "args")["status"]["podIP"])
    assert log(lab, "args").split() == [address, "$(POD_IP)", "$(NONE)"]


def test_an_image_that_ignores_the_command(lab, pod):
    pod("stand-in", {"image": "real:1", "command": ["/usr/bin/real"], "args": ["--flag"]})
    assert log(lab, "stand-in") == "stands in\n"


def test_events_of_a_normal_life(lab, pod):
    pod("normal", {})
    lab.until_ready("normal", seconds=30)
    eventually(lambda: {"Pulled", "Created", "Started"} <= events(lab, "normal").keys())
    lab.kubectl("delete", "pod", "normal")
    assert eventually(lambda: events(lab, "normal").get("Killing")) == "Stopping container c"


def test_a_probe_s_own_grace_period_and_a_stop_signal(lab, pod):
    """With the Pod's own grace period it would be waited for for an hour."""
    last_words = "trap 'echo told > /dev/termination-log' USR1; touch /tmp/set; while :; do sleep 0.1; done"
    fails = {"exec": {"command": ["sh", "-c", "until test -e /tmp/set; do sleep 0.1; done; false"]}}
    probe = {**fails, "timeoutSeconds": 60, "periodSeconds": 1, "failureThreshold": 1}
    container = {
        "command": ["sh", "-c", last_words],
        "livenessProbe": {**probe, "terminationGracePeriodSeconds": 3},
        "lifecycle": {"stopSignal": "SIGUSR1"},
    }
    pod("signalled", container, restartPolicy="Never", terminationGracePeriodSeconds=3600, os={"name": "linux"})
    state = eventually(lambda: lab.get("pod", "signalled")["status"]["containerStatuses"][0]["state"]["terminated"], 60)
    assert (state["message"], state["exitCode"]) == ("told\n", 137)


def test_unsupported_fields_are_reported(lab, pod):
    pod("wishes", {"securityContext": {"privileged": True}}, hostPID=True)
    expected = "this node does not act on spec.hostPID, spec.containers{c}.securityContext.privileged"
    assert eventually(lambda: events(lab, "wishes").get("NotProvided")) == expected


def test_quality_of_service(lab, pod):
    resources = {"cpu": "10m", "memory": "8Mi"}
    pod("guaranteed", {"resources": {"limits": resources, "requests": resources}})
    lab.until_ready("guaranteed", seconds=30)
    assert lab.get("pod", "guaranteed")["status"]["qosClass"] == "Guaranteed"


@pytest.mark.parametrize(
    ("kind", "is_made"), [("Directory", False), ("DirectoryOrCreate", True), ("File", False), ("FileOrCreate", True)]
)
def test_types_of_host_paths(lab, pod, kind, is_made):
    folder = lab.data / "paths"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    path, name = folder / kind.lower(), f"path-{kind.lower()}"
    volumes = [{"name": "v", "hostPath": {"path": str(path), "type": kind}}]
    pod(name, {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, volumes=volumes)
    if is_made:
        lab.until_ready(name, seconds=30)
        assert path.exists()
    else:
        message = eventually(lambda: events(lab, name).get("FailedMount"))
        assert f"hostPath type check failed: {path} is not a {kind.lower()}" in message


def test_an_unsupported_volume_is_reported(lab, pod):
    pod("no-nfs", {}, volumes=[{"name": "v", "nfs": {"server": "192.0.2.1", "path": "/"}}])
    assert '"v"' in eventually(lambda: events(lab, "no-nfs").get("FailedMount"))
    eventually(lambda: "waiting" in lab.get("pod", "no-nfs")["status"]["containerStatuses"][0]["state"])


def test_nodes_look_like_nodes(lab):
    node = lab.get("node", "node-1")
    labels, status = node["metadata"]["labels"], node["status"]
    assert labels["beta.kubernetes.io/os"] == labels["kubernetes.io/os"] == "linux"
    assert labels["beta.kubernetes.io/arch"] == labels["kubernetes.io/arch"] == status["nodeInfo"]["architecture"]
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "MemoryPressure": "False",
        "DiskPressure": "False",
        "PIDPressure": "False",
        "Ready": "True",
    }
    assert status["nodeInfo"]["kubeletVersion"].startswith("v1.36.")
    assert {"cpu", "memory", "pods", "ephemeral-storage"} <= status["capacity"].keys()


HOG = "x = bytearray(200 << 20); import time; time.sleep(1000)"


def test_a_container_that_uses_more_memory_than_it_may(lab, pod):
    limited = {"resources": {"limits": {"memory": "100Mi"}}}
    pod("hog", {"command": ["sh", "-c", f"python3 -c '{HOG}'; true"], **limited}, restartPolicy="Never")
    pod("modest", {"command": ["sleep", "1000"], **limited})

    def ended() -> dict:
        return lab.get("pod", "hog")["status"]["containerStatuses"][0]["state"]["terminated"]

    assert (eventually(ended, 90)["reason"], ended()["exitCode"]) == ("OOMKilled", 137)
    eventually(lambda: lab.get("pod", "modest")["status"]["phase"] == "Running")


def test_an_empty_directory_that_grows_too_large(lab, pod):
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    volumes = [{"name": "v", "emptyDir": {"sizeLimit": "1Mi"}}]
    pod(
        "full", {"command": ["sh", "-c", "head -c 3000000 /dev/zero > /v/x; exec sleep 1000"], **mount}, volumes=volumes
    )
    pod("empty", {"command": ["sleep", "1000"], **mount}, volumes=volumes)
    status = eventually(lambda: (s := lab.get("pod", "full")["status"])["phase"] == "Failed" and s, 90)
    assert (status["reason"], status["message"]) == (
        "Evicted",
        'Usage of EmptyDir volume "v" exceeds the limit "1Mi". ',
    )
    assert "exceeds the limit" in eventually(lambda: events(lab, "full").get("Evicted"))
    eventually(lambda: lab.get("pod", "empty")["status"]["phase"] == "Running")


def fill(path: str, megabytes: int = 3) -> list[str]:
    """A command that writes so much to a file, or to its log, and then waits."""
    return ["sh", "-c", f"head -c {megabytes}000000 /dev/zero | tr '\\0' x > {path}; echo; exec sleep 1000"]


STORED = {
    "root": (fill("/stored"), 'Container c exceeded its local ephemeral storage limit "2Mi". '),
    "temporary": (fill("/tmp/stored"), 'Container c exceeded its local ephemeral storage limit "2Mi". '),
    "log": (fill("/dev/stdout"), 'Container c exceeded its local ephemeral storage limit "2Mi". '),
    "folder": (fill("/v/stored", 7), "Pod ephemeral local storage usage exceeds the total limit of containers 6Mi. "),
}


def test_pods_that_store_more_than_their_containers_may(lab, pod):
    """Two containers of one Pod, so that one of them may exceed its own limit and not the total of both, or neither."""

    def start(name: str, command: list[str]) -> None:
        limited = {"resources": {"limits": {"ephemeral-storage": "2Mi"}}}
        mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
        idle = {"name": "idle", "image": "fairlead/pause", "resources": {"limits": {"ephemeral-storage": "4Mi"}}}
        first = {"name": "c", "image": "busybox", "command": command, **limited, **mount}
        pod(name, {}, containers=[first, idle], volumes=[{"name": "v", "emptyDir": {}}])

    for name, (command, _) in STORED.items():
        start(f"stores-{name}", command)
    start("stores-little", ["sh", "-c", "echo a | tee /stored /tmp/stored /v/stored; exec sleep 1000"])
    for name, (_, told) in STORED.items():
        assert eventually(partial(failed, lab, f"stores-{name}"), 90) == ("Evicted", told), name
    eventually(lambda: lab.get("pod", "stores-little")["status"]["phase"] == "Running")


def failed(lab: Lab, name: str) -> tuple[str, str] | None:
    """Reason and message of a Pod that has failed."""
    status = lab.get("pod", name)["status"]
    return (status["reason"], status["message"]) if status["phase"] == "Failed" else None
