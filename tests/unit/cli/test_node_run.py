"""The flags of ``fairlead node run``."""

import click
import pytest
from click.testing import CliRunner

from fairlead.cli.main import cli
from fairlead.cli.node.run import _first, run


def parsed(tmp_path, *arguments):
    """What the flags spell."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("{}")
    with run.make_context("run", ["--kubeconfig", str(kubeconfig), *arguments]) as context:
        return context.params


@pytest.mark.io
def test_flags_are_those_of_kubelets(tmp_path):
    params = parsed(
        tmp_path,
        *("--node-ip", "192.0.2.1,2001:db8::1", "--pod-cidr", "10.244.1.0/24, fd00::/64"),
        *("--node-labels", "disk=ssd,empty=", "--register-with-taints", "a=b:NoSchedule,c:NoExecute"),
    )
    assert params["node_ip"] == ("192.0.2.1", "2001:db8::1")
    assert params["pod_cidr"] == ("10.244.1.0/24", "fd00::/64")
    assert params["node_labels"] == {"disk": "ssd", "empty": ""}
    assert params["taints"] == ({"key": "a", "effect": "NoSchedule", "value": "b"}, {"key": "c", "effect": "NoExecute"})
    assert params["signs_serving"]


@pytest.mark.io
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--node-ip", "localhost"), "'localhost' does not appear to be an IPv4 or IPv6 address"),
        (("--pod-cidr", "10.244.1.1/24"), "10.244.1.1/24 has host bits set"),
        (("--node-labels", "disk"), "'disk' is not KEY=VALUE"),
        (("--node-labels", "node-role.kubernetes.io/worker="), "a node may not give itself"),
        (("--register-with-taints", "a=b:Sometimes"), "'a=b:Sometimes' is not KEY=VALUE:EFFECT or KEY:EFFECT"),
        (("--register-with-taints", "NoSchedule"), "is not KEY=VALUE:EFFECT"),
    ],
)
def test_a_flag_that_means_nothing_is_refused(tmp_path, arguments, message):
    with pytest.raises(click.BadParameter) as refusal:
        parsed(tmp_path, *arguments)
    assert message in str(refusal.value)


def test_a_node_needs_a_cluster():
    done = CliRunner().invoke(cli, ["node", "run"])
    assert done.exit_code == 2
    assert "Missing option '--kubeconfig'" in done.output


def test_of_several_errors_the_first_is_reported():
    error = OSError("address already in use")
    assert _first(ExceptionGroup("outer", [ExceptionGroup("inner", [error]), ValueError()])) is error
