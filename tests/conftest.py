"""Fixtures and options of all tests."""

from hypothesis import HealthCheck, settings

from tests.support import saving

# How long an example takes says how busy the machine is, and nothing about what is tested.
settings.register_profile("fairlead", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fairlead")


def pytest_unconfigure():
    """A worker of xdist is ended from outside; what it has measured is saved before that."""
    saving.save()
