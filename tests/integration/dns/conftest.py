"""A socket that a test leaves open is told of by the file that left it, and not by whichever test runs when it is
collected."""

import gc

import pytest


@pytest.fixture(scope="module", autouse=True)
def collected():
    yield
    gc.collect()
