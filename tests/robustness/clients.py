"""Clients that behave: each writer has objects of its own, each watcher follows all of them."""

import http.client
import json
import random
import threading
from contextlib import closing

from tests.support.hostile_clients import tls_of

NAMESPACE = "/api/v1/namespaces/default"
MAPS, SERVICES = f"{NAMESPACE}/configmaps", f"{NAMESPACE}/services"
OBJECTS = 30
GONE = (OSError, http.client.HTTPException, ValueError)


class Client(threading.Thread):
    """A thread with a connection that is opened again whenever it ends."""

    def __init__(self, world, seed):
        super().__init__(daemon=True)
        self.world, self.dice = world, random.Random(seed)

    def step(self, connection):
        """One thing that it does; ends by an error of GONE when the server has gone."""
        raise NotImplementedError

    def run(self):
        while not self.world.over.is_set():
            try:
                with closing(connected(self.world)) as connection:
                    while not self.world.over.is_set():
                        self.step(connection)
            except GONE:
                self.world.over.wait(0.1)


def connected(world):
    return http.client.HTTPSConnection("127.0.0.1", world.server.port, context=tls_of(world.server), timeout=30)


def ask(world, connection, method, path, body=None):
    headers = {"Authorization": f"Bearer {world.token}", "Content-Type": "application/json"}
    connection.request(method, path, body and json.dumps(body), headers)
    response = connection.getresponse()
    return response.status, json.loads(response.read() or b"{}")


class Writer(Client):
    """Makes, changes and deletes ConfigMaps and Services."""

    def __init__(self, world, number):
        super().__init__(world, number)
        self.number, self.writes = number, 0
        self.writing = threading.Lock()

    def step(self, connection):
        self.world.may_write.wait(1)
        with self.writing:
            if self.world.may_write.is_set():
                self.write(connection)

    def write(self, connection):
        self.writes += 1
        collection = SERVICES if self.dice.random() < 0.2 else MAPS
        name = f"w{self.number}-{self.dice.randrange(OBJECTS)}"
        key, value = (collection, name), f"{self.number}.{self.writes}"
        method = self.dice.choice(("POST", "PUT", "PUT", "DELETE"))
        if collection is SERVICES and method == "PUT":
            method = "POST"
        wanted = None if method == "DELETE" else value
        newest = self.world.oracle.newest()
        path = collection if method == "POST" else f"{collection}/{name}"
        try:
            status, answer = ask(self.world, connection, method, path, body_of(collection, name, value, method))
        except GONE:
            self.world.oracle.unknown(key, wanted)
            raise
        self.tell(key, wanted, status, answer, newest)

    def tell(self, key, wanted, status, answer, newest):
        oracle = self.world.oracle
        if status in (200, 201):
            version = answer.get("metadata", {}).get("resourceVersion")
            oracle.acknowledged(key, wanted, int(version) if version and wanted else None, newest)
        elif status in (404, 409, 429, 500):
            oracle.refused(key)
        else:
            oracle.fault(f"{key}: {status} {answer}")


def body_of(collection, name, value, method):
    if method == "DELETE":
        return None
    metadata = {"name": name, "annotations": {"value": value}}
    if collection is SERVICES:
        return {"metadata": metadata, "spec": {"type": "NodePort", "ports": [{"port": 80}]}}
    return {"metadata": metadata, "data": {"x": value * 50}}


class Watcher(Client):
    """Sees versions that only grow, from where it was, or is told that it must begin again."""

    version = 0
    events = 0

    def step(self, connection):
        if not self.version:
            status, answer = ask(self.world, connection, "GET", f"{MAPS}?limit=1")
            if status != 200:
                self.world.over.wait(0.2)
                return
            self.version = int(answer["metadata"]["resourceVersion"])
        self.follow(connection)

    def follow(self, connection):
        headers = {"Authorization": f"Bearer {self.world.token}"}
        path = f"{MAPS}?watch=1&resourceVersion={self.version}&timeoutSeconds=20"
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        for line in response:
            event = json.loads(line)
            if event["type"] == "ERROR":
                self.version = 0
                return
            version = int(event["object"]["metadata"]["resourceVersion"])
            if version <= self.version:
                self.world.oracle.fault(f"a watch at {self.version} was shown {version}")
            self.version, self.events = version, self.events + 1


def everything(world):
    """All objects as the server has them, by key; and the Services."""
    with closing(connected(world)) as connection:
        found, services = {}, []
        for collection in (MAPS, SERVICES):
            status, answer = ask(world, connection, "GET", collection)
            assert status == 200, answer
            for item in answer["items"]:
                value = (item["metadata"].get("annotations") or {}).get("value")
                if value:
                    found[collection, item["metadata"]["name"]] = value
            services = answer["items"]
        return found, services
