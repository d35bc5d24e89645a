"""The command of a container with a real image: its own fields before those of the OCI image configuration."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fairlead.images.documents import ImageProcess
from fairlead.images.users import NO_ACCOUNTS, Accounts
from fairlead.nodeagent.images import ImageError, Program
from fairlead.nodeagent.manifest import Container
from fairlead.nodeagent.security_context import ImageUser


@dataclass(frozen=True)
class RealImage:
    """An image of this machine's store.

    Attributes:
        id: what the status of a container calls it: by digest.
        manifest: digest of its manifest.
        process: what it says of its containers' processes.
        layers: the folders of its layers, unpacked, from the lowest to the highest.
        accounts: users and groups that it has.
    """

    id: str
    manifest: str
    process: ImageProcess
    layers: tuple[str, ...]
    accounts: Accounts = NO_ACCOUNTS

    @property
    def user(self) -> ImageUser:
        """As whom its containers run, unless they say otherwise."""
        return ImageUser(self.process.user, self.accounts)

    @property
    def env(self) -> Mapping[str, str]:
        """Its variables."""
        pairs = (variable.partition("=") for variable in self.process.env or ())
        return {name: value for name, _, value in pairs if name}


def stacked(layers: Iterable[str]) -> list[str]:
    """Layers as they can be laid over each other: overlayfs refuses a folder that is there twice, and the same layer
    again (an empty one, as a rule) hides all that it brought further below."""
    return list(dict.fromkeys(reversed(list(layers))))[::-1]


class NoCommand(ImageError):
    """Neither the container nor its image has a command."""

    reason = "CreateContainerError"


def program_of(container: Container, image: RealImage) -> Program:
    """The command line of a container: its ``command`` replaces Entrypoint and Cmd, its ``args`` replace Cmd.

    Raises:
        NoCommand: neither the image nor the container names a command.
    """
    if container.command:
        command = (*container.command, *(container.args or ()))
    else:
        arguments = container.args if container.args is not None else image.process.cmd or ()
        command = (*(image.process.entrypoint or ()), *arguments)
    if not command:
        raise NoCommand(f'no command specified: image "{container.image}" has neither Entrypoint nor Cmd')
    return Program(None, command, image.env)
