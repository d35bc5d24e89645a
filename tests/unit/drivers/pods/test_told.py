"""The environment of a Pod in a lab without namespaces."""

import pytest

from fairlead.drivers.pods.bare.told import pod_sockets

TOLD = {
    "FAIRLEAD_LOOPBACK": "40",
    "FAIRLEAD_FIRST_FREE_PORT": "1024",
    "FAIRLEAD_NAMESERVER": "127.40.224.10:10053",
    "POD_IP": "127.40.1.2",
}


@pytest.mark.io
def test_where_a_pod_is(tmp_path):
    (tmp_path / "conf").write_text("search example.com\nnameserver 192.0.2.53\nnameserver 192.0.2.54\n")
    found = pod_sockets(TOLD, tmp_path / "conf")
    assert (found.own, found.network, found.nameserver) == ("127.40.1.2", "127.40.0.0/16", ("127.40.224.10", 10053))
    assert found.ports.bound(80) == 10080
    assert found.others == {"192.0.2.53", "192.0.2.54"}


@pytest.mark.io
def test_without_a_resolv_conf_resolvers_ask_this_machine(tmp_path):
    assert pod_sockets(TOLD, tmp_path / "none").others == {"127.0.0.1"}


@pytest.mark.parametrize("missing", ["FAIRLEAD_LOOPBACK", "FAIRLEAD_NAMESERVER", "POD_IP"])
def test_a_place_that_is_no_pod_has_no_network_to_imitate(missing):
    assert pod_sockets({name: text for name, text in TOLD.items() if name != missing}) is None
