"""The meaning of a Corefile: server blocks with chains of plugins, and the options of the process.

One reading finds all errors in the file.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from fairlead.clusterdns.chain import Plugin
from fairlead.clusterdns.corefile.blocks import Directive, ReadImports, Reading, ServerBlock
from fairlead.clusterdns.corefile.faults import CorefileFaults, FilePlace, Wrong
from fairlead.clusterdns.corefile.keys import key_of
from fairlead.clusterdns.names import Name, to_text
from fairlead.clusterdns.plugins.autopath import Autopath, read_autopath
from fairlead.clusterdns.plugins.directives import DIRECTIVES, ORDER, REFUSED
from fairlead.clusterdns.plugins.external import External
from fairlead.clusterdns.plugins.forward import Forward
from fairlead.clusterdns.plugins.kubernetes import Kubernetes, delegating
from fairlead.clusterdns.plugins.loadbalance import LoadBalance, Steady
from fairlead.clusterdns.plugins.scope import BlockScope, CorefileSurroundings, ProcessOptions
from fairlead.clusterdns.server_blocks import DEFAULT_PORT, TLS_PORT, Block
from fairlead.clusterdns.zone import Zone


@dataclass(frozen=True)
class Configuration:
    """The meaning of a Corefile."""

    blocks: tuple[Block, ...]
    process: ProcessOptions


class _Placed(NamedTuple):
    block: Block
    place: FilePlace


def configuration_of(
    text: str, file: str, around: CorefileSurroundings, environment: Mapping[str, str], imports: ReadImports
) -> Configuration:
    """The configuration in a text; ``file`` names it in messages and for imports.

    Raises:
        CorefileError: the text has errors; the exception lists all of them.
    """
    faults, process = CorefileFaults(), ProcessOptions()
    parsed = Reading(environment, imports, faults).blocks(text, file)
    placed = [_Placed(_block(block, around, process, faults), block.place) for block in parsed]
    if not placed:
        faults.add(FilePlace(file, 1), "there is no server block")
    _check_apart(placed, faults)
    faults.check()
    return Configuration(_apart(tuple(block for block, _ in placed)), process)


def _block(parsed: ServerBlock, around: CorefileSurroundings, process: ProcessOptions, faults: CorefileFaults) -> Block:
    zones: list[Name] = []
    ports: dict[bool, list[int]] = {False: [], True: []}  # by whether they are TLS's
    for text in parsed.keys:
        with faults.at(parsed.place):
            key = key_of(text)
            zones += key.zones
            ports[key.tls].append(key.port or (TLS_PORT if key.tls else DEFAULT_PORT))
    scope = BlockScope(tuple(dict.fromkeys(zones)), around, process, faults)
    for directive in parsed.directives:
        with faults.at(directive.place):
            _read(directive, scope)
    _check_once(parsed, faults)
    if ports[True] and not any(directive.name == "tls" for directive in parsed.directives):
        faults.add(parsed.place, "tls:// needs the directive tls CERT KEY in its server block")
    return Block(
        scope.zones,
        tuple(dict.fromkeys(ports[False])),
        tuple(dict.fromkeys(ports[True])),
        scope.certificate,
        tuple(scope.addresses),
        _chain(parsed, scope),
        scope.udp_size,
        tuple(scope.logs),
        scope.errors,
        tuple(scope.grants),
    )


def _read(directive: Directive, scope: BlockScope) -> None:
    if directive.name == "autopath":
        return  # it needs to know the zones of ``kubernetes``, wherever that stands
    if directive.name in DIRECTIVES:
        DIRECTIVES[directive.name].read(directive, scope)
        return
    reason = "is not supported" if directive.name in REFUSED else "is unknown"
    raise Wrong(f"plugin {directive.name} {reason}; known are {', '.join(sorted((*DIRECTIVES, 'autopath')))}")


def _check_once(parsed: ServerBlock, faults: CorefileFaults) -> None:
    seen: Counter[str] = Counter()
    for directive in parsed.directives:
        seen[directive.name] += 1
        known = DIRECTIVES.get(directive.name)
        if seen[directive.name] > 1 and known is not None and not known.many:
            faults.add(directive.place, f"plugin {directive.name} may stand only once in a server block")


def _chain(parsed: ServerBlock, scope: BlockScope) -> tuple[Plugin, ...]:
    """The plugins in their order, including those that need to know others."""
    cluster = next((plugin for plugin in scope.plugins if isinstance(plugin, Kubernetes)), None)
    for directive in parsed.directives:
        with scope.faults.at(directive.place):
            if directive.name == "autopath":
                search = read_autopath(directive, scope)
                scope.plugins.append(Autopath(_zones(directive, cluster), search))
            elif directive.name == "k8s_external":
                zones = _zones(directive, cluster)
                scope.plugins = [_over(plugin, zones[0]) for plugin in scope.plugins]
    if not any(isinstance(plugin, LoadBalance) for plugin in scope.plugins):
        scope.plugins.append(Steady())
    plugins = [_looking(plugin, scope.finds_loops) for plugin in scope.plugins]
    return tuple(sorted(plugins, key=lambda plugin: ORDER.index(type(plugin))))


def _zones(directive: Directive, cluster: Kubernetes | None) -> tuple[Zone, ...]:
    if cluster is None:
        raise Wrong(f"{directive.name} needs the plugin kubernetes in the same server block")
    return cluster.zones


def _over(plugin: Plugin, zone: Zone) -> Plugin:
    return replace(plugin, cluster=zone) if isinstance(plugin, External) else plugin


def _looking(plugin: Plugin, finds_loops: bool) -> Plugin:
    if isinstance(plugin, Forward):
        return replace(plugin, upstream=replace(plugin.upstream, finds_loops=finds_loops))
    return plugin


def _check_apart(placed: list[_Placed], faults: CorefileFaults) -> None:
    """No name is claimed twice at one port of one address."""
    seen: dict[tuple[Name, int, str], FilePlace] = {}
    for block, place in placed:
        for where in _claims(block):
            zone, port, address = where
            other = seen.setdefault(where, place)
            if other != place:
                at = f" at {address}" if address else ""
                faults.add(place, f"zone {to_text(zone)} at port {port}{at} is served already by the block of {other}")


def _claims(block: Block) -> Iterator[tuple[Name, int, str]]:
    for zone in block.zones:
        for port in block.all_ports:
            for address in block.addresses or ("",):
                yield zone, port, address


def _apart(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The blocks, no cluster zone of one holding names of another."""
    return tuple(
        replace(
            block,
            plugins=tuple(
                delegating(plugin, _others(block, blocks)) if isinstance(plugin, Kubernetes) else plugin
                for plugin in block.plugins
            ),
        )
        for block in blocks
    )


def _others(block: Block, blocks: tuple[Block, ...]) -> tuple[Name, ...]:
    return tuple(
        zone
        for other in blocks
        if set(other.all_ports) & set(block.all_ports)
        for zone in other.zones
        if other is not block
    )
