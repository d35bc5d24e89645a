"""Which parts of a lab are waited for."""

from pathlib import Path

import pytest

from fairlead.drivers.lab.running_labs import ProxylessNodes, RunningLab
from fairlead.lab.parts import proxies_of


@pytest.mark.parametrize(
    ("proxyless", "places"),
    [
        (ProxylessNodes(), ["node/a", "node/b"]),
        (ProxylessNodes(others=("b",)), ["node/a"]),
        (ProxylessNodes(usual=True, others=("b",)), ["node/b"]),
        (ProxylessNodes(usual=True), []),
    ],
)
def test_a_node_without_a_proxy_of_the_lab_s_is_not_asked_for_it(proxyless, places):
    lab = RunningLab(Path("/run/labs/x"), 1, "https://127.0.0.1:6443", proxyless=proxyless)
    assert [part.place for part in proxies_of(lab, ("a", "b"))] == places
