"""What PID 1 of a lab does before it forks leaves nothing that a fork must not inherit."""

import asyncio
import os
import sys
import threading

import pytest

from fairlead.app.lab.init.sharing import SHARED_MODULES, share_first_uses

pytestmark = pytest.mark.io  # an event loop has sockets


def test_neither_threads_nor_descriptors_nor_a_loop_are_left():
    share_first_uses()  # what is kept for the life of the process is kept from here on
    threads, descriptors = threading.enumerate(), os.listdir("/proc/self/fd")
    share_first_uses()
    assert threading.enumerate() == threads
    assert os.listdir("/proc/self/fd") == descriptors
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
    assert set(SHARED_MODULES) <= set(sys.modules)
