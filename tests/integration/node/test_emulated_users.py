"""Emulated users in a user namespace whose kernel has only root."""

import os
import shutil
import subprocess
import sys

import pytest

BEGIN = """
import os, sys
from fairlead.drivers.pods.emulation.answers import emulation_for
from fairlead.drivers.pods.privileges import give_up_privileges
from fairlead.nodeagent.credentials import ProcessCredentials
emulation = emulation_for(ProcessCredentials(0, 0, (4,)), of_image=True)
give_up_privileges()
emulation.begin()
os.chdir(sys.argv[1])
os.execvp(sys.argv[2], sys.argv[2:])
"""
AS_WEB = ["setpriv", "--reuid=101", "--regid=102", "--groups=7"]


@pytest.fixture
def run(tmp_path):
    """Output of a command in such a namespace, in an empty folder; the exit code too, if it failed."""
    if os.geteuid() == 0:
        tmp_path.chmod(0o755)

    def run(*command: str) -> str:
        first = ["sh", "-c", '"$@"; exit $?', "sh"]  # PID 1, as a Pod has one: it collects orphans
        space = ["unshare", "--user", "--map-root-user", "--pid", "--kill-child", "--mount-proc", *first]
        begin = [*space, sys.executable, "-c", BEGIN]
        done = subprocess.run(
            [*begin, str(tmp_path), *command], text=True, capture_output=True, timeout=120, check=False
        )
        return done.stdout if done.returncode == 0 else f"{done.returncode}: {done.stdout}{done.stderr}"

    return run


def shell(run, script: str, *before: str) -> list[str]:
    return run(*before, "sh", "-ec", script).splitlines()


def test_root_is_root_until_it_becomes_another(run):
    assert shell(run, "id -u; id -G; stat -c %u:%g .") == ["0", "0 4", "0:0"]
    assert shell(run, "id -u; id -g; id -G; stat -c %u:%g .", *AS_WEB) == ["101", "102", "102 7", "101:102"]


def test_children_inherit_the_emulated_user(run):
    script = "(sh -c 'sh -c \"id -u\"'); { id -u; } | cat; nohup sh -c 'id -u' 2>/dev/null &\nwait"
    assert shell(run, script, *AS_WEB) == ["101", "101", "101"]


def test_siblings_are_not_mistaken_for_each_other(run):
    script = "setpriv --reuid=5 sh -c 'id -u; sleep 0.01; id -u' > five & setpriv --reuid=6 id -u > six; wait"
    assert shell(run, f"{script}; id -u; cat five six") == ["0", "5", "5", "6"]


def test_files_can_be_given_away(run):
    assert shell(run, "touch file; chown 101:102 file; ln -s file link; chown -h 5 link; ls") == ["file", "link"]
    assert "chown: cannot access 'none': No such file or directory" in run("chown", "101", "none")


def test_another_user_may_not_give_files_away_nor_become_root(run):
    assert "Operation not permitted" in run(*AS_WEB, "sh", "-c", "touch file; chown 5 file")
    assert "Operation not permitted" in run(*AS_WEB, "setpriv", "--reuid=0", "id")
    assert shell(run, "touch file; chown 101:7 file; stat -c %u file", *AS_WEB) == ["101"]


def test_paths_are_followed_as_the_process_would(run):
    script = """
        mkdir -p a/b; touch a/b/file; ln -s b/file a/link; cd a
        stat -c %u b/file link ../a/b; stat -L -c %u:%F link; stat -c %u - < b/file
        stat -c %F -L /proc/self/fd/0 < b
        stat none 2>&1 | sed 's/.*: //'
    """
    assert shell(run, script, *AS_WEB) == [
        "101",
        "101",
        "101",
        "101:regular empty file",
        "101",
        "directory",
        "No such file or directory",
    ]


def test_all_forms_of_calls(run):
    script = """
import os
print(os.getresuid(), os.getresgid(), os.getgroups())
os.setgroups([5, 6]); os.setresgid(1, 2, 3); os.seteuid(101)
print(os.getresuid(), os.getresgid(), os.getgroups(), os.stat('.').st_uid, os.fstat(os.open('.', 0)).st_uid)
os.seteuid(0); os.initgroups('root', 9); os.setreuid(7, 8)
print(os.getresuid(), os.lstat('.').st_uid)
try: os.setuid(0)
except PermissionError: print('refused')
print(os.path.exists('none'), [entry.stat().st_uid for entry in os.scandir('.')])
"""
    assert shell(run, "true") == []
    assert run(shutil.which("python3") or sys.executable, "-c", f"open('file', 'w')\n{script}").splitlines() == [
        "(0, 0, 0) (0, 0, 0) [4]",
        "(0, 101, 0) (1, 2, 3) [5, 6] 101 101",
        "(7, 8, 8) 8",
        "refused",
        "False [8]",
    ]


def test_the_process_that_answers_is_no_child_of_the_first(run):
    """A shell would wait for a child that it does not know."""
    assert "No child processes" in run(sys.executable, "-c", "import os; os.wait()")


def test_a_process_that_outlives_the_first_is_answered(run):
    ended_by_the_other = shell(run, "(id -u; kill $$) & exec sleep 120", *AS_WEB)
    assert ended_by_the_other[0] == "143: 101"
