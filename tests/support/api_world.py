"""A cluster in memory for tests of the registry: requests in, documents out, no HTTP, no disk, a clock that stands."""

import json
from itertools import count

from fairlead.drivers.apiserver.chances import Chances
from fairlead.registry.access.service_account_tokens import ISSUER, user_of_claims
from fairlead.registry.api import Consultation, Reply, answer, is_write
from fairlead.registry.bootstrap.cluster import bootstrap
from fairlead.registry.environment import Environment, Kinds
from fairlead.registry.kinds import STRATEGIES
from fairlead.registry.questions import Fetch, ServerAnswer
from fairlead.registry.requests import Request, User
from fairlead.registry.status import ApiError
from fairlead.registry.store import State
from fairlead.registry.strategy import ClusterConfig
from fairlead.registry.verbs.watches import event_for

ADMIN = User("admin", ("system:masters",))
NOW = "2026-01-01T00:00:00Z"


class ApiWorld:
    """An API server without its drivers. ``state`` is public: tests look at it and put it back."""

    def __init__(self, kinds=None, cluster=None):
        self._uids = count(1)
        self._choices = count()
        self.kinds = kinds or Kinds(STRATEGIES)
        self.env = Environment(
            NOW, self._uid, self._choose, self.kinds, cluster or ClusterConfig(), self._authenticate, json.dumps
        )
        self.state = bootstrap(State(), ("192.0.2.1", 6443), self.env).state
        self.kept = {}
        self.servers, self.reviews = {}, []  # URL of a server -> review to response; what they were asked

    def _uid(self):
        return f"00000000-0000-0000-0000-{next(self._uids):012}"

    def _choose(self, below):
        return next(self._choices) % below

    def _authenticate(self, token, audience):
        if token == "known":
            return ADMIN if audience == ISSUER else None
        return user_of_claims(token.encode(), self.state, self.env.now, audience)

    def draw_again(self):
        """Start over with what is given by chance: uids, names, ports."""
        self._uids, self._choices = count(1000), count()

    def at(self, moment):
        self.env = self.env._replace(now=moment)

    def ask(self, method, url, body=None, content_type="application/json", accept="application/json", user=ADMIN):
        """The answer itself; raises ApiError for a refusal."""
        path, _, query = url.partition("?")
        pairs = dict(part.partition("=")[::2] for part in query.split("&") if part)
        encoded = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        request = Request(method, path, pairs, user, accept, content_type, "test/1", encoded, query)
        found = self._answer(request)
        if isinstance(found, Reply):
            if found.step is not None:
                assert is_write(method)
                self.state = found.step.state
            if found.keep is not None:
                self.kept[found.keep.version] = found.keep
        return found

    def _answer(self, request):
        chances = Chances(self.env)
        env = chances.environment(self.env.now)
        for _ in range(20):
            found = answer(request, self.state, self._state_at, env)
            if not isinstance(found, Consultation):
                return found
            env = env._replace(answers={**env.answers, **{each.key: self._asked(each) for each in found.questions}})
            chances.repeat()
        raise AssertionError(f"no end of questions about {request.method} {request.path}")

    def _asked(self, question):
        """What a server says: a response, the whole answer in bytes, or nothing, for it is not there."""
        uid = f"review-{len(self.reviews)}"
        if isinstance(question, Fetch):
            said = self.servers.get(question.server.shown, lambda request: None)(None)
            return ServerAnswer(uid, said or b"", "" if said else f'Get "{question.server.shown}": EOF')
        self.reviews.append(json.loads(question.body(uid)))
        said = self.servers.get(question.server.shown, lambda request: None)(self.reviews[-1]["request"])
        if said is None:
            return ServerAnswer(uid, failure=f'Post "{question.server.shown}": connect: connection refused')
        if isinstance(said, bytes):
            return ServerAnswer(uid, said)
        review = {"kind": question.kind, "apiVersion": question.api_version, "response": {"uid": uid, **said}}
        return ServerAnswer(uid, json.dumps(review).encode())

    def _state_at(self, version):
        return self.state if version in (0, self.state.version) else self.kept.get(version)

    def do(self, method, url, body=None, **options):
        """The document of an answer that must not be a refusal."""
        return json.loads(self.ask(method, url, body, **options).body)

    def refused(self, method, url, body=None, **options):
        """The Status of an answer that must be a refusal; nothing may have changed."""
        before = self.state
        try:
            found = self.ask(method, url, body, **options)
        except ApiError as error:
            assert self.state is before
            return error.status()
        raise AssertionError(f"{method} {url} was not refused: {found}")

    def events(self, watch):
        """What a watcher has been shown by now, after its initial documents: (type, document)."""
        found = []
        for change in self.state.log(watch.view.resource.storage).since(watch.version):
            event = event_for(change, watch.selection)
            if event:
                found.append((event.type, json.loads(event.document(change))))
        return found


def config_map(name, labels=None, **data):
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def pod(name, node="", **metadata):
    spec = {"containers": [{"name": "main", "image": "busybox"}], **({"nodeName": node} if node else {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **metadata}, "spec": spec}
