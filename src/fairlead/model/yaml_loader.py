"""YAML as far as JSON goes: what Kubernetes reads of it.

PyYAML's safe loader makes dates of ``2026-01-01T00:00:00Z`` and numbers to the base of sixty of ``80:80``. JSON has
neither, and neither has sigs.k8s.io/yaml, by which kubectl and the API server read YAML: to them both are text. JSON's
keys are texts: a key that YAML takes for something else (``on``, ``8080``) is the text of what it was taken for.

PyYAML's loader in C calls itself for each level, so a text that is nested too deep would end the whole process.
"""

import re
from functools import cache
from typing import Any

DEEPEST = 200  # levels
_MANY = 10_000  # levels that the loader can read
_DASHES = re.compile(r"(?:[-?] ){1000}")

_TIMESTAMP = "tag:yaml.org,2002:timestamp"
# YAML 1.1's, without those that hold a colon.
_NUMBERS = {
    "tag:yaml.org,2002:int": re.compile(r"[-+]?(0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"),
    "tag:yaml.org,2002:float": re.compile(
        r"([-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
    ),
}


class NotYaml(ValueError):
    """A text that is not YAML, or is nested too deep; the message says where."""


def yaml_document(text: str) -> Any:
    """The only document of a text; None for an empty one.

    Raises:
        NotYaml: it is not YAML, or has several documents.
    """
    first, *others = yaml_documents(text) or [None]
    if others:
        raise NotYaml("expected a single document in the stream, but found another document")
    return first


def yaml_documents(text: str) -> list[Any]:
    """The documents of a text; None for each empty one.

    Raises:
        NotYaml: it is not YAML.
    """
    import yaml

    try:
        _check_depth(text)
        return list(yaml.load_all(text, Loader=json_loader()))
    except (yaml.YAMLError, RecursionError) as error:
        raise NotYaml(str(error)) from error


def _check_depth(text: str) -> None:
    """Only brackets, and dashes in one line, can nest so deep in little space; all else is not looked at."""
    import yaml

    if text.count("[") + text.count("{") < _MANY and not _DASHES.search(text):
        return
    depth = 0
    for event in yaml.parse(text, Loader=json_loader()):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise NotYaml(f"nested deeper than {DEEPEST} levels")


@cache
def json_loader() -> Any:
    """The class of PyYAML's safe loader with the types of JSON alone; in C where PyYAML was built so."""
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    loader = type("JsonLoader", (base,), {"construct_mapping": _construct_mapping})
    loader.yaml_implicit_resolvers = {  # type: ignore[attr-defined]
        first: [(tag, _NUMBERS.get(tag, regexp)) for tag, regexp in resolvers if tag != _TIMESTAMP]
        for first, resolvers in base.yaml_implicit_resolvers.items()
    }
    return loader


def _construct_mapping(loader: Any, node: Any, deep: bool = False) -> dict[str, Any]:
    loader.flatten_mapping(node)
    pairs = (
        (loader.construct_object(key, deep=True), loader.construct_object(value, deep)) for key, value in node.value
    )
    return {_key(key): value for key, value in pairs}


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    return str(key).lower() if isinstance(key, bool) else "null" if key is None else str(key)
