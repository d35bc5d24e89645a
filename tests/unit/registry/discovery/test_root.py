"""Discovery from the root."""

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


def test_health_is_shown_check_by_check_on_request():
    assert health_page("/livez", b"") == (200, b"ok")
    assert health_page("/readyz", b"verbose").body.splitlines()[0] == b"[+]ping ok"
    assert health_page("/readyz", b"verbose=").body.endswith(b"readyz check passed\n")
    assert health_page("/livez/etcd", b"verbose").body == b"[+]etcd ok\nlivez check passed\n"


def test_checks_can_be_excluded():
    assert health_page("/readyz", b"exclude=etcd", "the disk is full") == (200, b"ok")
    lines = health_page("/readyz", b"verbose&exclude=etcd&exclude=odd", "the disk is full").body.splitlines()
    assert lines[2:] == [
        b"[+]etcd excluded: ok",
        b"[+]poststarthook/rbac/bootstrap-roles ok",
        b'warn: some health checks cannot be excluded: no matches for "odd"',
        b"readyz check passed",
    ]


def test_a_store_that_takes_no_writes_makes_the_server_unready_and_no_less_alive():
    page = health_page("/readyz", b"", "the disk is full")
    assert page.code == 500
    assert page.body.splitlines()[2:] == [
        b"[-]etcd failed: the disk is full",
        b"[+]poststarthook/rbac/bootstrap-roles ok",
        b"readyz check failed",
    ]
    assert health_page("/readyz/etcd", b"", "x").code == 500
    for path in ("/livez", "/healthz", "/readyz/ping"):
        assert health_page(path, b"", "the disk is full") == (200, b"ok")
