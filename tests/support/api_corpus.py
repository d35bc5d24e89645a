"""Documents of every kind that the API server stores, as users write them, and what must be stored of each.

Both are written down in ``tests/support/documents``: what is given, what of it is stored in another form, and what the
server adds. Pod specs are tried in Pods and in each kind that has a Pod template; everything else stands by itself.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from fairlead.registry.schemas.canonical import _plan
from fairlead.registry.schemas.catalogue import Cardinality, fields_of
from tests.support.api_world import ApiWorld

Doc = dict[str, Any]

FOLDER = Path(__file__).parent / "documents"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Case(NamedTuple):
    """A document.

    Attributes:
        given: its fields, without apiVersion, kind and name.
        stored: the fields that must be stored.
        named: the object's name; those of some kinds follow from their spec.
        repeats: it has a Pod template that a Deployment of the corpus has too.
    """

    text: str
    kind: str
    given: Doc
    stored: Doc
    named: str = "x"
    repeats: bool = False


def corpus() -> list[Case]:
    """All documents."""
    files = {path.stem: yaml.load(path.read_text(), _LOADER) for path in sorted(FOLDER.glob("*.yaml"))}
    pods = files.pop("pods")
    kinds = {kind: rows for file in files.values() for kind, rows in file.items() if kind != "sets"}
    return [case for kind, rows in kinds.items() for case in (*_around_pods(kind, rows, pods), *_alone(kind, rows))]


def world_of_the_corpus() -> ApiWorld:
    """A cluster with what the documents name. Its default account asks for no token: most Pods have no drawn name."""
    world, accounts = ApiWorld(), "/api/v1/namespaces/default/serviceaccounts"
    world.do("POST", accounts, {"metadata": {"name": "default"}, "automountServiceAccountToken": False})
    world.do("POST", accounts, {"metadata": {"name": "automounts"}, "imagePullSecrets": [{"name": "registry"}]})
    return world


def _around_pods(kind: str, rows: Doc, pods: Doc) -> Iterator[Case]:
    """The documents of a kind that have one of the Pod specs."""
    if "pod" not in rows:
        return
    every = [at(rows["pod"], pods["every"]), rows.get("every", {}), *([pods["every Pod"]] if kind == "Pod" else [])]
    for row in pods["specs"]:
        if kind not in row.get("only", [kind]):
            continue
        given = together(rows["given"], at(rows["pod"], row["given"]))
        changes, adds = (at(rows["pod"], row.get(part, {})) for part in ("changes", "adds"))
        of_a_pod = row.get("in a Pod", {}) if kind == "Pod" else {}
        stored = expected(given, changes, [adds, of_a_pod], every)
        yield Case(f"{kind}: {row['name']}", kind, given, stored, repeats=kind not in ("Pod", "Deployment"))


def _alone(kind: str, rows: Doc) -> Iterator[Case]:
    """The documents of a kind that stand by themselves."""
    for row in rows.get("documents", ()):
        changes, adds = row.get("changes", {}), row.get("adds", {})
        stored = expected(row["given"], changes, [adds], [rows.get("every", {})])
        yield Case(f"{kind}: {row['name']}", kind, row["given"], stored, row.get("named", "x"))


def expected(given: Doc, changes: Doc, adds: list[Doc], every: list[Doc]) -> Doc:
    """What must be stored of a document.

    Args:
        changes: values of ``given`` in another form.
        adds: what comes to it; nothing that is there already.
        every: what comes to every document of the kind where it has nothing.
    """
    stored = without_nulls(changed(given, changes))
    for each in adds:
        stored = together(stored, each)
    for each in every:
        stored = filled(stored, each)
    return without_nulls(stored)


def at(path: str, value: Any) -> Doc:
    """The document that has only this value, at a path such as ``spec.template``."""
    for name in reversed(path.split(".")):
        value = {name: value}
    return value


def changed(given: Any, changes: Any) -> Any:
    """Values with others in their place, which must differ."""
    if isinstance(changes, dict) and isinstance(given, dict):
        assert given.keys() >= changes.keys(), f"{changes} changes what is not given: {given}"
        return {key: changed(value, changes[key]) if key in changes else value for key, value in given.items()}
    if isinstance(changes, list) and isinstance(given, list) and given:
        rest = given[len(changes) :]
        return [*(changed(*pair) for pair in zip(given[: len(changes)], changes, strict=True)), *rest]
    assert given != changes or given is None, f"{given} is no change"
    return changes


def together(document: Any, more: Any) -> Any:
    """Values and others that come to them: fields to objects, and to lists fields of each element, and further ones."""
    if isinstance(document, dict) and isinstance(more, dict):
        both = {key: together(document[key], value) for key, value in more.items() if key in document}
        return {**document, **more, **both}
    if isinstance(document, list) and isinstance(more, list):
        common = min(len(document), len(more))
        pairs = [together(*pair) for pair in zip(document[:common], more[:common], strict=True)]
        return [*pairs, *document[common:], *more[common:]]
    raise AssertionError(f"{more} is added where there is {document}")


def filled(document: Doc, every: Doc) -> Doc:
    """A document with further fields where it has none."""
    result = {**every, **document}
    for key in every.keys() & document.keys():
        if isinstance(every[key], dict) and isinstance(document[key], dict):
            result[key] = filled(document[key], every[key])
    return result


def without_nulls(value: Any) -> Any:
    """A value without the fields of objects that are null."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def spelled_out(type_name: str, document: Doc) -> Doc:
    """The same document with every optional field that Go would leave out, each with its empty value."""
    fields = fields_of(type_name)
    result = {name: _spelled(fields[name], value) for name, value in document.items() if name in fields}
    for name in _plan(type_name).optional - document.keys() - {"metadata", "status"}:
        result[name] = _empty(fields[name])
    return result


def _spelled(field, value):
    if not fields_of(field.name):
        return value
    match field.container:
        case Cardinality.LIST:
            return [spelled_out(field.name, item) for item in value]
        case Cardinality.MAP:
            return {key: spelled_out(field.name, item) for key, item in value.items()}
        case _:
            return spelled_out(field.name, value)


def _empty(field):
    if field.container is not Cardinality.NONE:
        return [] if field.container is Cardinality.LIST else {}
    return {"string": "", "boolean": False}.get(field.name, 0)
