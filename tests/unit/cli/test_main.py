"""Messages of commands that cannot begin."""

import pytest

from fairlead.cli.main import FAILURE, _message_of, main
from fairlead.drivers.kube.access.kubeconfig import BadConfig
from fairlead.drivers.kube.errors import Unreachable


@pytest.mark.io
def test_a_kubeconfig_that_is_not_there_is_a_message_and_no_traceback(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        main(["controllers", "--kubeconfig", str(tmp_path / "none")])
    assert end.value.code == FAILURE
    assert capsys.readouterr().err == f"fairlead: there is no kubeconfig {tmp_path}/none\n"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Unreachable("away"), "away"),
        (ExceptionGroup("g", [ExceptionGroup("h", [BadConfig("no context")])]), "no context"),
        (ExceptionGroup("g", [BadConfig("no context"), ValueError("a fault of ours")]), ""),
        (ValueError("a fault of ours"), ""),
    ],
)
def test_only_connection_errors_are_reported_as_such(error, told):
    assert _message_of(error) == told
