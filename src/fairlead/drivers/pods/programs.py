"""Turns the process into a program of this machine, or into the applet of busybox that has its name.

Images such as busybox and alpine hold nothing but busybox; what they are asked for (``wget``, ``nc``, ``httpd``) may be
missing on a machine that has busybox itself.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import NoReturn

_BUSYBOX = "busybox"


def execute(arguments: tuple[str, ...], environment: Mapping[str, str]) -> NoReturn:
    """Become the program; it is looked for in the environment's PATH, and its name there is that of its applet.

    Raises:
        FileNotFoundError: there is none. OSError: it cannot be run.
    """
    try:
        os.execvpe(arguments[0], arguments, environment)
    except FileNotFoundError:
        busybox = shutil.which(_BUSYBOX)
        if busybox is None or arguments[0] not in _applets(busybox):
            raise
        os.execve(busybox, arguments, environment)


def _applets(busybox: str) -> list[str]:
    listed = subprocess.run([busybox, "--list"], stdout=subprocess.PIPE, text=True, check=False)
    return listed.stdout.split()
