"""A process's name among replicas, and liveness of others by their names."""

import os
import re
import subprocess

import pytest

from fairlead.drivers.linux.process_identity import identity_of
from fairlead.drivers.linux.replica_name import has_ended, replica_name

pytestmark = pytest.mark.io


def name_of(pid):
    return re.sub(r"-\d+-\d+$", f"-{identity_of(pid)}", replica_name())


def test_this_process_has_not_ended():
    assert not has_ended(replica_name())


def test_another_process_has_ended_once_it_was_collected():
    process = subprocess.Popen(["sleep", "60"])
    name = name_of(process.pid)
    assert not has_ended(name)
    process.kill()
    process.wait()
    assert has_ended(name)


def test_a_reused_pid_is_another_process():
    pid, start = identity_of(os.getpid())
    assert has_ended(replica_name().replace(f"-{pid}-{start}", f"-{pid}-{start - 1}"))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="nobody"),
        pytest.param("host_5f6a3e0c", id="one named by another program"),
        pytest.param("kube-controller-manager-1_a-b-c-d", id="odd"),
        pytest.param("host_00000000000000000000000000000000-4026531836-1-1", id="of another machine"),
    ],
)
def test_nothing_is_known_of_others(name):
    assert not has_ended(name)


def test_nothing_is_known_of_another_pid_namespace_of_this_machine():
    namespace = os.stat("/proc/self/ns/pid").st_ino
    assert not has_ended(replica_name().replace(f"-{namespace}-", f"-{namespace + 1}-"))
