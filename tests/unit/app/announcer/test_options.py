"""The announcer's configuration file, and what flags and file say together."""

import pytest

from fairlead.app.announcer.options import AnnouncerOptions, check_options, read_options
from fairlead.bgp.settings import BgpSettings, PeerSettings

pytestmark = pytest.mark.io  # files

FLAGS = AnnouncerOptions("node-1", ("192.0.2.0/24",))
BGP = "bgp: {asn: 64512, peers: [{address: 10.0.0.1, asn: 64513}]}"


@pytest.fixture
def read(tmp_path):
    def read(text: str, flags: AnnouncerOptions = FLAGS) -> AnnouncerOptions:
        path = tmp_path / "announcer.yaml"
        path.write_text(text)
        return read_options(flags, path)

    return read


def test_what_a_file_adds(read):
    options = read(f"{{loadBalancerPools: [198.51.100.0/24], interface: eth1, {BGP}}}")
    assert options.pools == ("192.0.2.0/24", "198.51.100.0/24")
    assert options.interface == "eth1"
    assert options.bgp == BgpSettings(64512, (PeerSettings("10.0.0.1", 64513),))
    assert not options.answers_on_link


@pytest.mark.parametrize(
    ("text", "answers"),
    [("", True), (BGP, False), (f"{{layer2: true, {BGP}}}", True), ("layer2: false", False)],
)
def test_whether_the_link_is_answered_on(read, text, answers):
    assert read(text).answers_on_link is answers


def test_all_options_together(read):
    text = """
    bgp:
      asn: 4200000000
      routerID: 10.0.0.9
      holdTime: 0
      restartTime: 0
      localPref: 200
      communities: ["64512:100", "64512:1:2", no-export]
      peers:
        - {address: "fe80::1%eth0", asn: 1, port: 1179, passwordFile: /p, sourceAddress: "fe80::2", ttlSecurity: true}
    """
    settings = read(text).bgp
    terms = settings.terms(settings.peers[0], settings.identifier("node-1", ("192.0.2.1",)))
    assert (terms.asn, terms.peer_asn, terms.identifier, terms.hold_time, terms.restart_time) == (
        4200000000,
        1,
        "10.0.0.9",
        0,
        0,
    )
    assert terms.communities == ((64512, 100), (64512, 1, 2), (65535, 65281))
    assert terms.has_password


def test_identifiers(read):
    settings = read(BGP).bgp
    assert settings.identifier("node-1", ("fd00::1", "192.0.2.1")) == "192.0.2.1"
    only_ipv6 = {settings.identifier(name, ("fd00::1",)) for name in ("node-1", "node-2")}
    assert len(only_ipv6) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bgp: {asn: 64512, peers: []}", "bgp.peers: Expected `array` of length >= 1"),
        ("bgp: {peers: [{address: 10.0.0.1, asn: 1}]}", "bgp: Object missing required field `asn`"),
        ("bgp: {asn: 0, peers: [{address: 10.0.0.1, asn: 1}]}", "bgp.asn: Expected `int` >= 1"),
        (
            "bgp: {asn: 1, peers: [{address: 10.0.0.1, asn: 1, colour: red}]}",
            "bgp.peers[0]: Object contains unknown field `colour`",
        ),
        ("bgp: {asn: 1, peers: [{address: router, asn: 1}]}", "bgp.peers[0].address: 'router' is not an IP address"),
        (
            "bgp: {asn: 1, peers: [{address: 10.0.0.1, asn: 1, sourceAddress: here}]}",
            "bgp.peers[0].sourceAddress: 'here' is not an IP address",
        ),
        (
            "bgp: {asn: 1, peers: [{address: 10.0.0.1, asn: 1}, {address: 10.0.0.1, asn: 2}]}",
            "bgp.peers[1].address: 10.0.0.1 with port 179 is there twice",
        ),
        ("bgp: {asn: 1, holdTime: 2, peers: [{address: 10.0.0.1, asn: 1}]}", "bgp.holdTime: must be 0, or 3 and more"),
        (
            "bgp: {asn: 1, routerID: 'fd00::1', peers: [{address: 10.0.0.1, asn: 1}]}",
            "bgp.routerID: 'fd00::1' is no IPv4",
        ),
        (
            "bgp: {asn: 1, routerID: 0.0.0.0, peers: [{address: 10.0.0.1, asn: 1}]}",
            "bgp.routerID: '0.0.0.0' is no IPv4",
        ),
        (
            "bgp: {asn: 1, communities: [a:b], peers: [{address: 10.0.0.1, asn: 1}]}",
            "bgp.communities[0]: 'a:b' is no community",
        ),
        (
            "bgp: {asn: 1, communities: ['1:70000'], peers: [{address: 10.0.0.1, asn: 1}]}",
            "bgp.communities[0]: '1:70000' is no community",
        ),
        ("pools: []", "Object contains unknown field `pools`"),
        ("[", "while parsing"),
    ],
)
def test_refusals(read, text, message):
    with pytest.raises(ValueError, match=r"announcer\.yaml: ") as refusal:
        read(text)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (AnnouncerOptions("n", ()), "no addresses to announce"),
        (AnnouncerOptions("n", ("192.0.2.1/24",)), "pool '192.0.2.1/24': 192.0.2.1/24 has host bits set"),
        (AnnouncerOptions("n", ("192.0.2.0/24",), answers_on_link=False), "leaves no way to announce anything"),
    ],
)
def test_conflicting_options(options, message):
    with pytest.raises(ValueError, match=message):
        check_options(options)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"none\.yaml: No such file"):
        read_options(FLAGS, tmp_path / "none.yaml")
