"""kill -9 under load, again and again: acknowledged writes survive, and the store always opens.

FAIRLEAD_KILLS says how often; a full run has 50.
"""

import http.client
import json
import os
import ssl
import threading
from collections import Counter
from contextlib import closing

from tests.support.api_servers import ApiServer

KILLS = int(os.environ.get("FAIRLEAD_KILLS", "8"))
WRITERS = 4
MAPS = "/api/v1/namespaces/default/configmaps"
SERVICES = "/api/v1/namespaces/default/services"
# Each takes a node port, of which there are 2768, so most objects are of another kind.
SERVICE_EVERY = 5


BODIES = {
    MAPS: {"data": {"x": "y" * 300}},
    SERVICES: {"spec": {"type": "NodePort", "ports": [{"port": 80}]}},
}


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
                collection = SERVICES if number % SERVICE_EVERY == 0 else MAPS
                connection.request("POST", collection, json.dumps(BODIES[collection] | named(name)), headers)
                response = connection.getresponse()
                answer = json.loads(response.read())
                assert response.status == 201, answer
                self.acknowledged[collection, name] = answer["metadata"]["resourceVersion"]
                if number == 20:
                    self.enough.release()
        except (OSError, http.client.HTTPException, ValueError):
            return


def connect(server):
    tls = ssl.create_default_context(cafile=server.data / "pki" / "ca.crt")
    return http.client.HTTPSConnection("127.0.0.1", server.port, context=tls, timeout=60)


def named(name):
    return {"metadata": {"name": name}}


def listed(server, collection):
    with closing(connect(server)) as connection:
        connection.request("GET", collection, headers={"Authorization": f"Bearer {server.token}"})
        return json.loads(connection.getresponse().read())["items"]


def test_no_acknowledged_write_is_lost(tmp_path):
    server = ApiServer(tmp_path)
    acknowledged = {}
    for round_ in range(KILLS):
        server.start()
        enough = threading.Semaphore(0)
        writers = [Writer(server, f"r{round_}-w{writer}", acknowledged, enough) for writer in range(WRITERS)]
        for _ in range(WRITERS):
            assert enough.acquire(timeout=120)
        server.kill()
        for writer in writers:
            writer.join(60)
            assert not writer.is_alive()
    server.start()
    maps, services = listed(server, MAPS), listed(server, SERVICES)
    server.stop()
    found = {(MAPS, item["metadata"]["name"]): item["metadata"]["resourceVersion"] for item in maps}
    found |= {(SERVICES, item["metadata"]["name"]): item["metadata"]["resourceVersion"] for item in services}
    lost = {key: version for key, version in acknowledged.items() if found.get(key) != version}
    assert not lost, f"{len(lost)} of {len(acknowledged)} acknowledged writes are lost"
    assert_given_once("resourceVersion", found.values())
    assert_given_once("virtual IP", [service["spec"]["clusterIP"] for service in services])
    assert_given_once("node port", [p["nodePort"] for s in services for p in s["spec"]["ports"] if "nodePort" in p])


def assert_given_once(what, values):
    twice = [value for value, count in Counter(values).items() if count > 1]
    assert not twice, f"a {what} was given twice: {twice}"
