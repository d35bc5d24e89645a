"""From the rows of a store to a state, with selectable fields, and the owners of virtual IPs and node ports."""

from collections.abc import Iterable

import msgspec
from immutables import Map

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.environment import Kinds
from fairlead.registry.kinds.apiextensions.custom_resource_definition import STORAGE
from fairlead.registry.kinds.apiextensions.served import resource_table
from fairlead.registry.store import PODS, State, Stored, placement, seal

Row = tuple[str, ObjectKey, int, bytes]


def load_state(version: int, rows: Iterable[Row], kinds: Kinds) -> State:
    """The state of a store. An object holds the allocations that its deletion would release."""
    objects: dict[str, dict[ObjectKey, Stored]] = {}
    ips: dict[str, ObjectKey] = {}
    ports: dict[int, ObjectKey] = {}
    kept = list(rows)
    defined = resource_table({key: seal(msgspec.json.decode(doc), v, {}) for s, key, v, doc in kept if s == STORAGE})
    by_storage = {row.storage: row for row in defined.rows if not row.view_of}
    for storage, key, row_version, document in kept:
        resource = by_storage.get(storage)
        if resource is None:
            continue
        strategy = kinds.strategy(resource)
        parsed: Doc = msgspec.json.decode(document)
        strategy.on_read(parsed)
        objects.setdefault(storage, {})[key] = seal(parsed, row_version, strategy.fields)
        held = strategy.release(parsed)
        ips.update(dict.fromkeys(held.free_ips, key))
        ports.update(dict.fromkeys(held.free_ports, key))
    maps: Map[str, Map[ObjectKey, Stored]] = Map(
        {storage: Map(list(found.items())) for storage, found in objects.items()}
    )
    return State(version, version, maps, ips=Map(ips), ports=Map(ports), placed=placement(objects.get(PODS, {})))
