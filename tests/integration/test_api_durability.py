"""kill -9 under load, again and again: what was acknowledged is there afterwards, and the store always opens."""

import http.client
import json
import ssl
import threading
from contextlib import closing

from tests.integration.api_servers import ApiServer

KILLS = 12
WRITERS = 4
MAPS = "/api/v1/namespaces/default/configmaps"


class Writer(threading.Thread):
    """Creates objects one after the other until the server is gone, and remembers what was acknowledged."""

    def __init__(self, server, name, acknowledged, enough):
        super().__init__()
        self.server, self.prefix, self.acknowledged, self.enough = server, name, acknowledged, enough
        self.start()

    def run(self):
        with closing(connect(self.server)) as connection:
            self.create_until_gone(connection)

    def create_until_gone(self, connection):
        headers = {"Authorization": f"Bearer {self.server.token}", "Content-Type": "application/json"}
        try:
            for number in range(10_000):
                name = f"{self.prefix}-{number}"
                body = json.dumps({"metadata": {"name": name}, "data": {"x": "y" * 300}})
                connection.request("POST", MAPS, body, headers)
                response = connection.getresponse()
                answer = json.loads(response.read())
                assert response.status == 201, answer
                self.acknowledged[name] = answer["metadata"]["resourceVersion"]
                if number == 20:
                    self.enough.release()
        except (OSError, http.client.HTTPException, ValueError):
            return


def connect(server):
    tls = ssl.create_default_context(cafile=server.data / "pki" / "ca.crt")
    return http.client.HTTPSConnection("127.0.0.1", server.port, context=tls, timeout=10)


def listed(server):
    with closing(connect(server)) as connection:
        connection.request("GET", MAPS, headers={"Authorization": f"Bearer {server.token}"})
        items = json.loads(connection.getresponse().read())["items"]
    return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in items}


def test_no_acknowledged_write_is_lost(tmp_path):
    server = ApiServer(tmp_path)
    acknowledged = {}
    for round_ in range(KILLS):
        server.start()
        enough = threading.Semaphore(0)
        writers = [Writer(server, f"r{round_}-w{writer}", acknowledged, enough) for writer in range(WRITERS)]
        for _ in range(WRITERS):
            assert enough.acquire(timeout=20)
        server.kill()
        for writer in writers:
            writer.join(20)
            assert not writer.is_alive()
    server.start()
    found = listed(server)
    server.stop()
    lost = {name: version for name, version in acknowledged.items() if found.get(name) != version}
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged writes are lost"
    versions = list(found.values())
    assert len(set(versions)) == len(versions), "a resourceVersion was given twice"
