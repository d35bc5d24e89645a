"""After a restart, writes that failed with the disk are gone, and acknowledged ones exist."""

import http.client
import json
import ssl
from contextlib import closing

import pytest

from tests.support.api_servers import ApiServer
from tests.support.failing_disk import FailingDisk

MAPS = "/api/v1/namespaces/default/configmaps"


def ask(server, method, path, body=None, content_type="application/json"):
    """(status, text) of one request."""
    tls = ssl.create_default_context(cafile=server.data / "pki" / "ca.crt")
    with closing(http.client.HTTPSConnection("127.0.0.1", server.port, context=tls, timeout=60)) as connection:
        headers = {"Authorization": f"Bearer {server.token}", "Content-Type": content_type}
        connection.request(method, path, body and json.dumps(body), headers)
        response = connection.getresponse()
        return response.status, response.read().decode()


def create(server, name, size=9000):
    return ask(server, "POST", MAPS, {"metadata": {"name": name}, "data": {"x": "y" * size}})


def names(server):
    found = json.loads(ask(server, "GET", MAPS)[1])["items"]
    return {item["metadata"]["name"] for item in found} - {"kube-root-ca.crt"}


@pytest.fixture
def disk(tmp_path):
    return FailingDisk(tmp_path)


@pytest.fixture
def server(tmp_path, disk):
    made = ApiServer(tmp_path / "data", disk.environment).start()
    yield made
    made.stop()


@pytest.mark.parametrize("recovers", [False, True])
def test_a_write_that_was_refused_for_a_failed_flush_never_comes_back(server, disk, recovers):
    assert create(server, "before")[0] == 201
    disk.flush_fails.touch()
    for name in ("refused-1", "refused-2"):
        status, text = create(server, name)
        assert status == 500, text
        assert "cannot be written: disk I/O error" in text
    assert names(server) == {"before"}
    disk.flush_fails.unlink()
    if recovers:
        assert create(server, "after")[0] == 201
    server.kill()
    server.start()
    assert names(server) == ({"before", "after"} if recovers else {"before"})
