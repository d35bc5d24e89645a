"""Which names a fault of DNS is about."""

import pytest

from fairlead.drivers.dns.faulty_answers import concerns


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("*", "anything.example.", True),
        ("web.ns.svc.cluster.local.", "web.ns.svc.cluster.local.", True),
        ("web.ns.svc.cluster.local.", "a.web.ns.svc.cluster.local.", False),
        ("*.ns.svc.cluster.local.", "web.ns.svc.cluster.local.", True),
        ("*.ns.svc.cluster.local.", "ns.svc.cluster.local.", False),
    ],
)
def test_the_names_of_a_fault(pattern, name, expected):
    assert concerns(pattern, name) is expected
