"""A cluster that takes Service requests: the registry's real write path over a state in memory, with fixed choices."""

import itertools

import msgspec

from fairlead.model.names import ObjectKey
from fairlead.registry.bootstrap.cluster import ensure_service_cidr
from fairlead.registry.environment import Environment, Kinds
from fairlead.registry.kinds import STRATEGIES
from fairlead.registry.requests import RequestTarget
from fairlead.registry.resources import BY_PATH
from fairlead.registry.schemas.decode import decode
from fairlead.registry.store import State, Step
from fairlead.registry.strategy import ClusterConfig
from fairlead.registry.verbs.deletion import remove_object
from fairlead.registry.verbs.generic_store import ObjectUpdate, create, update

NOW = "2026-01-01T00:00:00Z"
IPV4, IPV6 = "10.96.0.0/16", "fd00:10:96::/112"
FIRST_IP, SECOND_IP = "10.96.1.1", "10.96.1.2"
FIRST_IP6 = "fd00:10:96::101"
FIRST_PORT = 30086
HTTP = {"port": 80}


def lowest(size):
    return 0


def document(kind, name, api_version="v1", **fields):
    metadata = {"name": name, **fields.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


class Cluster:
    """Holds the state; each request is decoded, defaulted, allocated, validated and stored as a client's is."""

    def __init__(self, *cidrs, node_ports=(30000, 32767), choose=lowest):
        uids = map(str, itertools.count())
        config = ClusterConfig(cidrs or (IPV4,), node_ports)
        kinds = Kinds(STRATEGIES)
        self.env = Environment(NOW, lambda: next(uids), choose, kinds, config, lambda token, audience: None, str)
        self.state = ensure_service_cidr(Step(State()), self.env).state
        self.warnings = ()
        self.create(document("Namespace", "default"))

    def create(self, body, dry_run=False):
        target = self._target(body)
        return self._done(create(self.state, target, self._decoded(body), self.env, dry_run))

    def put(self, body, dry_run=False, subresource=None):
        target = self._target(body, subresource)
        change = ObjectUpdate(lambda old: self._decoded(body), only_existing=False, dry_run=dry_run)
        return self._done(update(self.state, target, change, self.env))

    def stored(self, kind, name, api_version="v1"):
        target = self._target(document(kind, name, api_version))
        return msgspec.json.decode(self.state.get(target.resource.storage, target.key).document)

    def delete(self, kind, name, api_version="v1"):
        target = self._target(document(kind, name, api_version))
        old = self.stored(kind, name, api_version)
        self.state = remove_object(Step(self.state), target.resource, target.key, old, self.env.kinds).state

    def service(self, name="web", dry_run=False, metadata=None, **spec):
        """Create a Service; without ports of its own it has port 80. Gives back its spec."""
        body = document("Service", name, metadata=metadata or {}, spec={"ports": [dict(HTTP)], **spec})
        return self.create(body, dry_run)["spec"]

    def edit(self, name="web", dry_run=False, **spec):
        """Change some fields of a stored Service, as kubectl edit does; None takes a field away."""
        body = self.stored("Service", name)
        body["spec"] = {key: value for key, value in (body["spec"] | spec).items() if value is not None}
        return self.put(body, dry_run)["spec"]

    @property
    def held(self):
        """Every address and port that is given out."""
        return {*self.state.ips, *self.state.ports}

    def _target(self, body, subresource=None):
        group, _, version = body["apiVersion"].rpartition("/")
        resource = next(r for r in BY_PATH.values() if (r.group, r.version, r.kind) == (group, version, body["kind"]))
        key = ObjectKey("default" if resource.namespaced else "", body["metadata"]["name"])
        return RequestTarget(resource, *key, resource.subresource(subresource) if subresource else None)

    def _decoded(self, body):
        copy = msgspec.json.decode(msgspec.json.encode(body))
        return decode(body["apiVersion"], body["kind"], copy).document

    def _done(self, written):
        self.state, self.warnings = written.step.state, written.warnings
        return msgspec.json.decode(written.document)
