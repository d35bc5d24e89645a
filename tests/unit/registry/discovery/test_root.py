"""Where a client that knows nothing begins."""

from fairlead.drivers.apiserver.health import health_page
from tests.support.api_world import ApiWorld


def test_the_root_lists_paths_that_are_served():
    world = ApiWorld()
    paths = world.do("GET", "/")["paths"]
    assert {"/api/v1", "/apis/apps/v1", "/livez", "/version"} <= set(paths)
    for path in paths:
        if path.startswith("/api"):
            assert world.do("GET", path)


def test_the_version_is_that_whose_rules_are_followed():
    found = ApiWorld().do("GET", "/version")
    assert (found["major"], found["minor"]) == ("1", "36")
    assert found["buildDate"] > "2026"


def test_health_is_told_check_by_check_if_asked_for():
    assert health_page("/livez", b"") == b"ok"
    assert health_page("/readyz", b"verbose").splitlines()[0] == b"[+]ping ok"
    assert health_page("/readyz", b"verbose=").endswith(b"readyz check passed\n")
    assert health_page("/livez/etcd", b"verbose") == b"[+]etcd ok\nlivez check passed\n"
