"""The data folder of a lab: created, locked while the lab runs, and bound to the IP families of its first start."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairlead.app.lab.fork import LabError
from fairlead.drivers.apiserver.store.layout import STORE
from fairlead.drivers.lab import run_folder
from fairlead.drivers.linux.private_folder import Untrusted, private_folder
from fairlead.labnet.addresses import IPV4_ONLY, Families

API_PORT_FILE = "api-port"
LOOPBACK_FILE = "loopback"  # the number of a lab without namespaces
_FAMILIES_FILE = "ip-families"


@contextmanager
def data_folder(path: Path, families: Families) -> Iterator[tuple[Path, int]]:
    """The data folder, made if need be and the caller's alone, and the descriptor
    that has it locked: two labs over one store would ruin it.

    Raises:
        LabError: it cannot be used, or not by a lab of these families.
    """
    try:
        with private_folder(path) as folder:
            lock = run_folder.hold(folder, path)
        (path / "logs" / "pods").mkdir(mode=0o700, parents=True, exist_ok=True)
    except run_folder.RunFolderInUse:
        raise LabError(
            f"another lab uses the data folder {path}: stop that lab, or give this lab another --data"
        ) from None
    except Untrusted as error:
        raise LabError(f"cannot use the data folder {path}: {error}; give another one with --data") from error
    except OSError as error:
        raise LabError(f"cannot use the data folder {path}: {error.strerror}; give another one with --data") from error
    try:
        _keep_families(path, families)
        yield path.resolve(), lock
    finally:
        os.close(lock)


def _keep_families(path: Path, families: Families) -> None:
    """Addresses of Nodes, Pods and Services are kept for life, so a lab stays with its families."""
    wanted, file = ", ".join(families), path / _FAMILIES_FILE
    before = file.read_text() if file.exists() else _of_older_labs(path)
    if before not in (None, wanted):
        raise LabError(
            f"ipFamilies: the lab in {path} was made with [{before}], not [{wanted}]: "
            "start it with the same, or give this lab another --data"
        )
    file.write_text(wanted)


def _of_older_labs(path: Path) -> str | None:
    return ", ".join(IPV4_ONLY) if (path / STORE).exists() else None


def check_kind(path: Path, *, has_namespaces: bool) -> None:
    """A lab stays with the addresses that its objects have, so with or without namespaces.

    Raises:
        LabError: it was of the other kind before.
    """
    if not (path / STORE).exists():
        return
    had_namespaces = not (path / LOOPBACK_FILE).exists()
    if had_namespaces != has_namespaces:
        raise LabError(
            f"the lab in {path} was made {_KINDS[had_namespaces]}, and its objects have the addresses of such a lab: "
            f"start it with {_OPTIONS[had_namespaces]}, or give this lab another --data"
        )


_KINDS = {True: "with namespaces", False: "without namespaces"}
_OPTIONS = {True: "--no-userspace", False: "--userspace"}
