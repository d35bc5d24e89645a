"""When a node is short of disk space."""

import pytest

from fairlead.nodeagent.pressure import is_short
from fairlead.nodeagent.usage import FileSystem

MIB, GIB = 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("found", "short", "still_short"),
    [
        pytest.param(FileSystem(500 * GIB, 300 * GIB, 10**7, 10**6), False, False, id="plenty"),
        pytest.param(
            FileSystem(500 * GIB, 5 * GIB, 10**7, 10**6), False, False, id="a hundredth, which is much all the same"
        ),
        pytest.param(FileSystem(500 * GIB, 255 * MIB, 10**7, 10**6), True, True, id="too little for a lab"),
        pytest.param(FileSystem(500 * GIB, 300 * MIB, 10**7, 10**6), False, True, id="not eased enough"),
        pytest.param(FileSystem(500 * GIB, 400 * MIB, 10**7, 10**6), False, False, id="eased"),
        pytest.param(FileSystem(100 * MIB, 9 * MIB, 0, 0), True, True, id="less than a tenth of a small one"),
        pytest.param(FileSystem(100 * MIB, 11 * MIB, 0, 0), False, True, id="more than a tenth"),
        pytest.param(FileSystem(100 * MIB, 16 * MIB, 0, 0), False, False, id="no limit on files"),
        pytest.param(FileSystem(500 * GIB, 300 * GIB, 10**7, 9000), True, True, id="too few files"),
        pytest.param(FileSystem(100 * GIB, 50 * GIB, 1000, 49), True, True, id="less than a twentieth of the files"),
        pytest.param(FileSystem(0, 0, 0, 0), False, False, id="no real file system"),
    ],
)
def test_when_a_node_is_short(found, short, still_short):
    assert (is_short(found, was_short=False), is_short(found, was_short=True)) == (short, still_short)
