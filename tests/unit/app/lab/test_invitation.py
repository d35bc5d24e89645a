"""Invitations for nodes on other hosts: created, parsed strictly, and unpacked."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fairlead.app.lab.credentials import write_credentials
from fairlead.app.lab.host.sockets import vni_of
from fairlead.app.lab.invitation import InvitationError, encode_invitation, invitation_for, read_invitation, unpack
from fairlead.app.lab.node_memory import recall, remember
from fairlead.app.lab.plan import LabPlan, WirePlan
from fairlead.app.lab.settings import LabNode, LabSettings, Timers, numbered_node
from fairlead.dataplane.vxlan import VNI_MAX
from fairlead.drivers.lab.running_labs import RunningLab
from fairlead.labnet.addresses import DUAL_STACK
from fairlead.model.socket_address import SocketAddress
from fairlead.nodeagent.images import Image

pytestmark = pytest.mark.io  # files, sockets or processes

HUB, PEER = SocketAddress("192.0.2.1", 4789), SocketAddress("192.0.2.2", 4789)
SETTINGS = LabSettings(
    (numbered_node(1, DUAL_STACK),), {"web": Image(("serve",))}, Timers(heartbeat=0.5), ip_families=DUAL_STACK
)


def guest() -> LabNode:
    return replace(numbered_node(2, DUAL_STACK, "east", {"disk": "ssd"}), peer=PEER)


def plan(folder: Path, **more) -> LabPlan:
    return LabPlan("lab", folder / "run", folder / "data", (), **more)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """An invitation as the first host writes it."""
    home = plan(tmp_path_factory.mktemp("home"), settings=SETTINGS, wire=WirePlan(77, HUB))
    home.run_folder.mkdir()
    write_credentials(home, RunningLab(home.run_folder, 1, "https://127.0.0.1:6443"))
    return encode_invitation(invitation_for(home, guest()))


def test_an_invitation_contains_all_that_a_node_needs(text):
    read = read_invitation(text)
    assert (read.lab, read.vni, read.hub, read.address) == ("lab", 77, HUB, PEER)
    assert read.node == replace(guest(), peer=None)
    assert (read.settings.images, read.settings.timers) == (SETTINGS.images, SETTINGS.timers)


def test_an_invitation_is_unpacked_privately_to_where_a_node_expects_it(text, tmp_path):
    read = read_invitation(text)
    unpack(read, plan(tmp_path, settings=read.settings, wire=WirePlan(77, PEER, HUB)))
    files = {str(path.relative_to(tmp_path / "data")) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"pki/ca.crt", "pki/east.crt", "pki/east.key", "kubeconfigs/east-agent", "kubeconfigs/proxy"}
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_mode & 0o077]
    kubeconfig = json.loads((tmp_path / "data/kubeconfigs/east-agent").read_text())
    assert kubeconfig["clusters"][0]["cluster"]["server"] == "https://192.168.64.1:6443"
    assert kubeconfig["users"][0]["name"] == "system:node:east"


def changed(text, *path, to):
    document = json.loads(text)
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("version",), "9.9", "it was made by Fairlead 9.9, and this is"),
        (("vni",), 1 << 24, "<= 16777215"),
        (("hub",), "192.0.2.1", "Expected `array`, got `str`"),
        (("surprise",), 1, "unknown field `surprise`"),
        (("settings", "ip_families"), ["IPv5"], "Invalid enum value 'IPv5'"),
        (("guest", "name"), "../up", "guest.name: a lowercase RFC 1123 label"),
        (("guest", "index"), 241, "it is not for one node of a lab"),
    ],
)
def test_an_invitation_that_cannot_be_used(text, path, value, message):
    with pytest.raises(InvitationError) as raised:
        read_invitation(changed(text, *path, to=value))
    assert message in str(raised.value)


@pytest.mark.parametrize("junk", [b"", b"[]", b"{}", b"\xff\xfe", b'{"version": 1}'])
def test_invalid_invitations(junk):
    with pytest.raises(InvitationError):
        read_invitation(junk)


def test_a_lab_remembers_whom_it_invited(tmp_path):
    path = tmp_path / "nodes.json"
    remember(path, recall(path).with_node(guest()))
    lab = plan(tmp_path, settings=LabSettings(recall(path).nodes(SETTINGS.nodes, DUAL_STACK)))
    assert (lab.nodes, lab.invited) == (SETTINGS.nodes, (guest(),))


def test_a_lab_keeps_the_number_of_its_segment(tmp_path):
    vni = vni_of(tmp_path)
    assert 0 < vni <= VNI_MAX
    assert vni_of(tmp_path) == vni
