"""What a container that has failed says by its end, if its ``terminationMessagePolicy`` is to show its log.

Files at ``terminationMessagePath`` are not read: by default they would lie in ``/dev``, which is this machine's.
Upstream: ``pkg/kubelet/kuberuntime/kuberuntime_container.go``.
"""

from fairlead.nodeagent.manifest import Container

MESSAGE_LINES, MESSAGE_OCTETS = 80, 2048  # of the log, at most


def shows_log(container: Container, exit_code: int) -> bool:
    """Whether the end of the log is the message of a container that has ended so."""
    return container.termination_message_policy == "FallbackToLogsOnError" and exit_code != 0


def message_of(last_lines: bytes) -> str:
    """The message that the last lines of a log are."""
    return last_lines[-MESSAGE_OCTETS:].decode(errors="replace")
