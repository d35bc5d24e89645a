"""``transfer``: which clients may transfer a zone of the cluster (AXFR)."""

from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import all_zones, network
from fairlead.clusterdns.plugins.scope import BlockScope, Grant
from fairlead.model.addresses import IPNetwork
from fairlead.model.socket_address import parse_socket_address

DNS_PORT = 53


def read_transfer(directive: Directive, scope: BlockScope) -> None:
    """``transfer [ZONE...] { to ADDRESS[:PORT]... }``; notifies are not sent, so an address only permits a client to
    ask."""
    texts = [text for option in directive.options for text in option.arguments]
    wrong = [option.name for option in directive.options if option.name != "to"]
    if wrong or not texts:
        raise Wrong("transfer needs lines of 'to ADDRESS...', and knows no others")
    networks = () if "*" in texts else tuple(map(_network, texts))
    scope.grants += [Grant(zone, networks) for zone in all_zones(directive.arguments) or scope.zones]


def _network(text: str) -> IPNetwork:
    try:
        return network(parse_socket_address(text.partition("%")[0], DNS_PORT).ip)
    except ValueError:
        return network(text)
