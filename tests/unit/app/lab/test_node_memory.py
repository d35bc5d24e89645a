"""The memory of added and removed nodes of a lab."""

import pytest

from fairlead.app.lab.fork import LabError
from fairlead.app.lab.node_memory import NodeMemory, recall, remember
from fairlead.app.lab.settings import numbered_node
from fairlead.labnet.addresses import DUAL_STACK, IPV4_ONLY

pytestmark = pytest.mark.io  # files, sockets or processes

NAMED = (numbered_node(1, IPV4_ONLY), numbered_node(2, IPV4_ONLY))
EXTRA = numbered_node(3, IPV4_ONLY, "extra", {"disk": "ssd"})


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        pytest.param([], ["node-1", "node-2"], id="nothing"),
        pytest.param([EXTRA], ["node-1", "node-2", "extra"], id="one was added"),
        pytest.param([EXTRA, "extra"], ["node-1", "node-2"], id="and removed again"),
        pytest.param(["node-1"], ["node-2"], id="one was removed"),
        pytest.param(["node-1", numbered_node(1, IPV4_ONLY, "new")], ["node-2", "new"], id="another has its place"),
        pytest.param(["node-1", NAMED[0]], ["node-2", "node-1"], id="and added again"),
    ],
)
def test_the_nodes_of_a_lab_that_starts_again(tmp_path, changes, names):
    memory, path = NodeMemory(), tmp_path / "nodes.json"
    for change in changes:
        memory = memory.without_node(change) if isinstance(change, str) else memory.with_node(change)
        remember(path, memory)
    assert [node.name for node in recall(path).nodes(NAMED, IPV4_ONLY)] == names


def test_an_added_node_is_as_it_was():
    assert NodeMemory().with_node(EXTRA).nodes((), IPV4_ONLY) == (EXTRA,)
    dual = numbered_node(3, DUAL_STACK, "extra")
    assert NodeMemory().with_node(dual).nodes((), DUAL_STACK) == (dual,)


def test_options_that_name_a_node_in_the_place_of_an_added_one():
    memory = NodeMemory().with_node(EXTRA)
    with pytest.raises(LabError, match='node "node-3" wants the place of node "extra", which was added to this lab'):
        memory.nodes((*NAMED, numbered_node(3, IPV4_ONLY)), IPV4_ONLY)


def test_a_file_that_is_none(tmp_path):
    path = tmp_path / "nodes.json"
    path.write_text('{"added": 7}')
    with pytest.raises(LabError, match=f"cannot read {path}"):
        recall(path)
