"""Which right a request to a node's HTTP API needs."""

import pytest

from fairlead.nodeagent.api_access import subresources_of, verb_of

PATHS = [
    ("/stats/summary", ("stats",)),
    ("/metrics", ("metrics",)),
    ("/metrics/resource", ("metrics",)),
    ("/logs/pods/a.log", ("log",)),
    ("/pods", ("pods", "proxy")),
    ("/runningpods", ("pods", "proxy")),
    ("/healthz/syncloop", ("healthz", "proxy")),
    ("/configz", ("configz", "proxy")),
    ("/exec/n/p/c", ("proxy",)),
    ("/containerLogs/n/p/c", ("proxy",)),
    ("/statsx", ("proxy",)),
    ("/", ("proxy",)),
]


@pytest.mark.parametrize(("path", "subresources"), PATHS)
def test_a_path_needs_one_of_these_subresources(path, subresources):
    assert subresources_of(path.strip("/").split("/")) == subresources


@pytest.mark.parametrize(("method", "verb"), [("GET", "get"), ("POST", "create"), ("PUT", "update"), ("HEAD", "")])
def test_a_method_is_a_verb(method, verb):
    assert verb_of(method) == verb
