"""Files that another user of this machine puts in place of a lab's folders do no harm: nothing of the victim's is
removed or handed over, and the victim is told what is wrong. Shown for root and for an ordinary user.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.support.full import each_once
from tests.support.labs import FAIRLEAD, PATH
from tests.support.users import users

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users at once")

STRANGER = pwd.getpwnam("daemon").pw_uid


class Machine:
    """A shared temporary folder, a victim with a home, and a stranger."""

    def __init__(self, victim) -> None:
        self.victim = victim
        self.folder = Path(tempfile.mkdtemp(prefix="fairlead-test-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.shared, self.home = self.folder / "tmp", self.folder / "home"
        self.shared.mkdir()
        self.shared.chmod(0o1777)
        for path in (self.home, self.home / "fairlead", self.home / "fairlead" / "thesis", self.home / "thesis"):
            path.mkdir(mode=0o700)
            os.chown(path, victim.uid, victim.uid)
        for path in (self.home / "thesis" / "text", self.home / "fairlead" / "thesis" / "text"):
            path.write_text("years of work")
            os.chown(path, victim.uid, victim.uid)

    @property
    def first(self) -> Path:
        """The name that the victim's folders have in the shared one."""
        return self.shared / f"fairlead-{self.victim.uid}"

    def belongings(self) -> set[tuple[str, int]]:
        return {(str(path), path.stat().st_mode) for path in self.home.rglob("*")}

    def fairlead(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": PATH, "HOME": str(self.home), "TMPDIR": str(self.shared)}
        return subprocess.run(
            self.victim.command(FAIRLEAD, *arguments),
            env=environment,
            cwd="/",
            text=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )


@pytest.fixture(params=users(), ids=str)
def machine(request):
    machine = Machine(request.param)
    try:
        yield machine
    finally:
        machine.fairlead("down")
        shutil.rmtree(machine.folder)


def own(path: Path, uid: int = STRANGER, mode: int = 0o755) -> None:
    path.mkdir()
    path.chmod(mode)
    os.chown(path, uid, uid)


def link(path: Path, target: Path, uid: int = STRANGER) -> None:
    path.symlink_to(target)
    os.lchown(path, uid, uid)


def link_to_home(machine: Machine) -> None:
    link(machine.first, machine.home)


def own_folder_with_a_link(machine: Machine) -> None:
    own(machine.first)
    link(machine.first / "fairlead", machine.home)


def own_folder(machine: Machine) -> None:
    own(machine.first, mode=0o777)


def open_folder_of_the_victim(machine: Machine) -> None:
    own(machine.first, machine.victim.uid, 0o777)
    link(machine.first / "fairlead", machine.home)


@pytest.mark.parametrize(
    ("plant", "command"),
    each_once(
        [link_to_home, own_folder_with_a_link, own_folder, open_folder_of_the_victim],
        ["status", "up --wait", "down", "exec x -- true"],
    ),
)
def test_a_folder_of_another_user_is_refused_and_not_changed(machine, plant, command):
    plant(machine)
    before = machine.belongings()
    done = machine.fairlead(*command.split())
    assert done.returncode == 3
    assert "XDG_RUNTIME_DIR" in done.stderr
    assert str(machine.first) in done.stderr
    assert machine.belongings() == before


def data_is_a_link(machine: Machine) -> None:
    link(machine.shared / "data", machine.home)


def data_is_a_strangers(machine: Machine) -> None:
    own(machine.shared / "data", mode=0o777)


def data_is_behind_a_link(machine: Machine) -> None:
    own(machine.shared / "way")
    link(machine.shared / "way" / "data", machine.home)


@pytest.mark.parametrize(
    ("plant", "data"),
    [(data_is_a_link, "data"), (data_is_a_strangers, "data"), (data_is_behind_a_link, "way/data/more")],
)
def test_a_data_folder_of_another_user_is_refused(machine, plant, data):
    plant(machine)
    before = machine.belongings()
    done = machine.fairlead("up", "--wait", "--data", str(machine.shared / data))
    assert done.returncode == 3
    assert "cannot use the data folder" in done.stderr
    assert machine.belongings() == before
    assert not (machine.shared / data / "lock").exists()


def test_unmarked_files_among_the_labs_stay(machine):
    machine.fairlead("status")
    strange = machine.first / "fairlead" / "thesis"
    shutil.copytree(machine.home / "thesis", strange)
    os.chown(strange, machine.victim.uid, machine.victim.uid)
    link(machine.first / "fairlead" / "home", machine.home, machine.victim.uid)
    before = machine.belongings()
    assert machine.fairlead("status").returncode == 1  # no lab is running
    assert (strange / "text").exists()
    assert machine.belongings() == before
