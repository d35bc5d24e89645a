"""From the API to answers: what is watched, and that each change of it is published, imported objects included."""

import asyncio
from dataclasses import replace

import pytest

from fairlead.app.dns.options import DnsOptions
from fairlead.app.dns.watches import Needs, ZoneWatches
from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.names import to_name
from fairlead.clusterdns.plugins.autopath import Autopath
from fairlead.clusterdns.plugins.loadbalance import LoadBalance
from fairlead.clusterdns.records import Question, RRType
from fairlead.clusterdns.server_blocks import Block
from fairlead.clusterdns.zone import PodsMode
from fairlead.drivers.dns.metrics import ProgrammingDelay, new_registry
from fairlead.model.names import ObjectKey
from tests.support.controller_runs import DEADLINE
from tests.support.dns_cases import ZONE, namespace
from tests.support.dns_servers import block_over
from tests.support.fake_api import FakeApi

pytestmark = pytest.mark.anyio

SET_ZONE = replace(ZONE, clusterset=("clusterset", "local"))


def import_of(name, *ips):
    spec = {"type": "ClusterSetIP" if ips else "Headless", "ips": ips, "ports": [{"port": 80}]}
    return {"metadata": {"name": name, "namespace": "testns"}, "spec": spec}


def slice_of_cluster(name, address, **labels):
    return {
        "metadata": {"name": f"{name}-1", "namespace": "testns", "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address]}],
        "ports": [],
    }


IMPORTED = {"multicluster.kubernetes.io/service-name": "db", "multicluster.kubernetes.io/source-cluster": "north"}


async def shown(authority, name, lines):
    """Wait until a name answers with these data."""
    question = Question(to_name(name), RRType.A)
    async with asyncio.timeout(DEADLINE):
        while [line.split()[-1] for s in authority.answer(question).answer for line in s.lines()] != lines:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def happened(condition):
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_exports_of_other_clusters_are_read_and_followed():
    api = FakeApi()
    await api.put(namespace("testns"), "namespaces")
    await api.put(import_of("vip", "10.8.0.1"), "serviceimports")
    await api.put(import_of("db"), "serviceimports")
    await api.put(slice_of_cluster("db", "172.1.0.1", **IMPORTED), "endpointslices")
    await api.put(slice_of_cluster("own", "172.9.0.1", **{"kubernetes.io/service-name": "db"}), "endpointslices")
    authority = Authority(SET_ZONE)
    watches = ZoneWatches(api, authority, ProgrammingDelay(new_registry()), Needs(imports=True))
    task = asyncio.create_task(watches.run())
    try:
        await asyncio.wait_for(watches.read_all(), DEADLINE)
        assert watches.unread == []
        authority.finish_sync(0)
        await shown(authority, "vip.testns.svc.clusterset.local.", ["10.8.0.1"])
        await shown(authority, "172-1-0-1.north.db.testns.svc.clusterset.local.", ["172.1.0.1"])
        await shown(authority, "db.testns.svc.cluster.local.", [])
        await api.put(import_of("vip", "10.8.0.2"), "serviceimports")
        await shown(authority, "vip.testns.svc.clusterset.local.", ["10.8.0.2"])
        await api.put(slice_of_cluster("db", "172.1.0.2", **IMPORTED), "endpointslices")
        await shown(authority, "db.testns.svc.clusterset.local.", ["172.1.0.2"])
        await api.remove("serviceimports", "vip", "testns")
        await shown(authority, "vip.testns.svc.clusterset.local.", [])
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("block", "needs"),
    [
        (block_over(ZONE), Needs()),
        (block_over(replace(ZONE, pods=PodsMode.VERIFIED)), Needs(pods=True)),
        (block_over(ZONE, Autopath((ZONE,))), Needs(pods=True)),
        (block_over(SET_ZONE), Needs(imports=True)),
        (Block(plugins=(LoadBalance(),)), Needs(cluster=False)),
    ],
)
def test_all_kinds_that_answers_depend_on_are_watched(block, needs):
    assert DnsOptions(blocks=(block,)).needs == needs
    watches = ZoneWatches(FakeApi(), Authority(ZONE), ProgrammingDelay(new_registry()), needs)
    assert ("pods" in watches.informers) == needs.pods
    assert ("serviceimports" in watches.informers) == needs.imports


async def test_a_worker_goes_on_from_what_was_read_before_it_was_forked():
    api = FakeApi()
    await api.put(namespace("testns"), "namespaces")
    await api.put(slice_of_cluster("own", "172.9.0.1", **{"kubernetes.io/service-name": "db"}), "endpointslices")
    first = ZoneWatches(api, authority := Authority(ZONE), ProgrammingDelay(new_registry()))
    reading = asyncio.create_task(first.run())
    await asyncio.wait_for(first.read_all(), DEADLINE)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await api.remove("endpointslices", "own-1", "testns")  # before the worker begins to watch
    worker = ZoneWatches(api, authority, ProgrammingDelay(new_registry()))
    worker.resume(first.known)
    following = asyncio.create_task(worker.run())
    try:
        await asyncio.wait_for(worker.read_all(), DEADLINE)
        await happened(lambda: not list(authority.snapshot.slices_of(ObjectKey("testns", "db"))))
        await api.put(namespace("late"), "namespaces")
        await happened(lambda: ObjectKey("", "late") in worker.informers["namespaces"].objects)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert api.list_requests == len(first.informers)
