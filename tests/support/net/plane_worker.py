"""A worker (``netlab``) with planes of the node proxy in its namespace, for a test to drive, and to put faults into.

Objects come pickled, for the API's JSON would have to be made up for them.
"""

import asyncio
import base64
import pickle
from typing import Any

from msgspec.structs import replace

from fairlead.app.proxy.iptables_plane import IptablesPlane
from fairlead.app.proxy.nft_plane import NftPlane
from fairlead.dataplane import iptables_rules, nft_rules
from fairlead.dataplane.iptables_rules import Contribution
from fairlead.model.addresses import IPFamily
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.netfilter.ruleset import AddMark, Chain, ChainHook, Hook, Rule
from tests.support.net import netlab

UNHOOKABLE = Chain("faulty", (), ChainHook("nat", Hook.FORWARD, 0))  # the kernel translates nothing there
UNSPELLABLE = Chain("FAULTY", (Rule((), (AddMark(1 << 40),)),))  # a mark has 32 bits
CONTRIBUTE = iptables_rules.contribute
_STATE: dict[str, Any] = {"snapshot": ClusterSnapshot(), "plane": None}


class PlaneWorker(netlab.Worker):
    """Seen from the test."""

    module = __name__

    def start_plane(self, backend, family=IPFamily.IPV4, faulty=""):
        """A plane that knows nothing yet. ``faulty``: NAME@ADDRESS, as in ``break_service``."""
        self.call("start_plane", backend=backend, family=family.value, faulty=faulty)

    def follow(self, changes, view):
        """Put objects into the cluster, or take them out, and bring the kernel to it; why Services are held back."""
        return self.call("follow", changes=packed(changes), view=packed(view))


def packed(value):
    return base64.b64encode(pickle.dumps(value)).decode()


def unpacked(text):
    return pickle.loads(base64.b64decode(text))


# --- inside a namespace ----------------------------------------------------------------------------------------------


def start_plane(arguments):
    family = IPFamily(arguments["family"])
    _STATE["faulty"] = arguments["faulty"]

    def is_faulty(plans):
        name, _, address = _STATE["faulty"].partition("@")
        mine = (plan for plan in plans if plan.port.name.service.name == name)
        return any(target.address.startswith(address) for plan in mine for target in plan.endpoints.cluster)

    def emit(plans, view):
        part = nft_rules.service_part(plans, view)
        return replace(part, chains={**part.chains, UNHOOKABLE.name: UNHOOKABLE}) if is_faulty(plans) else part

    def contribute(plans, view):
        listed = tuple(plans)
        part = CONTRIBUTE(listed, view)
        return Contribution(part.shared, {**part.own, UNSPELLABLE.name: UNSPELLABLE}) if is_faulty(listed) else part

    iptables_rules.contribute = contribute
    _STATE["plane"] = NftPlane(family, "", emit) if arguments["backend"] == "nft" else IptablesPlane(family)
    _STATE["snapshot"] = ClusterSnapshot()


def break_service(arguments):
    """From now on the kernel refuses the Service NAME@ADDRESS while it has endpoints that begin so; "" for none."""
    _STATE["faulty"] = arguments["service"]


def follow(arguments):
    state, changed = _STATE["snapshot"], set()
    for is_put, object_ in unpacked(arguments["changes"]):
        state = state.with_object(object_) if is_put else state.without_object(object_)
        changed.add(object_.service_key if hasattr(object_, "service_key") else object_.key)
    plane, _STATE["snapshot"] = _STATE["plane"], state
    asyncio.run(plane.follow(state, {*changed, *plane.held}, unpacked(arguments["view"])))
    return {str(key): reason for key, reason in plane.held.items()}


COMMANDS = {"start_plane": start_plane, "follow": follow, "break_service": break_service}

if __name__ == "__main__":
    netlab.obey({**netlab.COMMANDS, **COMMANDS})
