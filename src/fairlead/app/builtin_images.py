"""The images that are programs of Fairlead's own: what each runs, in a forked child of a node's launcher.

Also the nursery (``drivers.pods.launching.nursery``) that replaces one that has ended: an interpreter of its own.
"""

import asyncio
import importlib
import os
import socket
import sys
from collections.abc import Sequence

from fairlead.app.node.context import Builtin
from fairlead.app.node.loopback import place_of_pod
from fairlead.drivers.lab.echo_server import serve_echo
from fairlead.drivers.pods.launching import nursery
from fairlead.model.names import ObjectKey
from fairlead.nodeagent.images import DNS, ECHO

COREFILE = ObjectKey("kube-system", "coredns")  # the ConfigMap of the cluster's DNS, where kubeadm has it too
NAME_SERVER = "dns"  # by which tests of a lab steer it


def _serve_dns(_: Sequence[str]) -> None:
    """Serve cluster DNS in a Pod, as its ServiceAccount. A lab is the whole world of names: what the cluster does not
    know does not exist, unless a Corefile says otherwise."""
    from fairlead.app.dns import server
    from fairlead.app.dns.settings_blocks import block_of
    from fairlead.clusterdns.server_blocks import DEFAULT_PORT
    from fairlead.clusterdns.zone import Outside, Zone

    place = place_of_pod(os.environ)
    blocks = (block_of(Zone(outside=Outside.NXDOMAIN), place.ports.bound(DEFAULT_PORT)),)
    options = server.DnsOptions(blocks=blocks, addresses=place.addresses, http_addresses=place.addresses)
    asyncio.run(server.run(options, lambda: None, config_map=COREFILE, steering=place.steering(NAME_SERVER)))


def _serve_echo(arguments: Sequence[str]) -> None:
    place = place_of_pod(os.environ)
    serve_echo(arguments, place.addresses, place.ports.bound)


BUILTINS: dict[str, Builtin] = {DNS: _serve_dns, ECHO: _serve_echo}


def import_pod_modules() -> None:
    """Import the programs of the images, in the nursery that forks them: no other process needs them."""
    importlib.import_module("fairlead.app.dns.server")


def main() -> None:
    """Run as a nursery at the socket whose number is the argument."""
    nursery.serve(socket.socket(fileno=int(sys.argv[1])), import_pod_modules)
