"""One lab for each module, in a run folder of its own, so that it may run beside any other of this machine."""

import os
import tempfile
from pathlib import Path

import pytest

from fairlead.lab import Lab


@pytest.fixture(scope="module", autouse=True)
def run_folder():
    """Where labs are found by this module's tests alone; not below /tmp, of which every container has its own."""
    with tempfile.TemporaryDirectory(prefix="fairlead-test-", dir="/var/tmp") as folder:
        before = os.environ.get("XDG_RUNTIME_DIR")
        os.environ["XDG_RUNTIME_DIR"] = folder
        yield Path(folder)
        os.environ.pop("XDG_RUNTIME_DIR")
        if before is not None:
            os.environ["XDG_RUNTIME_DIR"] = before


@pytest.fixture(scope="module")
def lab(run_folder):
    with Lab() as lab:
        yield lab


@pytest.fixture
def namespace(lab):
    with lab.namespace() as namespace:
        yield namespace
