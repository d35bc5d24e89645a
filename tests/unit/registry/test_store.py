"""Any interleaving of writes, watches, forgetting and crashes: every watcher sees every change once and in order, and
no virtual IP or node port is ever held twice or left over."""

import json
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from fairlead.registry import store
from fairlead.registry.bootstrap.loading import load_state
from fairlead.registry.status import ApiError
from fairlead.registry.verbs.watches import PermittedWatch
from tests.support.api_world import ApiWorld, config_map

MAPS = "/api/v1/namespaces/default/configmaps"
SERVICES = "/api/v1/namespaces/default/services"
NAMES = st.sampled_from(["a", "b", "c"])
TYPES = st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"])
ADDRESSES = st.sampled_from(["", "", "10.96.0.10", "10.96.0.11", "None"])
PORTS = st.sampled_from([0, 0, 30001, 30002])
SHORT_LOG = 6


class Watcher:
    """A client that lists and then follows a resource, and so always knows what there is, or that it must list anew."""

    def __init__(self, world, collection):
        self.collection = collection
        self.relist(world)

    def relist(self, world):
        listed = world.do("GET", self.collection)
        self.objects = {item["metadata"]["name"]: item for item in listed["items"]}
        self.version = int(listed["metadata"]["resourceVersion"])

    def follow(self, world):
        try:
            watch = world.ask("GET", f"{self.collection}?watch=1&resourceVersion={self.version}")
        except ApiError:  # from a future that a crash has undone
            watch = None
        if not isinstance(watch, PermittedWatch):  # or expired
            self.relist(world)
            return
        for type_, document in world.events(watch):
            self.take(type_, document)

    def take(self, type_, document):
        name, version = document["metadata"]["name"], int(document["metadata"]["resourceVersion"])
        assert version > self.version, "a change came twice or out of order"
        self.version = version
        assert (name in self.objects) == (type_ != "ADDED"), f"{type_} of {name}"
        if type_ == "DELETED":
            del self.objects[name]
        else:
            self.objects[name] = document


class Cluster(RuleBasedStateMachine):
    """``disk`` is what survives a crash: the steps up to the last one that was made durable."""

    watchers = Bundle("watchers")

    @initialize()
    def begin(self):
        self.patch = mock.patch.object(store, "LOG_CHANGES", SHORT_LOG)
        self.patch.start()
        self.world = ApiWorld()
        self.disk = self.world.state

    def teardown(self):
        if hasattr(self, "patch"):
            self.patch.stop()

    def attempt(self, method, url, body=None, **options):
        before = self.world.state
        try:
            self.world.ask(method, url, body, **options)
        except ApiError:
            assert self.world.state is before, "a refused request has left something behind"

    @rule(name=NAMES, value=st.sampled_from(["1", "2"]))
    def write_map(self, name, value):
        self.attempt("POST", MAPS, config_map(name, x=value))
        self.attempt("PUT", f"{MAPS}/{name}", config_map(name, x=value))

    @rule(name=NAMES)
    def delete_map(self, name):
        self.attempt("DELETE", f"{MAPS}/{name}")

    @rule(name=NAMES, type_=TYPES, address=ADDRESSES, node_port=PORTS, dry=st.booleans())
    def create_service(self, name, type_, address, node_port, dry):
        port = {"port": 80, **({"nodePort": node_port} if node_port else {})}
        spec = {"type": type_, "ports": [port], **({"clusterIP": address} if address else {})}
        document = {"metadata": {"name": name}, "spec": spec}
        self.attempt("POST", f"{SERVICES}{'?dryRun=All' if dry else ''}", document)

    @rule(name=NAMES, type_=st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]), node_port=PORTS)
    def change_service(self, name, type_, node_port):
        port = {"port": 80, **({"nodePort": node_port} if node_port else {})}
        spec = {"type": type_, "externalName": "x.example", "ports": [port]}
        self.attempt("PATCH", f"{SERVICES}/{name}", {"spec": spec}, content_type="application/merge-patch+json")

    @rule(name=NAMES)
    def delete_service(self, name):
        self.attempt("DELETE", f"{SERVICES}/{name}")

    @rule(target=watchers, collection=st.sampled_from([MAPS, SERVICES]))
    def begin_to_watch(self, collection):
        return Watcher(self.world, collection)

    @rule(watcher=watchers)
    def follow(self, watcher):
        watcher.follow(self.world)
        self.agree(watcher)

    @rule(watcher=consumes(watchers))
    def follow_for_the_last_time(self, watcher):
        self.follow(watcher)

    @rule()
    def make_durable(self):
        self.disk = self.world.state

    @rule()
    def restart_after_a_crash(self):
        """Watchers are only ever shown what is durable, so the steps that are lost are lost on nobody."""
        rows = [
            (storage, key, stored.version, stored.document)
            for storage, objects in self.disk.objects.items()
            for key, stored in objects.items()
        ]
        restarted = load_state(self.disk.version, rows, self.world.kinds)
        assert contents(restarted) == contents(self.disk)
        assert (restarted.ips, restarted.ports) == (self.disk.ips, self.disk.ports)
        if self.disk is self.world.state:
            self.world.state = self.disk = restarted

    def agree(self, watcher):
        assert watcher.objects == {item["metadata"]["name"]: item for item in self.listed(watcher.collection)}

    def listed(self, collection):
        return self.world.do("GET", collection)["items"]

    @invariant()
    def what_services_show_is_what_they_hold(self):
        if not hasattr(self, "world"):
            return
        ips, ports = {}, {}
        for stored in self.world.state.of("services").values():
            document = json.loads(stored.document)
            spec, name = document["spec"], document["metadata"]["name"]
            for ip in spec.get("clusterIPs") or []:
                if ip != "None":
                    assert ips.setdefault(ip, name) == name, f"{ip} is held twice"
            numbers = [port.get("nodePort") for port in spec.get("ports") or []] + [spec.get("healthCheckNodePort")]
            for number in filter(None, numbers):
                assert ports.setdefault(number, name) == name, f"{number} is held twice"
        state = self.world.state
        assert {ip: key.name for ip, key in state.ips.items()} == ips
        assert {port: key.name for port, key in state.ports.items()} == ports


def contents(state):
    return {(storage, key): stored for storage, objects in state.objects.items() for key, stored in objects.items()}


TestCluster = Cluster.TestCase
TestCluster.settings = settings(max_examples=60, stateful_step_count=30)
