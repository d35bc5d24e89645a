"""A really full disk: a small file system in a mount namespace."""

import os
from pathlib import Path

import pytest

from tests.integration.apiserver.test_failing_disk import MAPS, ask, create, names
from tests.support.api_servers import ApiServer, wait_until

SIZE = 48 << 20
PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture
def server(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    script = f'mount -t tmpfs -o size={SIZE} tmpfs "$0" && exec "$@"'
    made = ApiServer(data, wrapper=("unshare", "-rm", "sh", "-c", script, data)).start()
    made.data = Path(f"/proc/{made.process.pid}/root{data}")
    yield made
    made.stop()


def fill(server):
    """Take all the room that there is, as some other program would."""
    with (server.data / "others").open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            while True:
                try:
                    if file.write(b"x" * size) < size:
                        break
                except OSError:
                    break
    return server.data / "others"


def test_a_full_disk_refuses_what_needs_room_lets_pods_go_and_heals(server):
    ask(server, "POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    for name in ("p", "q"):
        spec = {"containers": [{"name": "c", "image": "i"}]}
        assert ask(server, "POST", PODS, {"metadata": {"name": name}, "spec": spec})[0] == 201
    assert create(server, "before", 1000)[0] == 201
    others = fill(server)
    acknowledged, number = {"before"}, 0
    while True:  # what room the store had at its own disposal is used up first
        name = f"m{number}"
        status, text = create(server, name, 200_000)
        if status != 201:
            break
        acknowledged.add(name)
        number += 1
    assert status == 500
    assert "full" in text
    status, text = ask(server, "GET", "/readyz")
    assert (status, "[-]etcd failed: the disk is full" in text) == (500, True)
    assert ask(server, "GET", "/livez")[0] == 200
    assert create(server, "another", 1)[0] == 500
    assert ask(server, "PATCH", f"{PODS}/p/status", {"status": {"phase": "Failed"}}, MERGE)[0] == 200
    for path in (f"{PODS}/p", f"{PODS}/q", f"{MAPS}/before"):
        assert ask(server, "DELETE", path)[0] == 200
    assert names(server) == acknowledged - {"before"}
    os.unlink(others)
    wait_until(lambda: ask(server, "GET", "/readyz")[0] == 200)
    assert create(server, "after")[0] == 201
    assert names(server) == acknowledged - {"before"} | {"after"}


MERGE = "application/merge-patch+json"
