"""The labs of one pytest run: the first test that needs a kind of lab starts it, and it ends with the run."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Unpack

import pytest

from fairlead.app.lab.host.process import WITHOUT_NAMESPACES
from fairlead.drivers.lab import run_folder, running_labs
from fairlead.drivers.lab.host_process import NOBODY
from fairlead.lab import Lab, LabError, LabSpec
from fairlead.lab.cluster import SpecFields
from fairlead.testing.markers import key_of
from fairlead.testing.shared import beginning_of, run_of


@dataclass
class Labs:
    """The labs that this process uses.

    Attributes:
        run: distinguishes this run from others on this machine.
        owner: shared labs end with this process; None if no labs are shared.
        given: the running lab that the user names.
        userspace, seed: the defaults for labs that do not set them, as in ``LabSpec``.
        notes: lines for the summary of the run: why a lab has no namespaces although that was not requested.
    """

    run: str
    owner: int | None
    given: str | None
    nodes: int
    keep: bool
    userspace: bool | None = None
    seed: int | None = None
    notes: list[str] = field(default_factory=list)
    _open: dict[str, Lab] = field(default_factory=dict)

    @classmethod
    def of(cls, config: pytest.Config) -> "Labs":
        """The labs of a run."""
        worker: dict[str, Any] | None = getattr(config, "workerinput", None)
        run = run_of(worker["testrunuid"]) if worker else secrets.token_hex(4)
        return cls(
            run,
            worker["fairlead_owner"] if worker else None,
            config.getoption("--fairlead-lab"),
            int(config.getini("fairlead_nodes")),
            bool(config.getoption("--fairlead-keep")),
            config.getoption("--fairlead-userspace") or config.getoption("--fairlead-seed") is not None or None,
            config.getoption("--fairlead-seed"),
        )

    def take(self, spec: LabSpec | None) -> Lab:
        """A running lab of this kind; None: the default kind.

        Raises:
            LabError: it cannot be started.
        """
        if self.given:
            return self._open.setdefault(self.given, Lab.attach(self.given))
        wanted = self._with_defaults(spec or LabSpec(nodes=self.nodes))
        name = beginning_of(self.run) + key_of(wanted)
        if name not in self._open:
            self._open[name] = self._start(name, wanted)
        return self._open[name]

    def _with_defaults(self, spec: LabSpec) -> LabSpec:
        if spec.userspace is None:
            spec = replace(spec, userspace=self.userspace)
        return replace(spec, seed=self.seed) if spec.seed is None and spec.userspace else spec

    def _start(self, name: str, spec: LabSpec) -> Lab:
        if self.owner is None:
            return self._started(name, spec)
        with _alone(name):
            return Lab.attach(name) if running_labs.find(name) else self._started(name, spec)

    def _started(self, name: str, spec: LabSpec) -> Lab:
        told: list[str] = []
        lab = Lab(spec, name=name, tell=told.append).start(owner=NOBODY if self.keep else self.owner)
        if WITHOUT_NAMESPACES in told:
            self.notes += told[: told.index(WITHOUT_NAMESPACES) + 1]
        return lab

    def give_back(self, lab: Lab) -> None:
        """End a lab that is no longer needed, unless other workers of this run might still use it."""
        if not (self.owner or self.given or self.keep):
            self._open.pop(lab.name, None)
            lab.stop()

    def close(self) -> None:
        """End the labs that this process has started for itself, and detach from the others."""
        for lab in self._open.values():
            if self.owner or self.given or self.keep:
                lab.detach()
            else:
                with suppress(LabError):
                    lab.stop()
        self._open.clear()


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """One worker at a time."""
    folder = os.open(run_folder.root(), os.O_RDONLY | os.O_DIRECTORY)
    try:
        lock = os.open(f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
    finally:
        os.close(folder)


class Factory:
    """Starts labs that end with this object."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.labs: list[Lab] = []

    def __call__(self, **wanted: Unpack[SpecFields]) -> Lab:
        """A new lab that is ready; ``LabSpec`` lists the options."""
        lab = self._stack.enter_context(Lab(LabSpec(**wanted)))
        self.labs.append(lab)
        return lab

    def __enter__(self) -> "Factory":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
