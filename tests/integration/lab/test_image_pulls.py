"""Pods whose images come from a registry on loopback (Debian's docker-registry), in labs of root's and of an ordinary
user's."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import threading
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.support.fake_registry import fake_registry
from tests.support.image_roots import busybox_root
from tests.support.labs import BIN, Lab, eventually
from tests.support.registry_server import PASSWORD, USER, RegistryServer, registry_server
from tests.support.users import users

POLICIES = ("Always", "IfNotPresent", "Never")


class World(NamedTuple):
    lab: Lab
    open: RegistryServer
    closed: RegistryServer


@pytest.fixture(scope="module")
def registries():
    """One for everybody, and one that wants a login; both have ``team/app:1``."""
    folder = Path(tempfile.mkdtemp(prefix="fairlead-registry-", dir="/var/tmp"))
    root = busybox_root(folder / "root")
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder / "data")}
    command = shutil.which("fairlead", path=f"{BIN}:{os.environ['PATH']}")
    load = [command, "image", "load", f"rootfs:{root}", "--name", "app:1", "--cmd", "sleep", "--cmd", "1000"]
    subprocess.run(load, env=environment, check=True, capture_output=True)
    subprocess.run([command, "image", "save", "app:1", "-o", folder / "app.tar"], env=environment, check=True)
    try:
        with registry_server(folder / "open") as one, registry_server(folder / "closed", with_login=True) as two:
            for server in (one, two):
                server.push(folder / "app.tar", "team/app:1")
                server.push(folder / "app.tar", "team/other:1")
            yield one, two
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module", params=users(), ids=str)
def world(request, registries):
    lab = Lab(request.param, "--pull", "--nodes", "1")
    try:
        lab.up()
        yield World(lab, *registries)
    finally:
        lab.close()


def create(lab: Lab, name: str, image: str, policy: str = "IfNotPresent", **spec: Any) -> None:
    container = {"name": "main", "image": image, "imagePullPolicy": policy}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container], **spec}
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    lab.create(document)


def status(lab: Lab, name: str) -> Any:
    return lab.get("pod", name)["status"]["containerStatuses"][0]


def waits(lab: Lab, name: str, reason: str) -> str:
    """What a container says while it waits for this reason."""
    eventually(lambda: status(lab, name)["state"]["waiting"]["reason"] == reason, 60)
    found = status(lab, name)["state"]["waiting"]
    return found["message"] if found["reason"] == reason else waits(lab, name, reason)


def events(lab: Lab, name: str) -> dict[str, list[str]]:
    """Messages of a Pod's Events by their reason."""
    found: dict[str, list[str]] = {}
    for event in lab.get("events", f"--field-selector=involvedObject.name={name}")["items"]:
        found.setdefault(event["reason"], []).append(event["message"])
    return found


def ready(lab: Lab, *names: str) -> None:
    lab.until_ready(*names)


def test_an_image_is_pulled_once_with_an_event(world):
    lab, image = world.lab, f"{world.open.host}/team/app:1"
    create(lab, "one", image)
    ready(lab, "one")
    create(lab, "two", image)
    ready(lab, "two")
    found = status(lab, "one")
    assert found["imageID"].startswith(f"{world.open.host}/team/app@sha256:")
    assert found["imageID"] == status(lab, "two")["imageID"]
    told = eventually(lambda: (e := events(lab, "one")) and "Pulled" in e and e)
    assert told["Pulling"] == [f'Pulling image "{image}"']
    assert told["Pulled"][0].startswith(f'Successfully pulled image "{image}" in ')
    assert "Image size: " in told["Pulled"][0]
    told = eventually(lambda: (e := events(lab, "two")) and "Pulled" in e and e)
    assert told["Pulled"] == [f'Container image "{image}" already present on machine']
    assert "/team/app:1" in lab.fairlead("image", "ls", "-q").stdout


def test_the_node_lists_it(world):
    lab, image = world.lab, f"{world.open.host}/team/listed:1"
    archive = lab.folder / "listed.tar"
    lab.fairlead("image", "pull", f"{world.open.host}/team/other:1")
    lab.fairlead("image", "save", f"{world.open.host}/team/other:1", "-o", str(archive))
    lab.fairlead("image", "load", str(archive), "--name", image)

    def listed() -> bool:
        rows = lab.get("nodes")["items"][0]["status"].get("images") or ()
        return any(image in row["names"] and row["sizeBytes"] > 1000 for row in rows)

    eventually(listed, 30)


def test_always_asks_the_registry(world):
    lab, image = world.lab, f"{world.open.host}/team/app:1"
    create(lab, "always", image, "Always")
    ready(lab, "always")
    assert "Successfully pulled" in eventually(lambda: events(lab, "always").get("Pulled"))[0]


@pytest.mark.parametrize("policy", POLICIES)
def test_an_image_that_no_registry_has(world, policy):
    lab, name = world.lab, f"none-{policy.lower()}"
    image = f"{world.open.host}/team/none:{policy.lower()}"
    create(lab, name, image, policy)
    if policy == "Never":
        assert waits(lab, name, "ErrImageNeverPull") == (
            f'Container image "{image}" is not present with pull policy of Never'
        )
        return
    message = waits(lab, name, "ImagePullBackOff")
    assert message.startswith(f'Back-off pulling image "{image}": ErrImagePull: ')
    assert "404 Not Found: manifest unknown" in message

    def all_is_told() -> bool:
        told = events(lab, name)["Failed"]
        assert any(each.startswith(f'Failed to pull image "{image}": ') and "manifest unknown" in each for each in told)
        assert {"Error: ErrImagePull", "Error: ImagePullBackOff"} <= set(told)
        return True

    eventually(all_is_told)  # Events follow the status


def test_a_pod_that_waits_starts_when_the_image_is_brought_by_hand(world):
    lab, image = world.lab, f"{world.open.host}/team/by-hand:1"
    create(lab, "by-hand", image)
    waits(lab, "by-hand", "ImagePullBackOff")
    archive = lab.folder / "by-hand.tar"
    lab.fairlead("image", "pull", f"{world.open.host}/team/other:1")
    lab.fairlead("image", "save", f"{world.open.host}/team/other:1", "-o", str(archive))
    lab.fairlead("image", "load", str(archive), "--name", image)
    lab.until_ready("by-hand", seconds=120)


def test_pods_that_are_deleted_while_their_images_come(world):
    """The registry keeps them all waiting; neither their ends nor other Pods wait for it."""
    lab, goes_on = world.lab, threading.Event()

    def keep_waiting(_: object) -> bool:
        goes_on.wait(300)
        return False

    with fake_registry() as registry:
        try:
            registry.faults += [("/manifests/", keep_waiting)] * 100
            for number in range(8):  # more than a node has threads for what blocks
                create(lab, f"slow-{number}", f"{registry.host}/team/slow-{number}:1")
                eventually(partial(registry.asked, f"slow-{number}/manifests/"))
                lab.kubectl("delete", "pod", f"slow-{number}", "--timeout=50s")
            create(lab, "beside", f"{world.open.host}/team/app:1", "Always")
            lab.until_ready("beside", seconds=50)
        finally:
            goes_on.set()


def docker_config(world: World, password: str = PASSWORD) -> str:
    auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
    return json.dumps({"auths": {f"http://{world.closed.host}": {"auth": auth}}})


def secret(world: World, name: str, password: str = PASSWORD) -> None:
    """A Secret as ``kubectl create secret docker-registry`` makes it."""
    login = [f"--docker-username={USER}", f"--docker-password={password}", f"--docker-server={world.closed.host}"]
    world.lab.kubectl("create", "secret", "docker-registry", name, *login)


def test_without_a_login_the_real_cause_is_reported(world):
    lab = world.lab
    create(lab, "no-login", f"{world.closed.host}/team/app:1", imagePullSecrets=[{"name": "not-there"}])
    assert "401 Unauthorized" in waits(lab, "no-login", "ImagePullBackOff")
    (told,) = eventually(lambda: events(lab, "no-login")["FailedToRetrieveImagePullSecret"])
    assert told == (
        "Unable to retrieve some image pull secrets (not-there); attempting to pull the image may not succeed."
    )


def test_a_login_of_the_pod_and_one_of_its_service_account(world):
    lab, image = world.lab, f"{world.closed.host}/team/app:1"
    secret(world, "right")
    secret(world, "wrong", "not it")
    create(lab, "with-login", image, "Always", imagePullSecrets=[{"name": "wrong"}, {"name": "right"}])
    ready(lab, "with-login")
    lab.kubectl("create", "serviceaccount", "puller")
    patch = json.dumps({"imagePullSecrets": [{"name": "right"}]})
    lab.kubectl("patch", "serviceaccount", "puller", "-p", patch)
    create(lab, "with-account", image, "Always", serviceAccountName="puller")
    ready(lab, "with-account")
    create(lab, "with-wrong", image, "Always", imagePullSecrets=[{"name": "wrong"}])
    assert "401 Unauthorized" in waits(lab, "with-wrong", "ImagePullBackOff")


class TestTheCommand:
    def test_logins_of_the_user(self, world):
        image = f"{world.closed.host}/team/other:1"
        refused = world.lab.fairlead("image", "pull", image, check=False)
        assert (refused.returncode, "401 Unauthorized" in refused.stderr) == (3, True)
        for place in (".docker/config.json", ".config/containers/auth.json"):
            path = world.lab.folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(docker_config(world))
            path.chmod(0o644)
            assert world.lab.fairlead("image", "pull", image).stdout.startswith(f"pulled {image}, ")
            path.unlink()
        assert world.lab.fairlead("image", "rm", image).stdout.startswith("removed 1, ")

    def test_a_helper_program(self, world):
        lab, image = world.lab, f"{world.closed.host}/team/other:1"
        config, helper = lab.folder / ".docker" / "config.json", lab.folder / "bin" / "docker-credential-test"
        for path in (config, helper):
            path.parent.mkdir(exist_ok=True)
        config.write_text(json.dumps({"credHelpers": {world.closed.host: "test"}}))
        answer = json.dumps({"ServerURL": world.closed.host, "Username": USER, "Secret": PASSWORD})
        helper.write_text(f"#!/bin/sh\nread server; [ $server = {world.closed.host} ] || exit 1\necho '{answer}'\n")
        helper.chmod(0o755)
        before = lab.environment["PATH"]
        lab.environment["PATH"] = f"{helper.parent}:{before}"
        try:
            lab.fairlead("image", "pull", image)
        finally:
            lab.environment["PATH"] = before
        missing = lab.fairlead("image", "pull", image, check=False)
        assert "credential helper 'docker-credential-test' is not installed" in missing.stderr
        config.unlink()

    def test_a_mirror(self, world):
        lab = world.lab
        path = lab.folder / ".config" / "containers" / "registries.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'[[registry]]\nlocation = "hub.test"\n[[registry.mirror]]\nlocation = "{world.open.host}"\n')
        try:
            assert lab.fairlead("image", "pull", "hub.test/team/app:1").stdout.startswith("pulled hub.test/team/app:1")
        finally:
            path.unlink()

    def test_a_pod_uses_it_and_so_it_stays(self, world):
        image, names = f"{world.open.host}/team/app:1", world.lab.fairlead("image", "ls", "-q").stdout.split()
        refused = world.lab.fairlead("image", "rm", *names, check=False)
        assert "a running lab uses" in refused.stderr
        assert (
            image in world.lab.fairlead("image", "prune", "-a").stdout + world.lab.fairlead("image", "ls", "-q").stdout
        )
