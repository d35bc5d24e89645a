"""What the workers of one run know of each other's labs: the beginning of their names, and that they end with the run.

Every run with workers loads this at its end, so it imports little unless a lab is found.
"""

from contextlib import suppress

import pytest

from fairlead.drivers.lab import run_folder, running_labs


def run_of(uid: str) -> str:
    """A short identifier of a run that all its workers share."""
    return uid.replace("-", "")[:8]


def beginning_of(run: str) -> str:
    """What the names of a run's labs begin with."""
    return f"pytest-{run}-"


def end_shared(config: pytest.Config) -> None:
    """End the labs that workers have started and shared."""
    session = config.pluginmanager.get_plugin("dsession")
    manager = getattr(session, "nodemanager", None)
    uid = getattr(manager, "testrunuid", None)
    if uid is None:
        return
    beginning = beginning_of(run_of(uid))
    with suppress(run_folder.Unusable):
        for lock in run_folder.root().glob(f".{beginning}*.lock"):
            lock.unlink(missing_ok=True)
        labs = [lab for lab in running_labs.all_labs() if lab.name.startswith(beginning)]
        if labs and not config.getoption("--fairlead-keep"):
            _end(labs)


def _end(labs: list[running_labs.RunningLab]) -> None:
    from fairlead.app.lab.commands import enter
    from fairlead.lab import LabError

    for lab in labs:
        with suppress(LabError):
            enter.end(lab)
