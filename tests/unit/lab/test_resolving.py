"""A resolver's settings, and its questions."""

from fairlead.clusterdns.names import to_text
from fairlead.lab.resolving import ResolvConf, candidates, read_resolv_conf

POD = ResolvConf(("10.96.0.10",), ("ns.svc.cluster.local", "cluster.local"), 5)


def test_resolv_conf_is_read_as_resolvers_read_it():
    text = "# a comment\nnameserver 10.96.0.10\nsearch a.example b.example\noptions edns0 ndots:5\nstrange line\n"
    assert read_resolv_conf(text) == ResolvConf(("10.96.0.10",), ("a.example", "b.example"), 5)
    assert read_resolv_conf("") == ResolvConf((), (), 1)
    assert read_resolv_conf("options ndots:many\nsearch one\nsearch two\n") == ResolvConf((), ("two",), 1)


def asked(name, conf=POD):
    return [to_text(candidate) for candidate in candidates(name, conf)]


def test_a_short_name_is_searched_first():
    assert asked("web") == ["web.ns.svc.cluster.local.", "web.cluster.local.", "web."]


def test_a_name_with_many_dots_is_asked_as_it_stands_first():
    assert asked("a.b.c.d.e.f")[0] == "a.b.c.d.e.f."
    assert asked("web.ns", POD._replace(ndots=1))[0] == "web.ns."


def test_a_final_dot_forbids_the_search():
    assert asked("web.") == ["web."]
