"""An open socket is reported for the file that left it, not for the test during which it is collected."""

import gc

import pytest


@pytest.fixture(scope="module", autouse=True)
def collected():
    yield
    gc.collect()
