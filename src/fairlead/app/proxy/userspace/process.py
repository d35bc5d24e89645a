"""The node proxies of a lab without namespaces, one process for all nodes.

Services' virtual IPs, node ports and load balancers are sockets on the lab's loopback addresses. Each connection, and
each flow of datagrams, is put to the rules that the nodes would have in a kernel, evaluated as typed values; where they
lead, the process connects in the client's name. Rules follow the API in steps that cost what changed.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from fairlead.app.proxy.policy_feed import PolicyFeed
from fairlead.app.proxy.userspace.cluster import AllNodes
from fairlead.app.proxy.userspace.decision import ConnectingClient, Destination
from fairlead.app.proxy.userspace.feed import ClusterFeed
from fairlead.app.proxy.userspace.frontends import Frontend
from fairlead.app.proxy.userspace.listeners import Listeners
from fairlead.app.proxy.userspace.options import UserspaceOptions
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.kube.progress import reached
from fairlead.drivers.linux.accepting import raise_descriptor_limit
from fairlead.drivers.proxy.socket_owner import environment_of_peer
from fairlead.drivers.proxy.stream_relay import Address, Route
from fairlead.drivers.steering.part_socket import steered
from fairlead.labnet.loopback import is_in
from fairlead.model.network_policies import NetworkPolicy
from fairlead.netfilter.ruleset import Target
from fairlead.trace.chance import Draws
from fairlead.trace.packet import PacketFate

POD_IP = "POD_IP"  # the variable by which a Pod's processes are known
RETRY = 1.0  # seconds until what could not be bound or worked out is tried again

log = logging.getLogger(__name__)


async def run(options: UserspaceOptions, ready: Callable[[], None]) -> None:
    """Serve until cancelled; ``ready`` is called once all existing Services are served."""
    raise_descriptor_limit()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(KubeClient.from_kubeconfig(options.kubeconfig, part="proxy"))
        proxy = UserspaceProxy(options, client)
        await stack.enter_async_context(steered(options.steering, proxy.reached))
        stack.callback(proxy.listeners.close)
        await proxy.run(ready)


class UserspaceProxy:
    """Follows the API, and serves.

    Attributes:
        listeners: the sockets.
    """

    def __init__(self, options: UserspaceOptions, client: KubeClient) -> None:
        self._options = options
        self._feed = ClusterFeed(client)
        self._policies = PolicyFeed(client, self._feed.news.set, _tell_of_faults)
        self._cluster = AllNodes(options.around, Draws(options.below), time.monotonic)
        self.listeners = Listeners(options.ports, self._decide, options.note)
        self._is_at_work = True  # until the first rules are there

    async def run(self, ready: Callable[[], None]) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._feed.start(tasks.create_task)
            if self._options.network_policies:
                self._policies.start(tasks.create_task)
            await self._feed.wait_until_known()
            if self._options.network_policies:
                for informer in self._policies.informers:
                    await informer.synced.wait()
            self._step()
            ready()
            while True:
                await self._feed.news.wait()
                self._is_at_work = True
                await asyncio.sleep(self._lag())
                self._step()

    def _step(self) -> None:
        stale = self._cluster.follow(self._feed.take())
        if self._options.network_policies and self._policies.is_known and self._policies.is_new:
            self._cluster.enforce(*self._policies.take())
        self.listeners.keep(self._cluster.frontends)
        for frontend, target in stale:
            self.listeners.forget(frontend, self._bound(target))
        self._is_at_work = False

    def _lag(self) -> float:
        return self._options.steering.faults.seconds("late-rules") if self._options.steering else 0.0

    async def reached(self, version: int) -> int:
        """Wait until what is served is what a version of the API's objects leads to; the version that it is at."""
        return await reached(version, self._informers, lambda: not (self._is_at_work or self._feed.news.is_set()))

    def _informers(self) -> tuple[Informer[Any], ...]:
        return (*self._feed.informers, *(self._policies.informers if self._options.network_policies else ()))

    async def _decide(self, frontend: Frontend, address: Address) -> Route:
        client = self._client(frontend.protocol, address)
        decision = self._cluster.decisions.decide(client, Destination(*frontend))
        if decision.target is None:
            return Route(None, is_silent=decision.fate is PacketFate.DROP)
        return Route(self._bound(decision.target), decision.source)

    def _bound(self, target: Target) -> Target:
        """The endpoint's address on this machine."""
        if not is_in(target.address, self._options.around.network):
            return target
        return Target(target.address, self._options.ports.bound(target.port))

    def _client(self, protocol: str, address: Address) -> ConnectingClient:
        """The owner of this end of a connection: by its address if that is the lab's, otherwise by its process."""
        network = self._options.around.network
        if is_in(address[0], network):
            return self._cluster.decisions.client(address[0])
        found = environment_of_peer(protocol, address, lambda environment: is_ours(environment, network))
        return self._cluster.decisions.client(found.get(POD_IP, self._options.outside))


def is_ours(environment: dict[str, str], network: str) -> bool:
    """Whether a process with this environment is of a Pod of the lab with this network."""
    try:
        return is_in(environment.get(POD_IP, ""), network)
    except ValueError:
        return False


def _tell_of_faults(policy: NetworkPolicy, faults: tuple[str, ...]) -> None:
    for fault in faults:
        log.warning("NetworkPolicy %s: %s", policy.key, fault)
