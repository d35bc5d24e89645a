"""Tokens of ServiceAccounts: mounted into Pods, bound to what they belong to, renewed before they expire."""

import asyncio
import json

import msgspec
import pytest

from fairlead.app.node.tokens import PodTokens
from fairlead.app.node.volumes import RETRY, PodVolumes
from fairlead.drivers.kube.client import KubeError
from fairlead.drivers.time_of_day import LOOK_EVERY
from fairlead.model.decode import decode
from fairlead.nodeagent.environment import ContainerContext, PodPlacement
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.sources import SourceError
from fairlead.nodeagent.volumes import renewal_time, volume_files
from fairlead.registry.access.service_account_tokens import ISSUER
from fairlead.registry.kinds.core.pod.service_account import MOUNT_PATH
from tests.support.api_world import ApiWorld
from tests.support.virtual_time import VirtualLoop

PODS = "/api/v1/namespaces/default/pods"
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
REVIEWS = "/apis/authentication.k8s.io/v1"
MOUNT = {"name": "kube-api-access-bcdfg", "readOnly": True, "mountPath": MOUNT_PATH}


@pytest.fixture
def world():
    made = ApiWorld()
    for name in ("joe", "other"):
        made.do("POST", ACCOUNTS, {"metadata": {"name": name}})
    return made


def pod(account="joe", name="p", **spec):
    spec = {"containers": [{"name": "c", "image": "i:1"}], "serviceAccountName": account, **spec}
    return {"metadata": {"name": name}, "spec": spec}


# What the API server mounts.


def test_every_container_of_a_new_pod_is_given_a_token(world):
    init = [{"name": "i", "image": "i:1"}]
    spec = world.do("POST", PODS, pod(initContainers=init))["spec"]
    (volume,) = spec["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    token, certificate, namespace = volume["projected"]["sources"]
    assert token == {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}}
    assert certificate == {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    assert namespace["downwardAPI"]["items"][0]["fieldRef"]["fieldPath"] == "metadata.namespace"
    mount = {"name": volume["name"], "readOnly": True, "mountPath": MOUNT_PATH}
    assert [c["volumeMounts"] for c in (*spec["initContainers"], *spec["containers"])] == [[mount], [mount]]


@pytest.mark.parametrize(
    ("of_the_account", "of_the_pod", "mounted"),
    [
        (None, None, True),
        (False, None, False),
        (True, None, True),
        (None, False, False),
        (False, True, True),
        (True, False, False),
    ],
)
def test_the_pod_says_whether_it_wants_one_and_else_its_account(world, of_the_account, of_the_pod, mounted):
    account = {"metadata": {"name": "a"}}
    world.do("POST", ACCOUNTS, account | _wish(of_the_account))
    spec = world.do("POST", PODS, pod("a", **_wish(of_the_pod)))["spec"]
    assert bool(spec.get("volumes")) is mounted


def _wish(wish):
    return {} if wish is None else {"automountServiceAccountToken": wish}


def test_no_token_is_mounted_over_a_users_mount(world):
    own = [{"name": "v", "mountPath": MOUNT_PATH}]
    containers = [{"name": "c", "image": "i:1", "volumeMounts": own}]
    spec = world.do("POST", PODS, pod(containers=containers, volumes=[{"name": "v", "emptyDir": {}}]))["spec"]
    assert len(spec["volumes"]) == 1
    assert spec["containers"][0]["volumeMounts"] == own


def test_a_volume_of_that_name_is_used_as_it_is(world):
    own = {"name": "kube-api-access-mine", "emptyDir": {}}
    spec = world.do("POST", PODS, pod(volumes=[own]))["spec"]
    assert spec["volumes"] == [own]
    assert spec["containers"][0]["volumeMounts"][0]["name"] == "kube-api-access-mine"


def test_the_account_brings_its_secrets_for_images(world):
    world.do("POST", ACCOUNTS, {"metadata": {"name": "a"}, "imagePullSecrets": [{"name": "s"}]})
    assert world.do("POST", PODS, pod("a"))["spec"]["imagePullSecrets"] == [{"name": "s"}]
    own = world.do("POST", PODS, pod("a", name="q", imagePullSecrets=[{"name": "mine"}]))
    assert own["spec"]["imagePullSecrets"] == [{"name": "mine"}]


def test_a_pod_of_an_account_that_is_not_there(world):
    status = world.refused("POST", PODS, pod("nobody"))
    assert (status["code"], status["reason"]) == (403, "Forbidden")
    assert status["message"] == (
        'pods "p" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found'
    )


def test_the_default_account_may_come_after_the_first_pod(world):
    assert world.do("POST", PODS, pod("default"))["spec"]["volumes"]


def test_the_first_days_manifest_may_be_put_again(world):
    """As kubectl apply does: a strategic merge patch leaves alone what the server has added."""
    made = world.do("POST", PODS, pod())
    patch = {"spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    content_type = "application/strategic-merge-patch+json"
    assert world.do("PATCH", f"{PODS}/p", patch, content_type=content_type)["spec"] == made["spec"]


# Tokens and what they are bound to.


def bound(world, **reference):
    spec = {"boundObjectRef": {"apiVersion": "v1", **reference}}
    return world.do("POST", f"{ACCOUNTS}/joe/token", {"spec": spec})["status"]["token"]


def reviewed(world, token, **spec):
    return world.do("POST", f"{REVIEWS}/tokenreviews", {"spec": {"token": token, **spec}})["status"]


def test_a_pods_token_identifies_its_account_and_expires_with_the_pod(world):
    world.do("POST", "/api/v1/nodes", {"metadata": {"name": "n"}})
    uid = world.do("POST", PODS, pod(nodeName="n"))["metadata"]["uid"]
    token = bound(world, kind="Pod", name="p", uid=uid)
    status = reviewed(world, token)
    assert status["audiences"] == [ISSUER]
    user = status["user"]
    assert user["username"] == "system:serviceaccount:default:joe"
    assert user["extra"]["authentication.kubernetes.io/pod-name"] == ["p"]
    assert user["extra"]["authentication.kubernetes.io/pod-uid"] == [uid]
    assert user["extra"]["authentication.kubernetes.io/node-name"] == ["n"]
    assert user["extra"]["authentication.kubernetes.io/credential-id"][0].startswith("JTI=")
    world.do("DELETE", "/api/v1/nodes/n")
    assert reviewed(world, token)["authenticated"] is True
    world.do("DELETE", f"{PODS}/p?gracePeriodSeconds=0")
    assert "authenticated" not in reviewed(world, token)
    world.do("POST", PODS, pod())
    assert "authenticated" not in reviewed(world, token), "another Pod of the same name"


@pytest.mark.parametrize(
    ("kind", "collection"), [("Secret", "/api/v1/namespaces/default/secrets"), ("Node", "/api/v1/nodes")]
)
def test_a_token_dies_with_the_object_that_it_is_bound_to(world, kind, collection):
    world.do("POST", collection, {"metadata": {"name": "x"}})
    token = bound(world, kind=kind, name="x")
    assert reviewed(world, token)["authenticated"] is True
    world.do("DELETE", f"{collection}/x")
    assert "authenticated" not in reviewed(world, token)


@pytest.mark.parametrize(
    ("reference", "code", "message"),
    [
        ({"kind": "Pod", "name": "absent"}, 404, 'pods "absent" not found'),
        (
            {"kind": "Pod", "name": "theirs"},
            400,
            'cannot bind token for serviceaccount "joe" to pod running with different serviceaccount name.',
        ),
        ({"kind": "Pod", "name": "mine", "uid": "x"}, 409, "the UID in the bound object reference (x) does not match"),
        ({"kind": "ConfigMap", "name": "c"}, 400, "cannot bind token to object of type /v1, Kind=ConfigMap"),
        (
            {"kind": "Deployment", "apiVersion": "apps/v1", "name": "c"},
            400,
            "cannot bind token to object of type apps/v1, Kind=Deployment",
        ),
    ],
)
def test_a_token_cannot_be_bound_to_other_objects(world, reference, code, message):
    world.do("POST", PODS, pod(name="mine"))
    world.do("POST", PODS, pod("other", name="theirs"))
    spec = {"boundObjectRef": {"apiVersion": "v1", **reference}}
    status = world.refused("POST", f"{ACCOUNTS}/joe/token", {"spec": spec})
    assert status["code"] == code
    assert message in status["message"]


def test_a_token_is_good_only_for_the_audiences_that_it_names(world):
    answer = world.do("POST", f"{ACCOUNTS}/joe/token", {"spec": {"audiences": ["vault", "ledger"]}})
    token = answer["status"]["token"]
    assert "authenticated" not in reviewed(world, token), "not for the API server"
    assert reviewed(world, token, audiences=["vault", "shop"])["audiences"] == ["vault"]
    assert "authenticated" not in reviewed(world, "known", audiences=["vault"]), "other tokens are for the API server"


@pytest.mark.parametrize(("field", "value"), [("name", "other"), ("namespace", "kube-system")])
def test_a_request_in_another_accounts_name(world, field, value):
    status = world.refused("POST", f"{ACCOUNTS}/joe/token", {"metadata": {field: value}, "spec": {}})
    assert f"must match the service account {field} if specified" in status["message"]


def test_the_answer_names_its_account(world):
    metadata = world.do("POST", f"{ACCOUNTS}/joe/token", {"spec": {}})["metadata"]
    assert (metadata["name"], metadata["namespace"]) == ("joe", "default")


# What the node does with it.


PLACE = PodPlacement("n", ("10.0.0.1",), ("10.0.0.2",))
START = 1_767_225_600.0
ROOT_CA = {"kind": "ConfigMap", "data": {"ca.crt": "-----BEGIN CERTIFICATE-----"}}


class Accounts:
    """The part of an API server that gives tokens, at a clock that the test sets."""

    def __init__(self):
        self.now, self.requests, self.moments, self.present = START, [], [], True

    def clock(self):
        return self.now

    async def get(self, path, query=None):
        return json.dumps(ROOT_CA).encode()

    async def create(self, path, document):
        if not self.present:
            raise KubeError(404, "NotFound", "not found")
        self.requests.append((path, document["spec"]))
        self.moments.append(self.now)
        expires = self.now + document["spec"]["expirationSeconds"]
        text = msgspec.json.decode(msgspec.json.encode(_utc(expires)))
        return {"status": {"token": f"token-{len(self.requests)}", "expirationTimestamp": text}}


def _utc(seconds):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC)


@pytest.fixture
def running(world):
    return decode(RunPod, json.dumps(world.do("POST", PODS, pod())))


@pytest.mark.anyio
async def test_a_node_asks_once_and_again_when_a_fifth_of_the_life_is_left(running):
    api = Accounts()
    tokens = PodTokens(api, api.clock)
    (source,) = await tokens.of(running)
    assert await tokens.of(running) == {source: {"token": b"token-1"}}
    bound = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": running.metadata.uid}
    wanted = {"audiences": [], "expirationSeconds": 3607, "boundObjectRef": bound}
    assert api.requests == [(f"{ACCOUNTS}/joe/token", wanted)]
    assert tokens.seconds_left() == pytest.approx(0.8 * 3607)
    api.now += 0.8 * 3607
    assert tokens.seconds_left() == 0
    assert await tokens.of(running) == {source: {"token": b"token-2"}}


@pytest.mark.parametrize(("life", "use"), [(600, 480), (3600, 2880), (7 * 86400, 86400)])
def test_when_a_token_is_renewed(life, use):
    assert renewal_time(1000.0, 1000.0 + life) == 1000.0 + use


@pytest.mark.anyio
async def test_a_pod_waits_for_its_account(running):
    api = Accounts()
    api.present = False
    tokens = PodTokens(api, api.clock)
    assert await tokens.of(running) == {}
    assert tokens.seconds_left() > 0
    with pytest.raises(SourceError, match='failed to fetch token: serviceaccounts "joe" not found'):
        volume_files(running.spec.volumes[0], ContainerContext(running, PLACE))


@pytest.mark.io
@pytest.mark.anyio
async def test_the_files_of_a_running_pod_are_renewed_in_time(running, tmp_path, monkeypatch):
    """In a time of its own, in which sleeping is all that takes any."""
    api, asleep = Accounts(), asyncio.sleep
    file = tmp_path / "volumes" / running.spec.volumes[0].name / "token"
    seen = []

    async def sleep(seconds):
        api.now += seconds
        if not seen or seen[-1] != file.read_text():
            seen.append(file.read_text())
        api.present = api.now < START + 2000 or api.now > START + 4000  # gone for a while, when the first is due
        await asleep(0)

    volumes = PodVolumes(api, tmp_path / "volumes", tmp_path / "claimed", api.clock)
    volumes.write(ContainerContext(running, PLACE, {}, await volumes.sources(running)))
    monkeypatch.setattr(asyncio, "sleep", sleep)
    refreshing = asyncio.ensure_future(volumes.keep_fresh(lambda: running, PLACE))
    while len(seen) < 3:
        await asleep(0)
    refreshing.cancel()
    assert seen == ["token-1", "token-2", "token-3"]
    renewed = [moment - START for moment in api.moments]
    assert renewed[0] == 0
    assert 4000 < renewed[1] < 4010, "as soon as there is an account again"
    assert renewed[2] == pytest.approx(renewed[1] + 0.8 * 3607, abs=1)


@pytest.mark.io
def test_a_clock_that_is_set_ahead_has_a_token_renewed_soon(running, tmp_path):
    """A machine that wakes up after a night: its timers have stood still."""
    loop, api = VirtualLoop(), Accounts()
    volumes = PodVolumes(api, tmp_path / "volumes", tmp_path / "claimed", api.clock)
    loop.run_until_complete(volumes.sources(running))
    loop.create_task(volumes.keep_fresh(lambda: running, PLACE))
    loop.advance(100)
    assert len(api.requests) == 1
    api.now += 8 * 3600
    loop.advance(LOOK_EVERY + RETRY)
    loop.finish()
    assert len(api.requests) == 2
