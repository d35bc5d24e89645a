"""A Pod's sandbox: the process that holds its namespaces, its link, and the ports of its node that lead to it."""

import logging
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from fairlead.app.node.host_ports import HostPorts
from fairlead.app.node.loopback_host_ports import LoopbackHostPorts
from fairlead.drivers.linux import netns
from fairlead.drivers.pods.launching.launcher import Child, Launcher
from fairlead.drivers.pods.left_behind import PodFolder
from fairlead.drivers.pods.process import SandboxSpec, start_sandbox
from fairlead.drivers.proxy.nft_commands import RulesError
from fairlead.labnet import links
from fairlead.nodeagent.files import ClusterDNS, own_files
from fairlead.nodeagent.host_ports import forwards
from fairlead.nodeagent.manifest import RunPod

log = logging.getLogger(__name__)


def link_name(prefix: str, uid: str) -> str:
    """The node's end of the link to the Pod with this UID."""
    return f"{prefix}{uid[:8]}"


@dataclass(frozen=True)
class SandboxSettings:
    """The data about the node that sandboxes need.

    Attributes:
        node_ips: the node's own address in each IP family.
        hidden: paths of this machine that no Pod may see.
        links: prefix of the names of Pods' links.
    """

    node_ips: tuple[str, ...]
    dns: ClusterDNS
    host_ports: HostPorts | LoopbackHostPorts
    launcher: Launcher
    hidden: Sequence[str]
    links: str = links.POD_LINKS


class PodSandbox:
    """The sandbox of one Pod.

    Attributes:
        child: the process that holds the Pod's namespaces; None while there is none.

    Args:
        folder: where the Pod's records are.
    """

    def __init__(self, pod_ips: tuple[str, ...], folder: PodFolder, node: SandboxSettings) -> None:
        self.child: Child | None = None
        self._pod_ips, self._folder, self._node = pod_ips, folder, node

    async def open(self, pod: RunPod) -> Child:
        """Make it; nothing of an earlier one is in its way.

        Raises:
            RulesError, StartError, LinkError: it cannot be made now.
        """
        link = self._link(pod)
        if link and link.name in netns.link_names():
            netns.detach(link.name)
        await self._node.host_ports.put(pod.metadata.uid, forwards(pod, self._pod_ips))
        spec = SandboxSpec(pod.hostname, own_files(pod, self._pod_ips, self._node.dns), link, self._node.hidden)
        self._folder.write_addresses(self._pod_ips)
        self.child = await start_sandbox(self._node.launcher, spec, self._folder.sandbox)
        return self.child

    async def close(self, pod: RunPod) -> None:
        """End all processes in it, and remove its links and folders as far as that is possible now."""
        try:
            await self._node.host_ports.put(pod.metadata.uid, ())
        except RulesError as error:  # the next change of any Pod's takes them away
            log.warning("host ports of %s not closed yet: %s", pod.key, error)
        child, self.child = self.child, None
        if child:
            child.signal(signal.SIGKILL)
            await child.wait()
        self._folder.remove()
        link = self._link(pod)
        if link and link.name in netns.link_names():
            try:
                netns.detach(link.name)
            except netns.LinkError as error:  # it goes with its namespace, whose processes have all been killed
                log.warning("link of %s not taken away: %s", pod.key, error)

    def adopt(self, pod: RunPod, child: Child) -> None:
        """Take over one that runs."""
        self.child = child
        self._node.host_ports.expect(pod.metadata.uid, forwards(pod, self._pod_ips))

    def kill(self) -> None:
        """End every process in it, and wait for nothing."""
        if self.child:
            self.child.signal(signal.SIGKILL)

    def _link(self, pod: RunPod) -> links.PodLink | None:
        if pod.spec.host_network or not self._node.launcher.has_namespaces:
            return None
        return links.PodLink(link_name(self._node.links, pod.metadata.uid), self._pod_ips, self._node.node_ips)
