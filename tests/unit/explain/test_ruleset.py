"""All rules of a node: each line has its reason, and those of a Service are told from those of all."""

import pytest

from fairlead.explain.about.ruleset import lines_of
from fairlead.explain.proxying import IPTABLES, NFT, Proxying
from tests.support.broken_clusters import NODE_PORT, whole
from tests.support.cluster_dumps import cluster, service, web

READ = cluster(whole(service(**NODE_PORT), service("other", "10.96.0.11"), web()))
both = pytest.mark.parametrize("backend", [NFT, IPTABLES])


@both
def test_each_line_that_is_for_a_service_says_so(backend):
    lines = lines_of(READ, Proxying(backend), "node-1")
    assert {line.service for line in lines} >= {"", "default/web", "default/other"}
    assert any("30080" in line.text for line in lines if line.service == "default/web")
    assert not any("10.96.0.11" in line.text for line in lines if line.service == "default/web")


@both
def test_nearly_every_line_has_a_reason(backend):
    lines = lines_of(READ, Proxying(backend), "node-1")
    assert [line for line in lines if not line.reason and not line.service] == []


@both
def test_comments_stand_beside_and_not_in_the_text(backend):
    assert not [line for line in lines_of(READ, Proxying(backend), "node-1") if "comment" in line.text]


def test_an_empty_cluster_has_the_rules_that_serve_all():
    assert {line.service for line in lines_of(cluster([]), Proxying(NFT), "a node")} == {""}
