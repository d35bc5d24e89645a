"""The next set of the same name adopts the orphans of a deleted set (``--cascade=orphan``)."""

import msgspec
import pytest

from fairlead.model.decode import decode
from fairlead.model.workloads import DaemonSet, StatefulSet
from fairlead.workloads.history import plan_history
from tests.support.cluster_objects import make_node, make_pod, meta
from tests.support.controller_runs import running, settled, until
from tests.support.fake_api import FakeApi

pytestmark = pytest.mark.anyio

TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main"}]}}
SPEC = {"selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE, "replicas": 2, "serviceName": "web"}


def owner(document):
    return [reference["uid"] for reference in document["metadata"].get("ownerReferences") or ()]


@pytest.mark.parametrize(
    ("type_", "plural", "controller"),
    [(StatefulSet, "statefulsets", "statefulset"), (DaemonSet, "daemonsets", "daemonset")],
)
async def test_the_next_set_adopts_revisions_and_pods(type_, plural, controller):
    api = FakeApi()
    set_ = decode(type_, {"metadata": meta("web", generation=1), "spec": SPEC})
    revision = plan_history(set_, ()).create
    del revision["metadata"]["ownerReferences"]
    await api.put(make_node(), "nodes")
    await api.put(revision, "controllerrevisions")
    for name in ("web-0", "web-1"):
        await api.put(make_pod(name), "pods")
    await api.put(msgspec.to_builtins(set_), plural)
    async with running(api, controller):
        await until(api, lambda: all(owner(d) == ["uid-web"] for d in api.all("controllerrevisions") + api.all("pods")))
        await settled(api)
    assert api.writes["create", "controllerrevisions"] == 0


async def test_a_stateful_set_adopts_no_pod_of_another_name():
    api = FakeApi()
    await api.put(make_pod("web-x"), "pods")
    await api.put(msgspec.to_builtins(decode(StatefulSet, {"metadata": meta("web"), "spec": SPEC})), "statefulsets")
    async with running(api, "statefulset"):
        await until(api, lambda: len(api.all("pods")) > 1)
        await settled(api)
    assert owner(next(pod for pod in api.all("pods") if pod["metadata"]["name"] == "web-x")) == []
