"""The number of replicas for the size of a cluster."""

import pytest

from fairlead.workloads.proportional import Linear, wanted_replicas


@pytest.mark.parametrize(
    ("linear", "nodes", "cores", "expected"),
    [
        pytest.param(Linear(), 100, 1000, 1, id="nothing is asked for"),
        pytest.param(Linear(256, 16), 3, 12, 1, id="a small cluster"),
        pytest.param(Linear(256, 16), 33, 12, 3, id="by nodes"),
        pytest.param(Linear(256, 16), 3, 513, 3, id="by cores"),
        pytest.param(Linear(256, 16, min=2), 0, 0, 2, id="at least"),
        pytest.param(Linear(1, 1, max=5), 100, 100, 5, id="at most"),
        pytest.param(Linear(prevent_single_point_failure=True), 2, 4, 2, id="no single point of failure"),
        pytest.param(Linear(prevent_single_point_failure=True), 1, 4, 1, id="but one node has room for one failure"),
    ],
)
def test_shares_are_proportional(linear, nodes, cores, expected):
    assert wanted_replicas(linear, nodes, cores) == expected
