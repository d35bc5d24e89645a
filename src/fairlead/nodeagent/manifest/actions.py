"""A node's actions on a container: commands, requests, probes and hooks."""

from fairlead.model.objects import Slim


class ExecAction(Slim, frozen=True):
    """A command run in the container; it succeeds by exit code 0."""

    command: tuple[str, ...] = ()


class HTTPHeader(Slim, frozen=True):
    """A header of a probe's request."""

    name: str
    value: str


class HTTPGetAction(Slim, frozen=True):
    """A request that succeeds by a status from 200 to 399."""

    port: int | str
    path: str = "/"
    host: str = ""
    scheme: str = "HTTP"
    http_headers: tuple[HTTPHeader, ...] = ()


class TCPSocketAction(Slim, frozen=True):
    """A connection that succeeds by being accepted."""

    port: int | str
    host: str = ""


class GRPCAction(Slim, frozen=True):
    """A call of the gRPC health protocol that succeeds when the service is serving; ``service`` may be empty."""

    port: int
    service: str = ""


class SleepAction(Slim, frozen=True):
    """A pause."""

    seconds: int


class Handler(Slim, frozen=True):
    """An action on a container; exactly one field is set."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    grpc: GRPCAction | None = None
    sleep: SleepAction | None = None


class Lifecycle(Slim, frozen=True):
    """What is done right after a container has started, and right before ``stop_signal`` tells it to end; without one
    that is the image's, or SIGTERM."""

    post_start: Handler | None = None
    pre_stop: Handler | None = None
    stop_signal: str = ""


class Probe(Handler, frozen=True):
    """A periodic check of a container; times in seconds."""

    initial_delay_seconds: int = 0
    timeout_seconds: int = 1
    period_seconds: int = 10
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: int | None = None
