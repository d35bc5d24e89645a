"""The kubectls of this machine."""

import os
import re
import shutil
import sys
from functools import cache
from pathlib import Path

from tests.support.full import IS_FULL

# The environment of a kubectl that ends before collecting garbage has been worth it: a fifth of its CPU time.
UNCOLLECTED = {"GOGC": "off"}


# Brought by the set-up (``scripts/clients.py``): newer than those of most machines.
NEWEST = Path(sys.executable).parent / "kubectl.1.37"


def some_kubectls() -> tuple[Path, ...]:
    """The oldest and the newest; every one in a full run."""
    return supported() if IS_FULL else oldest_and_newest()


def oldest() -> tuple[Path, ...]:
    """The oldest, where the newest is tested in another way; every one in a full run."""
    return supported() if IS_FULL else supported()[:1]


def oldest_and_newest() -> tuple[Path, ...]:
    """Both ends of what is supported; one program where there is one."""
    every = supported()
    return tuple(dict.fromkeys((every[0], every[-1])))


def newest() -> tuple[Path, ...]:
    """The newest, where versions differ in nothing that is tested; in a full run the oldest, too."""
    return oldest_and_newest() if IS_FULL else supported()[-1:]


def supported() -> tuple[Path, ...]:
    """Those of this machine, and the newer one of the set-up if it has been brought."""
    return (*kubectls(), *([NEWEST] if NEWEST.exists() else []))


@cache
def kubectls() -> tuple[Path, ...]:
    """Every kubectl, oldest first: those named for their versions beside the one on PATH, or else that one."""
    found = shutil.which("kubectl", path=f"{os.environ['PATH']}:{Path(sys.executable).parent}")
    assert found, "there is no kubectl; scripts/setup.sh brings one"
    folder = Path(found).resolve().parent
    siblings = [path for path in folder.iterdir() if re.fullmatch(r"kubectl\.\d+\.\d+", path.name)]
    siblings.sort(key=lambda path: [int(part) for part in path.name.split(".")[1:]])
    return tuple(siblings) or (Path(found),)
