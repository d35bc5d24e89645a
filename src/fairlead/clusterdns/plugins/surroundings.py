"""Directives about how a block is served and reported, not about the answers for names."""

from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.corefile.values import none, number, one, seconds
from fairlead.clusterdns.plugins.logs import error_rule, log_rule
from fairlead.clusterdns.plugins.scope import BlockScope, Certificate, HttpPage
from fairlead.clusterdns.query import UDP_MIN
from fairlead.model.addresses import parse_ip

HEALTH_PORT, READY_PORT, METRICS_PORT = 8080, 8181, 9153
RELOAD, RELOAD_MIN = 30.0, 2.0  # seconds
CLIENTS = (
    "nocert",
    "verify_if_given",
    "require_and_verify",
)  # certificates that are requested but not verified prove nothing
UDP_MAX = 4096  # octets of a reply over UDP


def read_bind(directive: Directive, scope: BlockScope) -> None:
    """``bind ADDRESS|INTERFACE... { except ADDRESS|INTERFACE... }``."""
    if not directive.arguments:
        raise Wrong("bind needs an address or an interface")
    found = [address for word in directive.arguments for address in _addresses(word, scope)]
    for option in directive.options:
        if option.name != "except":
            raise Wrong(f"option {option.name} of bind is not supported; known is except")
        left_out = {address for word in option.arguments for address in _addresses(word, scope)}
        found = [address for address in found if address not in left_out]
    scope.addresses += [address for address in found if address not in scope.addresses]


def _addresses(word: str, scope: BlockScope) -> tuple[str, ...]:
    if parse_ip(word) is not None:
        return (word,)
    found = scope.around.interface(word)
    if not found:
        raise Wrong(f"bind: {word!r} is neither an address nor an interface that has one")
    return found


def read_health(directive: Directive, scope: BlockScope) -> None:
    """``health [ADDRESS] { lameduck DURATION }``."""
    scope.process.health.append(_page(directive, HEALTH_PORT))

    def lameduck(option: Directive) -> None:
        scope.process.lameduck = max(scope.process.lameduck, seconds(one(option), "lameduck"))

    scope.options(directive, {"lameduck": lameduck})


def read_ready(directive: Directive, scope: BlockScope) -> None:
    """``ready [ADDRESS]``; ``monitor`` is always continuous here."""
    scope.process.ready.append(_page(directive, READY_PORT))
    scope.options(directive, {"monitor": lambda _: None})


def read_prometheus(directive: Directive, scope: BlockScope) -> None:
    """``prometheus [ADDRESS]``."""
    scope.process.metrics.append(_page(directive, METRICS_PORT))


def read_reload(directive: Directive, scope: BlockScope) -> None:
    """``reload [INTERVAL [JITTER]]``; the jitter is always half of the interval, upstream's default."""
    every = seconds(directive.arguments[0], "reload") if directive.arguments else RELOAD
    if every < RELOAD_MIN:
        raise Wrong(f"reload: {directive.arguments[0]} is less than 2s")
    scope.process.reload = every


def read_bufsize(directive: Directive, scope: BlockScope) -> None:
    """``bufsize [SIZE]``."""
    size = directive.arguments[0] if directive.arguments else "1232"
    scope.udp_size = number(size, "bufsize", UDP_MIN, UDP_MAX)


def read_log(directive: Directive, scope: BlockScope) -> None:
    """``log``, see ``logs``."""
    scope.logs.append(log_rule(directive, scope.zones))


def read_errors(directive: Directive, scope: BlockScope) -> None:
    """``errors``, see ``logs``."""
    scope.errors = error_rule(directive)


def read_loop(directive: Directive, scope: BlockScope) -> None:
    """``loop``."""
    none(directive)
    scope.finds_loops = True


def read_tls(directive: Directive, scope: BlockScope) -> None:
    """``tls CERT KEY [CA] { client_auth nocert|verify_if_given|require_and_verify }``."""
    if len(directive.arguments) not in (2, 3):
        raise Wrong("tls needs CERT KEY [CA]")
    for path in directive.arguments:
        scope.around.read(path, None)
    scope.certificate = Certificate(*directive.arguments)

    def client_auth(option: Directive) -> None:
        if one(option) not in CLIENTS:
            raise Wrong(f"client_auth {one(option)} is not one of {', '.join(CLIENTS)}")
        scope.certificate = Certificate(*directive.arguments)._replace(clients=one(option))

    scope.options(directive, {"client_auth": client_auth})


def read_nothing(_: Directive, __: BlockScope) -> None:
    """A directive that has no effect here."""


def _page(directive: Directive, default: int) -> HttpPage:
    if not directive.arguments:
        return HttpPage("", default)
    host, colon, port = one(directive).rpartition(":")
    host = host.strip("[]")
    if not colon or (host and host != "localhost" and parse_ip(host) is None):
        raise Wrong(f"{directive.name}: {one(directive)!r} is not ADDRESS:PORT")
    return HttpPage("127.0.0.1" if host == "localhost" else host, number(port, directive.name, 1, 65535))
