"""What every namespace has: a ServiceAccount, and the certificate of the cluster's authority, as it is."""

import pytest

from tests.support.cluster_objects import meta
from tests.support.controller_runs import running, settled, until
from tests.support.fake_api import FakeApi

pytestmark = pytest.mark.anyio

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {**meta("default"), "namespace": ""}}


async def test_a_changed_certificate_is_put_right():
    api = FakeApi()
    api.cluster_ca = "the certificate"
    await api.put(NAMESPACE, "namespaces")
    wrong = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": meta("kube-root-ca.crt"),
        "data": {"ca.crt": "x", "a": "b"},
    }
    await api.put(wrong, "configmaps")
    async with running(api, "namespace-defaults"):
        await until(api, lambda: api.all("configmaps")[0]["data"]["ca.crt"] == "the certificate")
        await settled(api)
    assert api.all("configmaps")[0]["data"]["a"] == "b"
