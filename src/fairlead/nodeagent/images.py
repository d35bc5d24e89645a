"""Emulated images: the command of this machine that replaces an image (``real_image`` handles real ones).

A table of patterns decides, the user's patterns before the built-in ones. An image that matches no row is refused if
the Pod does not name a command, as a real node refuses an image that it must not pull: ``ErrImageNeverPull``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from fairlead.nodeagent.manifest import Container


@dataclass(frozen=True)
class Image:
    """The configuration of an image (OCI image configuration: Entrypoint, Cmd, Env).

    Attributes:
        entrypoint: the beginning of the command; a container's ``command`` replaces it.
        args: the rest of it; a container's ``args`` or ``command`` replaces them.
        env: variables; a container's own variables override them.
        builtin: the name of a built-in program of Fairlead, which the node agent runs in a forked child without exec.
        ignores_command: a container's command is ignored, because it is a program of the real image.
    """

    entrypoint: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    builtin: str | None = None
    ignores_command: bool = False


Images = Mapping[str, Image]

OWN = "fairlead/"
ECHO, DNS = f"{OWN}echo", f"{OWN}dns"

# A program of a hundred kilobytes in place of a fork of ours; the shell is there to take no notice of ``args``.
_PAUSE = Image(entrypoint=("sh", "-c", "exec sleep infinity"))

# Images that are known to hold nothing but the usual programs: the machine's own stand in for them. A shell is only
# what they run by default: `kubectl run -it --image=busybox x -- nslookup web`.
BUILTIN_IMAGES: Images = {
    ECHO: Image(builtin=ECHO),
    "fairlead/pause": _PAUSE,
    DNS: Image(builtin=DNS),
    "registry.k8s.io/pause": _PAUSE,
    "busybox": Image(args=("sh",)),
    "alpine": Image(args=("sh",)),
    "debian": Image(args=("bash",)),
    "ubuntu": Image(args=("bash",)),
}


class ImageError(Exception):
    """The image has no substitute command; ``reason`` is upstream's waiting reason."""

    reason = "ErrImageNeverPull"


class Program(NamedTuple):
    """The program to run: the arguments of a built-in program, or a command line; and the image's variables."""

    builtin: str | None
    command: tuple[str, ...]
    env: Mapping[str, str] = {}


def program_for(container: Container, images: Images) -> Program:
    """The program of a container.

    Args:
        images: by pattern (``*`` and ``?``, see fnmatch), the first that fits counts; patterns may leave out the tag.

    Raises:
        ImageError: neither the image nor the Pod says what to run.
    """
    image = find_image(container.image, images)
    if image and image.ignores_command:
        return Program(image.builtin, (*image.entrypoint, *image.args), image.env)
    args = container.args or ()
    if container.command:
        return Program(None, (*container.command, *args), image.env if image else {})
    command = (*image.entrypoint, *(args or image.args)) if image else ()
    if image is None or not (command or image.builtin):
        raise ImageError(_how_to_map(container.image))
    return Program(image.builtin, command, image.env)


def is_command(name: str, images: Images) -> bool:
    """Whether an image stands for a command of this machine whatever there is in the store: Fairlead's own do, and
    those that the user has given a row."""
    spellings = list(_spellings(name))
    return _is_own(spellings) or _first_row(spellings, images.items()) is not None


def find_image(name: str, images: Images) -> Image | None:
    """The first row that fits the name, in any of its spellings. Fairlead's own images, of which the lab's DNS is one,
    only give way to rows that mean them."""
    spellings = list(_spellings(name))
    is_own = _is_own(spellings)
    users = [(pattern, image) for pattern, image in images.items() if pattern.startswith(OWN) or not is_own]
    return _first_row(spellings, (*users, *BUILTIN_IMAGES.items()))


def _first_row(spellings: Sequence[str], rows: Iterable[tuple[str, Image]]) -> Image | None:
    return next((image for pattern, image in rows if any(fnmatchcase(s, pattern) for s in spellings)), None)


def _is_own(spellings: Sequence[str]) -> bool:
    return any(spelling.startswith(OWN) for spelling in spellings)


def _spellings(name: str) -> Iterator[str]:
    """The name as given, without digest and tag, and without the registry that a name without one means."""
    for spelling in (name, _repository(name)):
        yield spelling
        yield spelling.removeprefix("docker.io/").removeprefix("library/")


def _repository(name: str) -> str:
    head, slash, last = name.partition("@")[0].rpartition("/")
    return head + slash + last.partition(":")[0]


def _how_to_map(name: str) -> str:
    repository = _repository(name)
    return (
        f'image "{name}" is not on this machine, and no command stands for it: bring it with '
        f"`fairlead image pull {name}`, start the lab with --pull, give the container a command, start the lab with "
        f"--image '{repository}=COMMAND', or give \"{repository}\" a row below images: in the lab's --config file"
    )
