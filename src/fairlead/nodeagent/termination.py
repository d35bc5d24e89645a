"""The termination message of a container: the content of its message file, or the end of its log.

Upstream: ``pkg/kubelet/kuberuntime/kuberuntime_container.go``.
"""

import posixpath
from collections.abc import Sequence

from fairlead.nodeagent.manifest import Container
from fairlead.nodeagent.volumes import Mount, outer_first

FILE_OCTETS = 4096  # of the message file, at most: the last ones
MESSAGE_LINES, MESSAGE_OCTETS = 80, 2048  # of the log, at most


def with_message_file(mounts: Sequence[Mount], container: Container, file: str) -> list[Mount]:
    """The mounts of a container, and that of its message file at ``terminationMessagePath``.

    There is none in a volume: what is mounted there would have to be made there first.
    """
    target = posixpath.normpath(posixpath.join("/", container.termination_message_path))
    in_a_volume = any(posixpath.commonpath((mount.target, target)) == mount.target for mount in mounts)
    return list(mounts) if in_a_volume else outer_first((*mounts, Mount(file, target)))


def shows_log(container: Container, exit_code: int) -> bool:
    """Whether the end of the log is the message of a container that has ended so, and has written none."""
    return container.termination_message_policy == "FallbackToLogsOnError" and exit_code != 0


def message_of(last_lines: bytes) -> str:
    """The message that the last lines of a log are."""
    return last_lines[-MESSAGE_OCTETS:].decode(errors="replace")
