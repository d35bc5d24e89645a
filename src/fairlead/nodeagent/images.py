"""Images without containers: which command of this machine stands for an image.

Decides by a table of patterns. Refuses an image that has no mapping when the Pod does not say what to run, the way a
real node refuses an image that it may not pull: ``ErrImageNeverPull``.
"""

import shlex
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from fairlead.nodeagent.manifest import Container

# Images that Fairlead itself is: the node agent runs these functions in a forked child, without exec.
BUILTIN_IMAGES = ("fairlead/dns", "fairlead/echo", "fairlead/pause")

# Images that are known to hold nothing but the usual programs: the machine's own stand in for them. What they run is
# only their default (CMD), which a container's args replace: `kubectl run -it --image=busybox x -- nslookup web`.
HOST_PROGRAM_IMAGES = {
    "busybox": "sh",
    "alpine": "sh",
    "debian": "bash",
    "ubuntu": "bash",
    "registry.k8s.io/pause": "sleep infinity",
}


class ImageError(Exception):
    """No command stands for the image; ``reason`` is the waiting reason that users know."""

    reason = "ErrImageNeverPull"


class Program(NamedTuple):
    """What to run: a built-in image's name, or a command line."""

    builtin: str | None
    command: tuple[str, ...]


def program_for(container: Container, mapped: Mapping[str, str]) -> Program:
    """What a container runs. Its ``command`` replaces the image's. Its ``args`` are added to a mapped command, as to an
    image's ENTRYPOINT.

    Args:
        mapped: command lines by image pattern (``*`` and ``?``), with or without a tag.

    Raises:
        ImageError: neither the image nor the Pod says what to run.
    """
    args = container.args or ()
    if container.command:
        return Program(None, (*container.command, *args))
    repository = container.image.partition("@")[0]
    head, slash, last = repository.rpartition("/")
    repository = head + slash + last.partition(":")[0]
    for pattern, command in mapped.items():
        if fnmatchcase(container.image, pattern) or fnmatchcase(repository, pattern):
            return Program(None, (*shlex.split(command), *args))
    if repository in HOST_PROGRAM_IMAGES:
        return Program(None, args or tuple(shlex.split(HOST_PROGRAM_IMAGES[repository])))
    if repository in BUILTIN_IMAGES:
        return Program(repository, args)
    raise ImageError(
        f'no command stands for image "{container.image}": give the container a command, '
        f"or start the lab with --image '{repository}=COMMAND'"
    )
