"""Turns a process into a Python interpreter that knows nothing of what the process was.

A fork keeps everything that its parent ever read: environment, keys, files. What must not, runs in an interpreter that
has been started again, with an empty environment and no descriptors but those that it is given.
"""

import os
import sys
from collections.abc import Iterable
from typing import NoReturn

# What says how Python itself is measured; only tests set it.
_KEPT_VARIABLES = "COVERAGE_"


def execute(module: str, arguments: Iterable[str], descriptors: Iterable[int]) -> NoReturn:
    """Become an interpreter that calls ``main`` of a module, with the same modules in reach as here.

    Args:
        arguments: what ``sys.argv`` has from 1 on.
        descriptors: what it inherits beside standard input, output and error, at the same numbers.

    Raises:
        OSError: it cannot be run.
    """
    for fd in descriptors:
        os.set_inheritable(fd, True)
    paths = [os.path.abspath(path) for path in sys.path if path]
    search = os.environ.get("PATH", os.defpath)  # where programs are, which modules may ask as they are imported
    # A collection finds nothing while modules are imported: what they make, stays.
    ready = f"import gc, os, sys; gc.disable(); os.environ['PATH'] = {search!r}; sys.path[:] = {paths!r}"
    code = f"{ready}; from {module} import main; gc.enable(); main()"
    environment = {name: value for name, value in os.environ.items() if name.startswith(_KEPT_VARIABLES)}
    os.execve(sys.executable, [sys.executable, "-I", "-c", code, *arguments], environment)
