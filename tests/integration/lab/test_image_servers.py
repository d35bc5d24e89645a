"""Manifests as the Kubernetes documentation has them, unchanged, with images of nginx, PostgreSQL and Redis, which the
lab pulls from a registry on loopback that stands for Docker Hub.

In root's lab, in that of an ordinary user with a range of users (``/etc/subuid``), and in that of one without.
"""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.support.full import IS_FULL
from tests.support.labs import Lab, eventually
from tests.support.registry_server import registry_server
from tests.support.server_images import IMAGES, server_images
from tests.support.users import FIRST_OF_RANGE, users, users_with_many

MANIFESTS = Path(__file__).with_name("servers.yaml")
INDEX = "/usr/share/nginx/html/index.html"
pytestmark = pytest.mark.each_user
EVERYBODY = [*users_with_many(), users()[-1]] if IS_FULL else [*users_with_many()[-1:], users()[-1]]


# What runs in the lab, once it does: by one user, except in a full run.
once = pytest.mark.parametrize("lab", EVERYBODY if IS_FULL else EVERYBODY[:1], indirect=True, scope="module", ids=str)


@pytest.fixture(scope="module")
def hub():
    """A registry with the images, by the names that they have on Docker Hub."""
    folder = Path(tempfile.mkdtemp(prefix="fairlead-servers-", dir="/var/tmp"))
    try:
        archive = server_images(folder)
        with registry_server(folder / "registry") as server:
            for name in IMAGES:
                server.push(archive, f"library/{name}", of=f"docker.io/library/{name}")
            yield server
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module", params=EVERYBODY, ids=str)
def lab(request, hub):
    lab = Lab(request.param, "--pull", "-f", str(MANIFESTS))
    try:
        settings = lab.folder / ".config" / "containers" / "registries.conf"
        settings.parent.mkdir(parents=True)
        settings.write_text(f'[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "{hub.host}"\n')
        lab.up()
        yield lab
    finally:
        lab.close()


def test_everything_that_the_manifests_want_runs(lab):
    wanted = {("deployment", "nginx-deployment"): 3, ("statefulset", "postgres"): 1, ("statefulset", "redis"): 2}
    for (kind, name), count in wanted.items():
        eventually(lambda: lab.get(kind, name)["status"]["readyReplicas"] == count, seconds=60)  # noqa: B023 - at once


def test_every_image_comes_from_the_registry(lab):
    for pod in lab.get("pods")["items"]:
        (container,) = pod["status"]["containerStatuses"]
        assert f"docker.io/library/{container['image'].partition(':')[0]}@sha256:" in container["imageID"]

    def all_are_told() -> bool:
        told = [event["message"] for event in lab.get("events", "--field-selector=reason=Pulled")["items"]]
        for name in IMAGES:
            assert any(each.startswith(f'Successfully pulled image "{name}" in ') for each in told), told
        return True

    eventually(all_are_told)  # Events follow the status


@once
def test_nginx_answers_at_its_service_and_its_workers_are_a_user_of_its_own(lab):
    pod = lab.get("pods", "-l", "app=nginx")["items"][0]["metadata"]["name"]
    shown = eventually(lambda: lab.exec(pod, "wget", "-qO-", "http://my-nginx/"))  # DNS knows it soon
    assert "Welcome to nginx!" in shown
    if lab.user.name != "ordinary":  # where to the kernel all users are one
        processes = lab.exec(pod, "sh", "-c", "cat /proc/[0-9]*/status | grep -E '^(Name|Uid)'").split("Name:")
        users = {row.split()[0]: row.split()[2] for row in processes if "nginx" in row}
        assert users["nginx"] == "101"
    pods = [each["metadata"]["name"] for each in lab.get("pods", "-l", "app=nginx")["items"]]
    eventually(lambda: any("GET / HTTP/1.1" in lab.log(each) for each in pods))  # it logs after it has answered


@once
def test_a_pod_whose_index_page_is_moved_away_leaves_the_service(lab):
    pod, *others = (each["metadata"]["name"] for each in lab.get("pods", "-l", "app=nginx")["items"])

    def ready() -> int:
        return int(lab.get("deployment", "nginx-deployment")["status"].get("readyReplicas", 0))

    lab.exec(pod, "mv", INDEX, "/tmp/index.html")
    eventually(lambda: ready() == 2)
    assert "Welcome" in lab.exec(others[0], "cat", INDEX)
    lab.exec(pod, "mv", "/tmp/index.html", INDEX)
    eventually(lambda: ready() == 3)


def test_data_of_postgresql_survives_its_pod(lab):
    def sql(statement: str) -> str:
        words = ["psql", "-U", "postgres", "-h", "postgres", "-Atc", statement]
        return lab.kubectl("exec", "postgres-0", "--", "env", "PGPASSWORD=swordfish", *words).stdout.strip()

    eventually(lambda: sql("create table notes (text text); insert into notes values ('kept')"))  # DNS knows it soon
    before = lab.get("pod", "postgres-0")["metadata"]["uid"]
    lab.kubectl("delete", "pod", "postgres-0", "--wait=false")  # it may wait for the next Pod of that name
    eventually(lambda: lab.get("pod", "postgres-0")["metadata"]["uid"] != before, 60)
    lab.until_ready("postgres-0", seconds=60)
    assert eventually(lambda: sql("select text from notes")) == "kept"
    pgdata = "/var/lib/postgresql/data/pgdata"
    assert lab.exec("postgres-0", "setpriv", "--reuid=postgres", "stat", "-c", "%u", pgdata) == "998\n"


@once
def test_redis_is_found_by_the_names_of_its_pods(lab):
    cli = ["redis-cli", "-h", "redis-1.redis"]
    eventually(lambda: lab.exec("redis-0", *cli, "set", "key", "value") == "OK\n")  # DNS knows it soon
    assert lab.exec("redis-0", *cli, "get", "key") == "value\n"
    assert lab.exec("redis-0", "redis-cli", "get", "key") == "\n"
    assert lab.exec("redis-0", "sh", "-c", "id -u; ls -ld /data").split()[0] == "0"
    assert lab.exec("redis-0", "setpriv", "--reuid=redis", "stat", "-c", "%U", "/data") == "redis\n"


def test_only_the_data_is_left(lab):
    """Also where files belong to users of the range."""
    (claim,) = (lab.data / "volumes").iterdir()
    owner = (claim / "pgdata").stat().st_uid
    assert owner == {"root": 998, "ranged": FIRST_OF_RANGE + 997, "ordinary": lab.user.uid}[lab.user.name]
    lab.down()
    assert not list((lab.folder / "run" / "fairlead").iterdir())
    lab.fairlead("image", "prune", "--all")
    assert not list((lab.folder / ".local/share/fairlead/images/layers").iterdir())
