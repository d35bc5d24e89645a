"""Finds the programs of a control plane; a missing program is an error, and has no substitute."""

import os
from collections.abc import Mapping
from pathlib import Path

ETCD, API_SERVER = "etcd", "kube-apiserver"
CONTROLLER_MANAGER, SCHEDULER = "kube-controller-manager", "kube-scheduler"
PROGRAMS = (ETCD, API_SERVER, CONTROLLER_MANAGER, SCHEDULER)


class MissingPrograms(Exception):
    """A folder lacks programs of a control plane; the message names each, and what is wrong with it."""


def find_programs(folder: Path) -> Mapping[str, Path]:
    """The programs of a control plane, by name.

    Raises:
        MissingPrograms: one is not in the folder, or cannot be run.
    """
    faults = {name: fault for name in PROGRAMS if (fault := _fault(folder / name))}
    if faults:
        listed = "; ".join(f"{name}: {fault}" for name, fault in faults.items())
        raise MissingPrograms(f"{listed}. A control plane needs {', '.join(PROGRAMS)} in {folder}")
    return {name: folder / name for name in PROGRAMS}


def _fault(path: Path) -> str:
    if not path.exists():
        return f"there is no {path}"
    if not path.is_file():
        return f"{path} is no file"
    return "" if os.access(path, os.X_OK) else f"{path} is not executable"
