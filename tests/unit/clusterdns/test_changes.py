"""Objects read at once before the first answer, and one by one after it, give the same answers."""

import pytest

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.changes import addresses
from fairlead.clusterdns.reverse import all_nodes, count_nodes
from tests.support.dns_cases import CLUSTER, ZONE


def authority_after(first, then):
    authority = Authority(ZONE)
    for object_ in first:
        authority.change(None, object_, 0)
    authority.finish_sync(0)
    for object_ in then:
        authority.change(None, object_, 0)
    return authority


@pytest.mark.parametrize("cut", [0, 1, 10, 30, len(CLUSTER) - 1])
def test_the_result_does_not_depend_on_the_order_of_changes(cut):
    whole, parts = authority_after(CLUSTER, []), authority_after(CLUSTER[:cut], CLUSTER[cut:])
    assert parts.snapshot == whole.snapshot
    assert parts.zone.reverse_nodes == whole.zone.reverse_nodes


def test_objects_deleted_before_the_first_answer_do_not_exist():
    authority = Authority(ZONE)
    for object_ in CLUSTER:
        authority.change(None, object_, 0)
    for object_ in CLUSTER:
        authority.change(object_, None, 0)
    authority.finish_sync(0)
    assert not authority.snapshot.services
    assert not authority.zone.reverse_nodes


def test_inner_reverse_nodes_are_counted_alike_at_once_and_one_by_one():
    nodes = ZONE.reverse_nodes
    for object_ in CLUSTER:
        nodes = count_nodes(nodes, (), addresses(object_))
    assert all_nodes(map(addresses, CLUSTER)) == nodes
