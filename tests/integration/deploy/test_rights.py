"""The roles of ``deploy/``: each part works with its own, and without any one right of it says which one it lacks.

The parts run in this process, each as a user of its own whose roles lack one right, against a real API server.
"""

import asyncio
import itertools
import re
import time
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import pytest
import yaml

from fairlead.allocation.load_balancer import AddressPool
from fairlead.app.announcer.options import AnnouncerOptions
from fairlead.app.announcer.process import Announcer
from fairlead.app.controllers import ControllersOptions, run
from fairlead.app.controllers.context import ControllerSettings
from fairlead.app.dns.watches import Needs, ZoneWatches
from fairlead.app.proxy.feed import Feed
from fairlead.app.proxy.options import ProxyOptions
from fairlead.app.proxy.reports import Reports
from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.zone import Zone
from fairlead.drivers.dns.metrics import ProgrammingDelay, new_registry
from fairlead.drivers.kube.client import LEASES, KubeClient, KubeError
from fairlead.drivers.kube.event_recorder import EventWriter
from fairlead.drivers.kube.leader import Candidacy
from fairlead.drivers.kube.page_access import PageAccess
from fairlead.model.events import EventText
from fairlead.model.objects import KubeObject, Metadata
from fairlead.workloads.leader_election import Timing
from tests.support.api_servers import running_api_server
from tests.support.charts import CHART
from tests.support.full import one_in
from tests.support.rights_world import seed

RIGHTS = yaml.safe_load((CHART / "files" / "rights.yaml").read_text())
RBAC = "/apis/rbac.authorization.k8s.io/v1"
NAMESPACE = "kube-system"
PATIENCE = 60.0  # seconds; only a test that fails gets there
_numbers = itertools.count()


class Right(NamedTuple):
    scope: str  # cluster or namespaced
    group: str
    resource: str
    verb: str
    names: tuple[str, ...] = ()

    def __str__(self):
        return f"{self.verb} {self.resource}"


def rights_of(*entries):
    found: list[Right] = []
    for entry in entries:
        for scope, rules in RIGHTS[entry].items():
            for rule in rules:
                for group, resource, verb in itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"]):
                    found.append(Right(scope, group, resource, verb, tuple(rule.get("resourceNames", ()))))
    return found


def rules(rights, scope):
    return [
        {"apiGroups": [r.group], "resources": [r.resource], "verbs": [r.verb], "resourceNames": list(r.names)}
        for r in rights
        if r.scope == scope
    ]


CONTROLLERS = [name.removeprefix("controllers-") for name in RIGHTS if name.startswith("controllers-")]
PARTS = {
    "dns": ("dns", "dns-pods"),
    "proxy": ("proxy",),
    "announcer": ("announcer",),
    **{f"controllers {name}": ("controllers", f"controllers-{name}") for name in CONTROLLERS},
}
# What every controller needs is tried with one of them.
COMMON = set(rights_of("controllers"))
TRIALS = [
    (part, right)
    for part, entries in PARTS.items()
    for right in one_in(4, rights_of(*entries))
    if not (part.startswith("controllers") and right in COMMON and part != "controllers load-balancer")
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running_api_server(tmp_path_factory.mktemp("api")) as server:
        yield server


@pytest.fixture
def kubeconfig_of(server, tmp_path):
    document = yaml.safe_load(server.kubeconfig.read_text())

    def make(user):
        document["users"][0]["user"]["as"] = user
        path = tmp_path / f"{user}.kubeconfig"
        path.write_text(yaml.safe_dump(document))
        return path

    return make


async def grant(admin, user, rights):
    for scope, kind, prefix in (
        ("cluster", "ClusterRole", RBAC),
        ("namespaced", "Role", f"{RBAC}/namespaces/{NAMESPACE}"),
    ):
        plural, metadata = f"{kind.lower()}s", {"name": user}
        await admin.create(f"{prefix}/{plural}", {"metadata": metadata, "rules": rules(rights, scope)})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": user}
        subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}]
        binding = {"metadata": metadata, "roleRef": reference, "subjects": subjects}
        await admin.create(f"{prefix}/{kind.lower()}bindings", binding)


def run_dns(client, path, name):
    zone = Zone()
    watches = ZoneWatches(client, Authority(zone), ProgrammingDelay(new_registry()), Needs(pods=True))
    return [watches.run()], watches.read_all


def run_proxy(client, path, name):
    reports = Reports(ProxyOptions("node-a"), client, ())
    feed = Feed(client, "node-a", reports)
    tasks: list[Any] = []
    feed.start(tasks.append)

    async def ready():
        await feed.wait_until_known()
        await feed.wait_for_node("node-a")

    return tasks, ready


class AnsweringForAll:
    """A protocol that needs no link."""

    protocol = "layer2"

    def step(self, orders, now):
        return orders.keys()

    def due(self, now): ...


class WithoutLink(Announcer):
    @asynccontextmanager
    async def _protocols(self):
        yield [AnsweringForAll()]


def run_announcer(client, path, name):
    announcer, is_ready = WithoutLink(AnnouncerOptions("node-a", ("192.0.2.0/24",)), client), asyncio.Event()
    return [announcer.run(is_ready.set)], is_ready.wait


def run_controllers(client, path, name):
    is_ready = asyncio.Event()
    candidacy = Candidacy(NAMESPACE, "fairlead-controllers", f"{path.stem}", Timing(15, 10, 0.05))
    pools = (AddressPool(("192.0.2.0/24",)),)
    options = ControllersOptions(path, None, (name,), ControllerSettings(load_balancer_pools=pools), None, candidacy)
    return [run(options, is_ready.set)], is_ready.wait


RUNS = {"dns": run_dns, "proxy": run_proxy, "announcer": run_announcer, "controllers": run_controllers}


async def events_twice(client):
    """An Event, and the same again, which is counted up."""
    writer = EventWriter(client)
    about, event = KubeObject(Metadata("web", "default", "uid")), EventText("Tried", "as a test")
    for _ in range(2):
        writer.recorder("trial").record(about, "v1", "Service", event)
    await writer.run()


@asynccontextmanager
async def running(part, rights, server, kubeconfig_of):
    """The part as a user with these rights and no others, at a cluster with work for it; yields the user's name."""
    user, (kind, _, name) = f"trial-{next(_numbers)}", part.partition(" ")
    path = kubeconfig_of(user)
    async with KubeClient.from_kubeconfig(server.kubeconfig) as admin, KubeClient.from_kubeconfig(path) as client:
        with suppress(KubeError):
            await admin.delete(LEASES.path(NAMESPACE, "fairlead-controllers"))
        await grant(admin, user, rights)
        check = await seed(admin, user)
        works, ready = RUNS[kind](client, path, name)
        if any(right.resource == "events" for right in rights_of(*PARTS[part])):
            works.append(events_twice(client))
        tasks = [asyncio.ensure_future(work) for work in works]
        try:
            yield user, ready, lambda: check(part)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def wait_for(condition, describe):
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        assert time.monotonic() < deadline, describe()
        await asyncio.sleep(0.02)


@pytest.mark.anyio
@pytest.mark.parametrize("part", PARTS)
async def test_a_part_works_with_its_role(part, server, kubeconfig_of, caplog):
    async with running(part, rights_of(*PARTS[part]), server, kubeconfig_of) as (user, ready, is_done):
        await asyncio.wait_for(ready(), PATIENCE)
        await wait_for(is_done, lambda: caplog.text)
    assert user not in caplog.text


@pytest.mark.anyio
@pytest.mark.parametrize(("part", "right"), TRIALS, ids=[f"{part}: {right}" for part, right in TRIALS])
async def test_without_one_right_it_says_which(part, right, server, kubeconfig_of, caplog):
    rights = [each for each in rights_of(*PARTS[part]) if each != right]
    what = f'{right.verb} resource "{right.resource}" in API group "{right.group}"'
    told = re.compile(rf'User "trial-\d+" cannot {re.escape(what)}')
    caplog.clear()
    async with running(part, rights, server, kubeconfig_of):

        async def is_told():
            return any(told.search(r.getMessage()) for r in caplog.records if r.levelname == "WARNING")

        await wait_for(is_told, lambda: caplog.text)


REVIEWS = rights_of("metrics-access")


@pytest.mark.parametrize("left_out", [None, *REVIEWS], ids=str)
def test_metrics_are_reviewed_with_these_rights_and_with_none_less(server, kubeconfig_of, left_out, caplog):
    user = f"metrics-{next(_numbers)}"

    async def look():
        async with KubeClient.from_kubeconfig(server.kubeconfig) as admin:
            await grant(admin, user, [right for right in REVIEWS if right != left_out])
        async with KubeClient.from_kubeconfig(kubeconfig_of(user)) as client:
            return await PageAccess(client).refusal("/metrics", f"Bearer {server.token}")

    page = asyncio.run(look())
    if left_out is None:
        assert page is None
    else:
        assert page.status == 503
        assert f'cannot create resource "{left_out.resource}"' in caplog.text
