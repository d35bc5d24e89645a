"""Injected faults of a part."""

from fairlead.drivers.steering.faults import SteeredFaults


def test_a_fault_lasts_until_its_end():
    faults, told = SteeredFaults(), []
    faults.listen(lambda: told.append(bool(faults)))
    end = faults.begin({"kind": "late", "seconds": 1})
    assert faults.seconds("late") == 1.0
    assert faults.seconds("other") == 0.0
    end()
    end()
    assert faults.seconds("late") == 0.0
    assert told == [True, False, False]


def test_the_newest_counts():
    faults = SteeredFaults()
    faults.begin({"kind": "late", "seconds": 1})
    end = faults.begin({"kind": "late", "seconds": 2})
    assert faults.seconds("late") == 2.0
    end()
    assert faults.seconds("late") == 1.0
