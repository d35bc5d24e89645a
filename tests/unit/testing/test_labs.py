"""The labs that a run of pytest starts."""

import pytest

from fairlead.lab import LabSpec
from fairlead.testing.labs import Labs


def filled(spec, **options):
    return Labs("run", None, None, 2, False, **options)._with_defaults(spec)


@pytest.mark.parametrize(
    ("spec", "options", "expected"),
    [
        (LabSpec(), {}, LabSpec()),
        (LabSpec(nodes=3), {"userspace": True}, LabSpec(nodes=3, userspace=True)),
        (LabSpec(), {"userspace": True, "seed": 7}, LabSpec(userspace=True, seed=7)),
        (LabSpec(userspace=True, seed=1), {"userspace": True, "seed": 7}, LabSpec(userspace=True, seed=1)),
        (LabSpec(userspace=False), {"userspace": True, "seed": 7}, LabSpec(userspace=False)),
    ],
)
def test_options_fill_in_what_a_marker_leaves_open(spec, options, expected):
    assert filled(spec, **options) == expected
