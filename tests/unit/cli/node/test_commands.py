"""The options of `fairlead node join`."""

import pytest
from click.testing import CliRunner

from fairlead import __version__
from fairlead.app.lab.invitation import Invitation, KeyPair, encode_invitation
from fairlead.app.lab.node_memory import Added
from fairlead.app.lab.settings import LabSettings
from fairlead.cli.node import commands
from fairlead.model.socket_address import SocketAddress

HUB, PEER = SocketAddress("192.0.2.1", 4789), SocketAddress("192.0.2.2", 4789)
PAIR = KeyPair("", "")


def invitation(settings: LabSettings) -> bytes:
    guest = Added(2, "east", {})
    return encode_invitation(Invitation(__version__, "lab", guest, settings, 7, HUB, PEER, "", PAIR, PAIR, PAIR))


@pytest.mark.parametrize("of_lab", [False, True])
@pytest.mark.parametrize("arguments", [[], ["--pull"]])
def test_the_joining_host_decides_whether_images_are_pulled(monkeypatch, of_lab, arguments):
    served = []
    monkeypatch.setattr(commands, "serve", served.append)
    text = invitation(LabSettings((), pull=of_lab))
    result = CliRunner().invoke(commands.join, [*arguments, "-"], input=text)
    assert (result.exit_code, result.output) == (0, "")
    assert served[0].settings.pull == bool(arguments)
