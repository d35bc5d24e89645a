"""The components of a lab: which process runs what, in which network namespace, with which options."""

import asyncio
import functools
import math
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fairlead.app import apiserver, controllers
from fairlead.app.builtin_images import BUILTINS
from fairlead.app.lab.host_link import Doors
from fairlead.app.lab.init.networks import Networks
from fairlead.app.lab.init.no_networks import NoNetworks
from fairlead.app.lab.plan import DNS_SERVICE, OUTSIDE, PROXY, SWITCH, LabPlan, agent_of, proxy_of
from fairlead.app.lab.processes import bootstrap
from fairlead.app.lab.processes.system_manifests import proxy_modes, system_manifests
from fairlead.app.lab.settings import NO_PROXY, LabNode
from fairlead.app.lab.steered_parts import API_SERVER, CONTROLLERS, NODE_AGENT, NODE_PROXY
from fairlead.app.node import agent
from fairlead.app.node.loopback import OnLoopback
from fairlead.app.node.options import NodeOptions, Serving
from fairlead.app.proxy import process
from fairlead.app.proxy.options import HEALTHZ_PORT, ProxyOptions
from fairlead.dataplane.node_view import NodeSettings
from fairlead.dataplane.sysctls import ConntrackSettings
from fairlead.drivers.identity.pki import AUTHORITY, certificate_files
from fairlead.drivers.lab.supervisor import Component, Report
from fairlead.labnet.balancing import LoadBalancing
from fairlead.model.addresses import EVERY_ADDRESS
from fairlead.nodeagent.files import ClusterDNS
from fairlead.registry.strategy import ClusterConfig

Run = Callable[[Callable[[], None]], Coroutine[Any, Any, None]]

BOOTSTRAP = "bootstrap"
BESIDE_OTHERS = ("load-balancer",)  # of our controllers, beside kube-controller-manager: what that leaves to clouds

# Nodes are many and the API server is one: while hundreds of Pods start, it must still answer a user's kubectl.
NODE_NICENESS = 5


def components(
    plan: LabPlan,
    networks: Networks | NoNetworks,
    api_sockets: Sequence[socket.socket],
    doors: Doors,
    nursery: socket.socket,
    want_router: Callable[[], None],
) -> list[Component]:
    """Every component of the lab that is there from the beginning; of nodes alone on a host that has joined.

    Args:
        nursery: where node agents get their launchers from.
        want_router: starts the router when a component sees the first load balancer.
    """
    of_nodes = [component for node in plan.nodes for component in node_components(plan, node, networks, nursery)]
    if plan.has_joined:
        return of_nodes
    return [*_control_plane(plan, networks, api_sockets, doors, want_router), *_instead(plan, doors.report), *of_nodes]


def _instead(plan: LabPlan, report: Report) -> list[Component]:
    """What a lab without namespaces has instead of a proxy on each node."""
    if plan.loopback is None:
        return []
    from fairlead.app.lab.init import without_namespaces

    return without_namespaces.components(plan, report)


def _on_loopback(plan: LabPlan) -> OnLoopback | None:
    if plan.loopback is None:
        return None
    from fairlead.app.lab.init import without_namespaces

    return without_namespaces.on_loopback(plan)


def _control_plane(
    plan: LabPlan,
    networks: Networks | NoNetworks,
    api_sockets: Sequence[socket.socket],
    doors: Doors,
    want_router: Callable[[], None],
) -> list[Component]:
    manifests = (*system_manifests(plan.networks, proxy_modes(plan.settings)), *plan.manifests)
    is_ours = not plan.settings.control_plane
    awaits_dns = NO_PROXY not in map(plan.settings.proxy_mode_of, plan.nodes)
    if is_ours:
        of_api = {"apiserver": _apiserver(plan, api_sockets)}
    else:
        from fairlead.app.lab.control_plane.components import control_plane_runs
        from fairlead.app.lab.control_plane.rights import rights

        manifests = (*rights(enforces_policies=plan.settings.network_policies), *manifests)
        of_api = control_plane_runs(plan, api_sockets[0])
    runs: dict[str, Run] = {
        **of_api,
        "controllers": functools.partial(
            controllers.run,
            controllers.ControllersOptions(
                plan.kubeconfig("controllers"),
                only=tuple(controllers.CONTROLLERS) if is_ours else BESIDE_OTHERS,
                settings=_controller_settings(plan, want_router),
                marks=plan.marks,
                steering=plan.steering(CONTROLLERS, SWITCH),
            ),
        ),
        BOOTSTRAP: functools.partial(
            bootstrap.run,
            bootstrap.BootstrapOptions(
                plan.kubeconfig("admin"), manifests, doors.gate, doors.report, is_ours, awaits_dns
            ),
        ),
    }
    parts = [Component(name, run, networks[SWITCH], plan.logs / f"{name}.log") for name, run in runs.items()]
    if plan.settings.publish:
        parts.append(
            Component("publisher", _publisher(plan, doors.report), networks[OUTSIDE], plan.logs / "publisher.log")
        )
    return parts


def router_component(plan: LabPlan, networks: Networks | NoNetworks) -> Component | None:
    """The router for load balancers, which starts on demand; None in a lab that needs none."""
    if plan.has_joined or plan.settings.load_balancing != LoadBalancing.SPREAD or plan.loopback is not None:
        return None
    return Component("router", _router(plan), networks[OUTSIDE], plan.logs / "router.log")


def node_components(
    plan: LabPlan, node: LabNode, networks: Networks | NoNetworks, nursery: socket.socket
) -> list[Component]:
    """The components of one node."""
    runs = {agent_of(node): _agent(plan, node, nursery)}
    if parts := _forwarding(plan, node):
        runs[proxy_of(node)] = functools.partial(_together, parts)
    network, logs = networks[node.name], plan.logs
    return [Component(name, run, network, logs / f"{name}.log", NODE_NICENESS) for name, run in runs.items()]


def _apiserver(plan: LabPlan, sockets: Sequence[socket.socket]) -> Run:
    ranges = tuple(network.services for network in plan.networks)
    cluster = ClusterConfig(
        ranges,
        toleration_seconds=math.ceil(plan.settings.timers.eviction),
        enforces_policies=plan.settings.network_policies,
        own_loopback=plan.own_loopback,
    )
    steering = plan.steering(API_SERVER, SWITCH)
    options = apiserver.ApiServerOptions(plan.data_folder, plan.pki, plan.api_address, cluster, steering=steering)
    return functools.partial(apiserver.run, options, sockets)


def _publisher(plan: LabPlan, report: Report) -> Run:
    from fairlead.app.lab.processes import publisher

    table = plan.published
    options = publisher.PublishOptions(plan.kubeconfig("publisher"), plan.host_socket, table, report)
    return functools.partial(publisher.run, options)


def _router(plan: LabPlan) -> Run:
    settings = plan.settings

    async def route(ready: Callable[[], None]) -> None:
        from fairlead.app.lab.processes import router

        options = router.RouterOptions(plan.kubeconfig("router"), settings.ip_families, settings.load_balancer_cidrs)
        await router.run(options, ready)

    return route


def _controller_settings(plan: LabPlan, want_router: Callable[[], None]) -> controllers.ControllerSettings:
    timers, authority = plan.settings.timers, controllers.SigningAuthority(*certificate_files(plan.pki, AUTHORITY))
    pools = plan.settings.load_balancer_pools
    return controllers.ControllerSettings(timers.node_grace, timers.eviction, pools, authority, want_router)


def _agent(plan: LabPlan, network: LabNode, nursery: socket.socket) -> Run:
    options = NodeOptions(
        name=network.name,
        kubeconfig=plan.kubeconfig(agent_of(network)),
        addresses=network.addresses,
        pod_cidrs=network.pod_cidrs,
        inside=(*(cidr for each in plan.networks for cidr in each.inside), *plan.settings.load_balancer_cidrs),
        serving=Serving(plan.pki / "ca.crt", *certificate_files(plan.pki, network.name)),
        records=plan.records(network),
        orphan_ends=plan.orphan_ends,
        volumes=plan.volumes(network),
        claimed=plan.claimed,
        logs=plan.logs / "pods",
        images=plan.settings.images,
        builtins=BUILTINS,
        labels=network.labels,
        dns=ClusterDNS(plan.networks[0].service(DNS_SERVICE)),
        heartbeat=plan.settings.timers.heartbeat,
        hidden=(plan.data_folder, plan.run_folder.parent),
        home=plan.home,
        store=plan.images,
        puller=plan.host_socket if plan.settings.pull else None,
        nursery=nursery,
        steering=plan.steering(NODE_AGENT, network.name),
        marks=plan.marks,
        loopback=_on_loopback(plan),
        gives_network=plan.loopback is None,
    )
    return functools.partial(agent.run, options)


def _forwarding(plan: LabPlan, node: LabNode) -> list[Run]:
    """What carries traffic into a node, beside its agent; nothing where there are no namespaces to carry it between."""
    if plan.loopback is not None:
        return []
    mode = plan.settings.proxy_mode_of(node)
    parts = [] if mode == NO_PROXY else [_proxy(plan, node, mode)]
    if plan.settings.load_balancing != LoadBalancing.SPREAD:
        parts.append(_announcer(plan, node))
    return parts


def _proxy(plan: LabPlan, network: LabNode, backend: str) -> Run:
    settings = NodeSettings(
        cluster_cidrs=tuple(each.pods for each in plan.networks),
        service_cidrs=tuple(each.services for each in plan.networks),
    )
    kubeconfig = str(plan.kubeconfig(PROXY))
    healthz = EVERY_ADDRESS[plan.settings.ip_families[0]], HEALTHZ_PORT
    liberal = ConntrackSettings(be_liberal=True)  # one packet out of the window is no reason to reset a connection
    options = ProxyOptions(
        network.name, kubeconfig, settings, backend,
        conntrack=liberal, network_policies=plan.settings.network_policies, healthz=healthz, marks=plan.marks,
        steering=plan.steering(NODE_PROXY, network.name),
    )  # fmt: skip
    return functools.partial(process.run, options)


def _announcer(plan: LabPlan, network: LabNode) -> Run:
    from fairlead.app.announcer import process as announcer
    from fairlead.app.announcer.options import AnnouncerOptions

    options = AnnouncerOptions(
        network.name,
        plan.settings.load_balancer_cidrs,
        kubeconfig=str(plan.kubeconfig(PROXY)),
        answers_on_link=plan.settings.load_balancing == LoadBalancing.ONE_NODE,
        bgp=plan.settings.bgp,
    )
    return functools.partial(announcer.run, options)


async def _together(parts: Sequence[Run], ready: Callable[[], None]) -> None:
    """Run several parts in one process, which saves a node some megabytes; ready when all of them are."""
    started = [asyncio.Event() for _ in parts]
    async with asyncio.TaskGroup() as group:
        for run, event in zip(parts, started, strict=True):
            group.create_task(run(event.set))
        for event in started:
            await event.wait()
        ready()
