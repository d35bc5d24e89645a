"""The differences of a lab without namespaces: one proxy for all nodes, and Pods that learn where to listen."""

import functools
import random
import secrets
from collections.abc import Callable

from fairlead.app.lab.plan import PROXY, SWITCH, LabPlan
from fairlead.app.lab.steered_parts import NODE_PROXY
from fairlead.app.node.loopback import OnLoopback
from fairlead.app.proxy.userspace import process
from fairlead.app.proxy.userspace.node_rules import NodeSurroundings
from fairlead.app.proxy.userspace.options import UserspaceOptions
from fairlead.dataplane.node_view import NodeSettings
from fairlead.drivers.lab.supervisor import Component, Report
from fairlead.drivers.linux.privileged_ports import first_free_port
from fairlead.labnet.loopback import PortRule, lab_network

COMPONENT = "loopback-proxy"


def components(plan: LabPlan, report: Report) -> list[Component]:
    """The additional components of a lab without namespaces; empty in one with namespaces."""
    if plan.loopback is None:
        return []
    network = plan.networks[0]
    settings = NodeSettings(cluster_cidrs=(network.pods,), service_cidrs=(network.services,))
    options = UserspaceOptions(
        plan.kubeconfig(PROXY),
        NodeSurroundings(settings, lab_network(plan.loopback)),
        network.outside,
        PortRule(first_free_port(network.switch)),
        plan.settings.network_policies,
        random_below(plan.settings.seed),
        lambda text: report({"note": text}),
        plan.steering(NODE_PROXY, SWITCH),
    )
    run = functools.partial(process.run, options)
    return [Component(COMPONENT, run, None, plan.logs / f"{COMPONENT}.log")]


def on_loopback(plan: LabPlan) -> OnLoopback | None:
    """The settings of a node's agent for a lab without namespaces; None in one with namespaces."""
    if plan.loopback is None:
        return None
    ports = PortRule(first_free_port(plan.networks[0].switch))
    return OnLoopback(plan.loopback, ports, plan.api_url)


def random_below(seed: int | None) -> Callable[[int], int]:
    """Random numbers below an argument: with a seed the same ones in every run."""
    return secrets.randbelow if seed is None else random.Random(seed).randrange  # noqa: S311 - to be repeated
