"""A Pod's sandbox: the process that holds its namespaces, its link, and the ports of its node that lead to it."""

import logging
import signal
from collections.abc import Sequence

from fairlead.app.node.host_ports import HostPorts
from fairlead.drivers.linux import netns
from fairlead.drivers.pods.launcher import Child, Launcher
from fairlead.drivers.pods.process import SandboxSpec, start_sandbox
from fairlead.drivers.proxy.nft_commands import RulesError
from fairlead.labnet import links
from fairlead.nodeagent.files import ClusterDNS, own_files
from fairlead.nodeagent.host_ports import forwards
from fairlead.nodeagent.manifest import RunPod

log = logging.getLogger(__name__)


class PodSandbox:
    """The sandbox of one Pod.

    Attributes:
        child: the process that holds the Pod's namespaces; None while there is none.

    Args:
        node_ips: the node's own address in each IP family.
        hidden: paths of this machine that the Pod must not see.
    """

    def __init__(
        self,
        pod_ips: tuple[str, ...],
        node_ips: tuple[str, ...],
        dns: ClusterDNS,
        host_ports: HostPorts,
        launcher: Launcher,
        hidden: Sequence[str],
    ) -> None:
        self.child: Child | None = None
        self._pod_ips, self._node_ips, self._dns = pod_ips, node_ips, dns
        self._host_ports, self._launcher, self._hidden = host_ports, launcher, hidden

    async def open(self, pod: RunPod) -> Child:
        """Make it; nothing of an earlier one is in its way.

        Raises:
            RulesError, StartError, LinkError: it cannot be made now.
        """
        link = self._link(pod)
        if link and link.name in netns.link_names():
            netns.detach(link.name)
        await self._host_ports.put(pod.metadata.uid, forwards(pod, self._pod_ips))
        spec = SandboxSpec(pod.hostname, own_files(pod, self._pod_ips, self._dns), link, self._hidden)
        self.child = await start_sandbox(self._launcher, spec)
        return self.child

    async def close(self, pod: RunPod) -> None:
        """End every process in it, and take away what was made for it, as far as that is possible now."""
        try:
            await self._host_ports.put(pod.metadata.uid, ())
        except RulesError as error:  # the next change of any Pod's takes them away
            log.warning("host ports of %s not closed yet: %s", pod.key, error)
        child, self.child = self.child, None
        if child:
            child.signal(signal.SIGKILL)
            await child.wait()
        link = self._link(pod)
        if link and link.name in netns.link_names():
            try:
                netns.detach(link.name)
            except netns.LinkError as error:  # it goes with its namespace, whose processes have all been killed
                log.warning("link of %s not taken away: %s", pod.key, error)

    def kill(self) -> None:
        """End every process in it, and wait for nothing."""
        if self.child:
            self.child.signal(signal.SIGKILL)

    def _link(self, pod: RunPod) -> links.PodLink | None:
        if pod.spec.host_network:
            return None
        return links.PodLink(f"veth{pod.metadata.uid[:8]}", self._pod_ips, self._node_ips)
