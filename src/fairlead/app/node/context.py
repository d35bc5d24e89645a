"""The data about Pod and node that containers use, and the inputs of a container's process."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from fairlead.app.node.images import Asker, NodeImages
from fairlead.app.node.loopback import OnLoopback
from fairlead.app.node.volumes import PodVolumes, make_missing, prepare_host_paths
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.kube.event_recorder import EventRecorder
from fairlead.drivers.pods.allocatable import allocatable
from fairlead.drivers.pods.image_root import ImageRoot
from fairlead.drivers.pods.process import ProcessSpec
from fairlead.drivers.pods.runtime import Stdio
from fairlead.labnet.loopback import PortRule
from fairlead.model.events import EventText
from fairlead.nodeagent.credentials import ProcessCredentials
from fairlead.nodeagent.environment import (
    ContainerContext,
    PodPlacement,
    build_environment,
    declared_variables,
    with_expanded_command,
)
from fairlead.nodeagent.files import ClusterDNS
from fairlead.nodeagent.images import ImageError, Program, program_for
from fairlead.nodeagent.manifest import Container, RunPod
from fairlead.nodeagent.real_image import RealImage, program_of
from fairlead.nodeagent.security_context import (
    NO_IMAGE_USER,
    ImageUser,
    credentials_of,
    given_capabilities,
    identity_in,
    with_capabilities,
)
from fairlead.nodeagent.service_links import ServiceLinks
from fairlead.nodeagent.volumes import check_volumes, mounts_of

NEEDS_NAMESPACES = "an image needs a root folder of its own, which a lab without namespaces has not: use --image"
Builtin = Callable[[Sequence[str]], None]


def timestamp() -> str:
    """This moment as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class ContainerSettings:
    """The data about the node that containers need.

    Attributes:
        images: the images that its containers can run.
        builtins: the programs of the built-in images, by image name.
        logs: folder of container logs.
        links: the Services that Pods get variables for.
        events: receives the Events of the node agent.
        hidden: folders of this machine that no container may see.
        home: home of the lab's user; containers see only the hostPath volumes in it.
        loopback: the addresses of Pods in a lab without namespaces; None: Pods have namespaces.
        dns: the DNS settings.
        gives_network: whether Pods in the node's network may be let write its rules: it is a lab's, not a machine's.
    """

    images: NodeImages
    builtins: Mapping[str, Builtin]
    logs: Path
    links: ServiceLinks
    events: EventRecorder
    hidden: tuple[Path, ...] = ()
    home: Path | None = None
    loopback: OnLoopback | None = None
    dns: ClusterDNS = field(default_factory=ClusterDNS)
    gives_network: bool = False

    @property
    def hidden_paths(self) -> list[str]:
        """The paths of this machine that are hidden from Pods."""
        return [str(path) for path in (*self.hidden, *((self.home,) if self.home else ()))]


def _root_of(container: Container, image: RealImage) -> ImageRoot:
    read_only = bool(container.security_context and container.security_context.read_only_root_filesystem)
    return ImageRoot(image.layers, read_only, tuple(image.process.volumes or ()))


@dataclass(frozen=True)
class PodContext:
    """The Pod that a container belongs to."""

    pod: RunPod
    placement: PodPlacement
    settings: ContainerSettings
    volumes: PodVolumes
    client: KubeClient

    @property
    def asker(self) -> Asker:
        """The client that asks for images."""
        return Asker(self.pod, self.client, self.say)

    @property
    def ports(self) -> PortRule:
        """Which port of this machine stands for which of the Pod's."""
        return self.settings.loopback.ports if self.settings.loopback else PortRule()

    def say(self, event: EventText) -> None:
        """Write an Event about the Pod."""
        self.settings.events.record(self.pod, "v1", "Pod", event)

    def __str__(self) -> str:
        return f"{self.pod.name}_{self.pod.namespace}({self.pod.metadata.uid})"

    def log_path(self, container: Container, run: int) -> Path:
        """The log file of a container's run with this number (from 0)."""
        folder = f"{self.pod.namespace}_{self.pod.name}_{self.pod.metadata.uid}"
        return self.settings.logs / folder / f"{container.name}-{run}.log"

    def message_path(self, container: Container, run: int) -> Path:
        """The file for the termination message of a container's run."""
        return self.log_path(container, run).with_suffix(".message")

    async def process_spec(self, container: Container, stdio: Stdio, image: RealImage | None) -> ProcessSpec:
        """The process of a container: command, environment, credentials and files.

        Args:
            image: what its image is; None: a command of this machine stands for it.

        Raises:
            CredentialsError, ImageError, SourceError, VolumeError: something about it is wrong, or not there yet.
            KubeError, Unreachable: the API could not be asked.
        """
        self._program(container, image)  # before anything is asked for
        check_volumes(self.pod)
        sources = await self.volumes.sources(self.pod)
        around = ContainerContext(
            self.pod, self.placement, self.settings.links.variables(self.pod), sources, allocatable()
        )
        folders = self.volumes.write(around) | await self.volumes.of_claims(self.pod)
        expanded = with_expanded_command(container, declared_variables(container, around))
        program = self._program(expanded, image)
        user = image.user if image else NO_IMAGE_USER
        home = identity_in(container, self.pod, user).home
        environment = build_environment(container, around, program.env, home or ("/" if image else ""))
        prepare_host_paths(self.pod)
        mounts = mounts_of(container, self.pod, folders, environment)
        make_missing(container, self.pod, mounts)
        builtin = None
        if program.builtin is not None:
            environment = {**self._identity(), **environment}
            builtin = functools.partial(self.settings.builtins[program.builtin], program.command)
        if (loopback := self.settings.loopback) is not None:
            if image is not None:
                raise ImageError(NEEDS_NAMESPACES)
            told = loopback.variables(self.pod.namespace, self.settings.dns)
            arranged = loopback.arrange(self.volumes.folder / f"root-{container.name}", mounts)
            environment = {**self._identity(), **told, **arranged, **environment}
        return ProcessSpec(
            command=program.command,
            builtin=builtin,
            environment=environment,
            directory=container.working_dir or (image and image.process.working_dir) or "/",
            stdio=stdio,
            credentials=self._credentials(container, user),
            mounts=mounts,
            hidden=[str(folder) for folder in self.settings.hidden],
            root=_root_of(container, image) if image else None,
        )

    def _credentials(self, container: Container, user: ImageUser) -> ProcessCredentials:
        found = credentials_of(container, self.pod, user)
        given = given_capabilities(container, self.pod) if self.settings.gives_network else ()
        return with_capabilities(found, given)

    def _program(self, container: Container, image: RealImage | None) -> Program:
        return program_of(container, image) if image else program_for(container, self.settings.images.commands)

    def _identity(self) -> dict[str, str]:
        """The identity of a Pod for built-in images; a real image would use the downward API."""
        return {
            "POD_NAME": self.pod.name,
            "POD_NAMESPACE": self.pod.namespace,
            "POD_IP": self.placement.pod_ips[0],
            "NODE_NAME": self.placement.node_name,
        }
