"""``transfer``: who may have a zone of the cluster as a whole (AXFR)."""

from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import all_zones, network
from fairlead.clusterdns.plugins.scope import Grant, Scope


def read_transfer(directive: Directive, scope: Scope) -> None:
    """``transfer [ZONE...] { to ADDRESS... }``; notifies are not sent, so an address says only who may ask."""
    texts = [text for option in directive.options for text in option.arguments]
    wrong = [option.name for option in directive.options if option.name != "to"]
    if wrong or not texts:
        raise Wrong("transfer needs lines of 'to ADDRESS...', and knows no others")
    networks = () if "*" in texts else tuple(network(text.partition("%")[0]) for text in texts)
    scope.grants += [Grant(zone, networks) for zone in all_zones(directive.arguments) or scope.zones]
