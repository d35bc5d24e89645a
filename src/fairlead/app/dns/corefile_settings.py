"""What the directives of a Corefile mean as settings: those that kubeadm writes, and the common additions.

``errors``, ``loadbalance`` and ``loop`` are always so here. A plugin or option that is not in the tables below is an
error.
"""

from collections.abc import Callable

from fairlead.app.dns.settings_file import Settings
from fairlead.clusterdns.corefile import CorefileError, Directive, ServerBlock
from fairlead.clusterdns.names import IN_ADDR_ARPA, IP6_ARPA, Name, to_name
from fairlead.clusterdns.zone import PodsMode


def settings_of(blocks: list[ServerBlock]) -> Settings:
    """The settings that a Corefile stands for.

    Raises:
        CorefileError: it uses something that is not supported.
    """
    settings = Settings(health_port=None, ready_port=None, metrics_port=None, lameduck=0.0, reload=None)
    for block in blocks:
        zones = [_zone_of(key, settings, block) for key in block.keys]
        for directive in block.directives:
            if directive.name not in _PLUGINS:
                raise CorefileError(directive.line, f"plugin {directive.name} is not supported")
            _PLUGINS[directive.name](settings, directive, zones)
    return settings


def _zone_of(key: str, settings: Settings, block: ServerBlock) -> str:
    zone, _, port = key.removeprefix("dns://").partition(":")
    if "/" in zone or (port and not port.isdigit()):
        raise CorefileError(block.line, f"server {key} is not supported: only ZONE:PORT")
    if port:
        settings.port = int(port)
    return zone or "."


def _nothing(_: Settings, __: Directive, ___: list[str]) -> None:
    """What is always so here: errors are logged, addresses rotate, loops are looked for."""


def _health(settings: Settings, directive: Directive, _: list[str]) -> None:
    settings.health_port = _port_of(directive, 8080)
    for option in _options(directive, {"lameduck"}):
        settings.lameduck = _seconds(option)


def _ready(settings: Settings, directive: Directive, _: list[str]) -> None:
    settings.ready_port = _port_of(directive, 8181)


def _prometheus(settings: Settings, directive: Directive, _: list[str]) -> None:
    settings.metrics_port = _port_of(directive, 9153)


def _log(settings: Settings, _: Directive, __: list[str]) -> None:
    settings.log = True


def _autopath(settings: Settings, directive: Directive, _: list[str]) -> None:
    """As upstream does, with the search domains that this machine has, which is to be a node or like one."""
    if directive.arguments[-1:] != ("@kubernetes",):
        raise CorefileError(directive.line, "autopath is supported as 'autopath @kubernetes' alone")
    settings.autopath, settings.node_search = True, ["/etc/resolv.conf"]


def _kubernetes(settings: Settings, directive: Directive, _: list[str]) -> None:
    for option in _options(directive, set(_KUBERNETES)):
        _KUBERNETES[option.name](settings, option)
    reverse = [zone for zone in directive.arguments if zone.endswith(".arpa")]
    forward = [zone for zone in directive.arguments if zone not in (*reverse, settings.multicluster)]
    if len(forward) != 1:
        raise CorefileError(directive.line, f"kubernetes needs exactly one cluster domain, found {len(forward)}")
    settings.zone, settings.reverse = forward[0], reverse


def _set_pods(settings: Settings, option: Directive) -> None:
    if _one(option) not in list(PodsMode):
        raise CorefileError(option.line, f"pods {_one(option)} is not one of {', '.join(PodsMode)}")
    settings.pods = PodsMode(_one(option))


def _set_ttl(settings: Settings, option: Directive) -> None:
    settings.ttl = _number(option)


def _set_namespaces(settings: Settings, option: Directive) -> None:
    settings.namespaces = list(option.arguments)


def _set_pod_names(settings: Settings, _: Directive) -> None:
    settings.endpoint_pod_names = True


def _set_ignore(settings: Settings, option: Directive) -> None:
    if option.arguments != ("empty_service",):
        raise CorefileError(option.line, f"ignore {' '.join(option.arguments)} is not supported")
    settings.ignore_empty = True


def _set_zonal(settings: Settings, _: Directive) -> None:
    settings.zonal = True


def _set_multicluster(settings: Settings, option: Directive) -> None:
    settings.multicluster = _one(option)


def _fall_through(_: Settings, option: Directive) -> None:
    """Unknown addresses always fall through when there is someone to ask; names of the cluster never do."""
    if not option.arguments or not all(to_name(zone)[-2:] in _REVERSE for zone in option.arguments):
        raise CorefileError(option.line, "fallthrough is supported for in-addr.arpa and ip6.arpa alone")


_REVERSE: tuple[Name, ...] = (IN_ADDR_ARPA, IP6_ARPA)
_KUBERNETES: dict[str, Callable[[Settings, Directive], None]] = {
    "pods": _set_pods,
    "ttl": _set_ttl,
    "namespaces": _set_namespaces,
    "endpoint_pod_names": _set_pod_names,
    "ignore": _set_ignore,
    "zonal": _set_zonal,
    "multicluster": _set_multicluster,
    "fallthrough": _fall_through,
}


def _forward(settings: Settings, directive: Directive, zones: list[str]) -> None:
    if len(directive.arguments) < 2:
        raise CorefileError(directive.line, "forward needs FROM and TO")
    source, *targets = directive.arguments
    for zone in zones if source == "." else [source]:
        settings.forward[zone] = targets
    for option in _options(directive, {"max_concurrent", "force_tcp"}):
        if option.name == "force_tcp":
            settings.force_tcp = True
        else:
            settings.concurrent = _number(option)


def _cache(settings: Settings, directive: Directive, _: list[str]) -> None:
    """``cache [TTL]``; our own zone is never cached, which is what kubeadm's ``disable`` lines ask for."""
    if directive.arguments:
        ttl = int(directive.arguments[0])
        settings.cache.positive_max, settings.cache.negative_max = ttl, min(ttl, 1800)
    for option in _options(directive, {"disable"}):
        if option.arguments[1:] != (settings.zone,):
            raise CorefileError(option.line, f"cache can only be disabled for {settings.zone}, as it always is")


def _hosts(settings: Settings, directive: Directive, _: list[str]) -> None:
    if directive.arguments:
        raise CorefileError(directive.line, "hosts can only be given in place")
    for line in directive.options:
        for name in line.arguments if line.name != "fallthrough" else ():
            settings.hosts.setdefault(name, []).append(line.name)


def _reload(settings: Settings, directive: Directive, _: list[str]) -> None:
    """``reload [INTERVAL [JITTER]]``; the jitter is always half of the interval, upstream's default."""
    settings.reload = _seconds(directive._replace(arguments=directive.arguments[:1] or ("30s",)))


def _bufsize(settings: Settings, directive: Directive, _: list[str]) -> None:
    settings.udp_size = _number(directive)


_PLUGINS: dict[str, Callable[[Settings, Directive, list[str]], None]] = {
    "autopath": _autopath,
    "bufsize": _bufsize,
    "cache": _cache,
    "errors": _nothing,
    "forward": _forward,
    "health": _health,
    "hosts": _hosts,
    "kubernetes": _kubernetes,
    "loadbalance": _nothing,
    "log": _log,
    "loop": _nothing,
    "prometheus": _prometheus,
    "ready": _ready,
    "reload": _reload,
}


def _options(directive: Directive, known: set[str]) -> tuple[Directive, ...]:
    for option in directive.options:
        if option.name not in known:
            raise CorefileError(option.line, f"option {option.name} of {directive.name} is not supported")
    return directive.options


def _one(directive: Directive) -> str:
    if len(directive.arguments) != 1:
        raise CorefileError(directive.line, f"{directive.name} needs exactly one argument")
    return directive.arguments[0]


def _number(directive: Directive) -> int:
    if not _one(directive).isdigit():
        raise CorefileError(directive.line, f"{directive.name}: {_one(directive)!r} is not a number")
    return int(_one(directive))


def _seconds(directive: Directive) -> float:
    text = _one(directive)
    unit = next((u for u in ("ms", "s", "m") if text.endswith(u)), "")
    if not unit or not text.removesuffix(unit).isdigit():
        raise CorefileError(directive.line, f"{directive.name}: {text!r} is not a duration such as 5s")
    return int(text.removesuffix(unit)) * {"ms": 0.001, "s": 1.0, "m": 60.0}[unit]


def _port_of(directive: Directive, default: int) -> int:
    if not directive.arguments:
        return default
    port = _one(directive).rpartition(":")[2]
    if not port.isdigit():
        raise CorefileError(directive.line, f"{directive.name}: {_one(directive)!r} is not ADDRESS:PORT")
    return int(port)
