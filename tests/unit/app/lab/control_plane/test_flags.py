"""The flags and files of a control plane's programs."""

from pathlib import Path

import pytest
from msgspec import structs

from fairlead.app.lab.control_plane.files import ControlPlaneFiles, write_control_plane_files
from fairlead.app.lab.control_plane.flags import command_of
from fairlead.app.lab.control_plane.programs import PROGRAMS, MissingPrograms, find_programs
from fairlead.app.lab.control_plane.rights import rights
from fairlead.app.lab.credentials import write_credentials
from fairlead.app.lab.plan import LabPlan
from fairlead.app.lab.settings import LabSettings, Timers
from fairlead.drivers.identity.certificates import facts_of
from fairlead.drivers.lab.running_labs import RunningLab
from fairlead.labnet.addresses import DUAL_STACK
from tests.support.control_plane_stand_ins import PUBLISHED

# Of earlier versions, which refuse to start a program of today's.
REMOVED = {
    *("address", "admission-control", "cloud-config", "cloud-provider", "experimental-cluster-signing-duration"),
    *(
        "insecure-bind-address",
        "insecure-port",
        "kubelet-https",
        "pod-eviction-timeout",
        "port",
        "service-account-lookup",
    ),
}


def plan_in(folder, **settings):
    given = structs.replace(LabSettings(control_plane=str(folder / "bin")), **settings)
    return LabPlan("lab", folder / "run", folder / "data", (), given)


def flags_of(program, plan):
    path, *flags = command_of(program, Path("/bin") / program, plan)
    assert path == f"/bin/{program}"
    return dict(flag.removeprefix("--").split("=", 1) for flag in flags)


@pytest.mark.parametrize("program", PUBLISHED)
def test_only_published_flags_are_given(program):
    flags = flags_of(program, plan_in(Path("/lab")))
    assert flags.keys() <= PUBLISHED[program]
    assert not flags.keys() & REMOVED


def test_the_addresses_are_the_labs():
    flags = flags_of("kube-apiserver", plan_in(Path("/lab"), ip_families=DUAL_STACK))
    assert flags["advertise-address"] == flags["bind-address"] == "192.168.64.1"
    assert flags["service-cluster-ip-range"] == "10.96.0.0/16,fd00:10:96::/112"
    assert flags["etcd-servers"] == flags_of("etcd", plan_in(Path("/lab")))["listen-client-urls"]


def test_the_labs_times_are_the_control_planes():
    plan = plan_in(Path("/lab"), timers=Timers(node_grace=7.5, eviction=2.5))
    assert flags_of("kube-controller-manager", plan)["node-monitor-grace-period"] == "7.5s"
    assert flags_of("kube-apiserver", plan)["default-unreachable-toleration-seconds"] == "3"


@pytest.mark.io
def test_every_file_that_a_flag_names_is_made(tmp_path):
    plan = plan_in(tmp_path)
    (tmp_path / "data").mkdir()
    write_credentials(plan, RunningLab(tmp_path / "run", 1, "https://127.0.0.1:1"))
    named = [Path(v) for p in PROGRAMS for v in flags_of(p, plan).values() if v.startswith(str(tmp_path))]
    assert len(named) > 20
    assert [path for path in named if not path.exists()] == []


@pytest.mark.io
def test_etcd_and_the_front_proxy_have_authorities_of_their_own(tmp_path):
    files = ControlPlaneFiles(tmp_path / "pki", tmp_path)
    (tmp_path / "pki").mkdir()
    write_control_plane_files(files)
    key = files.service_account_key.read_bytes()
    write_control_plane_files(files)
    assert files.service_account_key.read_bytes() == key
    assert files.etcd_authority.read_bytes() != files.front_proxy_authority.read_bytes()
    assert facts_of(files.etcd_client[0].read_bytes()).subject.name == "kube-apiserver-etcd-client"
    assert b"BEGIN PUBLIC KEY" in files.service_account_public_key.read_bytes()


@pytest.mark.io
def test_missing_programs_are_named_with_the_searched_places(tmp_path):
    for name in ("etcd", "kube-apiserver"):
        (tmp_path / name).write_text("")
    (tmp_path / "etcd").chmod(0o755)
    (tmp_path / "kube-scheduler").mkdir()
    with pytest.raises(MissingPrograms) as failure:
        find_programs(tmp_path)
    assert str(failure.value) == (
        f"kube-apiserver: {tmp_path}/kube-apiserver is not executable; "
        f"kube-controller-manager: there is no {tmp_path}/kube-controller-manager; "
        f"kube-scheduler: {tmp_path}/kube-scheduler is no file. "
        f"A control plane needs etcd, kube-apiserver, kube-controller-manager, kube-scheduler in {tmp_path}"
    )


def test_the_parts_of_a_lab_get_their_rights():
    named = {(m.document["kind"], m.document["metadata"]["name"]) for m in rights(enforces_policies=True)}
    for name in ("system:fairlead-dns", "system:fairlead-network-policies", "fairlead-controllers"):
        assert {("ClusterRole", name), ("ClusterRoleBinding", name)} <= named
    assert ("ClusterRoleBinding", "system:kubelet-api-admin") in named
    assert not {name for _, name in named if "kube-controller-manager" in name}
