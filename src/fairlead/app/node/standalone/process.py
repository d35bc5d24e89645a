"""The process of a standalone node: registers the node, then runs its agent, and renews its certificates."""

import asyncio
import logging
import os
import platform
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

from fairlead.app.node import agent
from fairlead.app.node.options import NodeOptions, Serving
from fairlead.app.node.standalone.certificate import SERVING, NodeCertificate, node_subject
from fairlead.app.node.standalone.identity import credentials, own_certificate
from fairlead.app.node.standalone.options import StandaloneOptions
from fairlead.app.node.standalone.ranges import assigned_ranges
from fairlead.drivers.identity.pki import certificate_files, write_private
from fairlead.drivers.identity.requests import stopgap_certificate_beside
from fairlead.drivers.images.places import place_here
from fairlead.drivers.kube.access.kubeconfig import choose, read_files
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.linux.local_addresses import source_address
from fairlead.drivers.linux.machine_facts import machine_facts
from fairlead.drivers.linux.netns import enable_forwarding
from fairlead.drivers.linux.sysctls import owns_network
from fairlead.drivers.pods.launching.nursery import Nursery
from fairlead.drivers.pods.left_behind import kill_pods
from fairlead.model.addresses import family_of
from fairlead.nodeagent.node_status import node_labels

PROGRAMS = {"ip": "iproute2", "nft": "nftables", "sleep": "coreutils"}
SERVING_NAME = "serving"  # of the certificate's files
LINKS = "flpod"  # the prefix of Pods' links, which no other program on this machine uses

log = logging.getLogger(__name__)


class CannotBeANode(Exception):
    """This machine, or this user, cannot be a node; the message says why, and what to do."""


def check_machine() -> None:
    """Raises CannotBeANode: what a node needs is missing."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = {program: package for program, package in PROGRAMS.items() if not shutil.which(program, path=path)}
    if missing:
        raise CannotBeANode(
            f"missing programs: {', '.join(missing)}; install the packages that contain them "
            f"(on Debian: apt-get install {' '.join(missing.values())})"
        )
    if not owns_network():
        raise CannotBeANode(
            "a node makes links, routes and rules in the network namespace that it is started in, for which it must be "
            "root there; without root, `fairlead up` has nodes in namespaces of their own"
        )


async def run(
    options: StandaloneOptions, nursery: Nursery, ready: Callable[[], None], told: Callable[[str], None]
) -> None:
    """Run as a node until cancelled.

    Args:
        nursery: where Pods' processes come from; made before any key was read.
        ready: called when the Node is Ready.
        told: called with one line about each wait.

    Raises:
        WrongIdentity, RefusedRequest: the node does not become one. Unreachable: the kubeconfig is of no use.
    """
    options.pki.mkdir(mode=0o700, parents=True, exist_ok=True)
    options.data.chmod(0o700)
    kubeconfig, is_ours = await credentials(options, told)
    async with KubeClient.from_kubeconfig(kubeconfig, part="node") as client:
        agent_options = await _agent_options(options, client, kubeconfig, nursery, told)
        enable_forwarding(tuple(dict.fromkeys(family_of(cidr) for cidr in agent_options.pod_cidrs)))
        async with asyncio.TaskGroup() as group:
            if is_ours:
                group.create_task(own_certificate(options, client, told).keep())
            hosts = (options.name, *agent_options.addresses)
            serving = await _serving(options, hosts, client, told)
            if options.signs_serving:
                group.create_task(_keep_serving(serving))
            try:
                await agent.run(agent_options, ready)
            finally:
                if options.end_pods:
                    kill_pods(options.records)


async def _agent_options(
    options: StandaloneOptions, client: KubeClient, kubeconfig: Path, nursery: Nursery, told: Callable[[str], None]
) -> NodeOptions:
    server = choose(read_files([options.kubeconfig], must_exist=True)).cluster.server
    addresses = options.addresses or (source_address(server),)
    labels = node_labels(options.name, platform.machine(), options.labels)
    pod_cidrs = options.pod_cidrs or await assigned_ranges(client, options.name, labels, options.taints, told)
    families = {family_of(address) for address in addresses}
    if not (pod_cidrs := tuple(cidr for cidr in pod_cidrs if family_of(cidr) in families)):
        raise CannotBeANode(f"Pods have addresses of a family that the node has none of: it has {', '.join(addresses)}")
    return NodeOptions(
        name=options.name,
        kubeconfig=kubeconfig,
        addresses=addresses,
        pod_cidrs=pod_cidrs,
        serving=Serving(_client_authority(options, client), *certificate_files(options.pki, SERVING_NAME)),
        records=options.records,
        orphan_ends=options.data / "run" / "ends",
        volumes=options.data / "volumes" / "pods",
        claimed=options.data / "volumes" / "claims",
        logs=options.data / "logs" / "pods",
        nursery=nursery.socket,
        images=options.images,
        builtins=options.builtins,
        labels=options.labels,
        dns=options.dns,
        inside=options.cluster_cidrs or pod_cidrs,
        hidden=(options.data,),
        store=place_here(),
        port=options.port,
        links=LINKS,
        taints=options.taints,
        machine=machine_facts(),
        follows_volumes=False,
    )


def _client_authority(options: StandaloneOptions, client: KubeClient) -> Path:
    """A file with who signs the certificates of clients that may ask this node."""
    if options.client_ca:
        return options.client_ca
    path = options.pki / "client-ca.crt"
    write_private(path, client.cluster_ca.encode())
    return path


async def _serving(
    options: StandaloneOptions, hosts: tuple[str, ...], client: KubeClient, told: Callable[[str], None]
) -> NodeCertificate:
    """What the node's HTTP API proves itself with: until the cluster has issued a certificate, one of an authority that
    nobody knows, as kubelets have it, since API servers usually do not check it."""
    certificate = NodeCertificate(options.pki, SERVING_NAME, SERVING, node_subject(options.name, hosts), client, told)
    if not await certificate.is_good(time.time()):
        issued, key = await stopgap_certificate_beside(node_subject(options.name, hosts))
        write_private(certificate.files[1], key)
        write_private(certificate.files[0], issued)
        (options.pki / "serving.stopgap").touch()
    return certificate


async def _keep_serving(certificate: NodeCertificate) -> None:
    """Obtain the certificate from the cluster, and renew it."""
    stopgap = certificate.files[0].with_name("serving.stopgap")
    if stopgap.exists():
        await certificate.obtain_patiently()
        stopgap.unlink(missing_ok=True)
    await certificate.keep()


def host_name() -> str:
    """The default name of a node on this machine."""
    return socket.gethostname().lower()
