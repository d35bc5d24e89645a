"""Metrics: asked of the collectors themselves where they can be made without a server, read in the source else."""

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from scripts.reference.source import calls, modules

PARTS = {
    "app/announcer": "announcer",
    "drivers/apiserver": "API server",
    "drivers/dns": "DNS server",
    "drivers/kube": "every part",
    "drivers/proxy": "node proxy",
    "app/proxy": "node proxy",
}
KINDS = {"counter": "counter", "gauge": "gauge", "histogram": "histogram", "sizes": "histogram", "by_code": "counter"}
_NAME = re.compile(r"^(?:\{sync\}_)?[a-z]+(?:_[a-z0-9]+)+$")


class MetricRow(NamedTuple):
    """A metric as Prometheus sees it."""

    name: str
    kind: str
    text: str
    part: str


def metrics() -> Iterator[MetricRow]:
    """Every metric that the source makes, in its order."""
    for path, tree in modules():
        part = next((name for prefix, name in PARTS.items() if path.startswith(prefix)), None)
        constants = _constants(tree)
        for function, call in calls(tree):
            kind = _kind(function)
            if part and kind and len(call.args) > 1 and _NAME.match(name := _text(call.args[0], constants)):
                yield MetricRow(_full_name(name, kind, function), kind, _text(call.args[1], constants), part)
        if part:
            yield from (MetricRow(f"{name}_total", "counter", text, part) for name, text in _in_tables(tree))


def _in_tables(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Counters that are rows of a table: name, description, value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple) and len(node.elts) >= 3:
            name, text = (_text(element, {}) for element in node.elts[:2])
            if name.startswith(("coredns_", "fairlead_")) and text:
                yield name, text


def _kind(function: str) -> str | None:
    """Counter, gauge or histogram, if a function of this name makes one."""
    plain = function.strip("_").removesuffix("MetricFamily").lower()
    return KINDS.get(plain)


def _full_name(name: str, kind: str, function: str) -> str:
    if function in ("histogram", "gauge", "counter", "by_code") and not name.startswith("fairlead_"):  # of ProxyMetrics
        name = f"kubeproxy_{name}"
    is_total = kind == "counter" and not name.endswith("_total")
    return f"{name}_total" if is_total else name


def _constants(tree: ast.Module) -> dict[str, str]:
    """Names that stand for one text in a module."""
    return {
        target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _text(node: ast.expr, constants: dict[str, str]) -> str:
    """The text of an expression of constants; "" of any other."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return constants.get(node.id, "")
    if isinstance(node, ast.JoinedStr):
        return "".join(
            _text(part.value if isinstance(part, ast.FormattedValue) else part, constants) for part in node.values
        )
    return ""


_INTRODUCTION = """\
Each part answers on `/metrics` in Prometheus' text format. Names are upstream's where upstream has them, so that its
dashboards work; alert rules and dashboards are in `deploy/monitoring`. Each process also has `process_*`.
"""


def metrics_page() -> str:
    parts = ["# Metrics\n", _INTRODUCTION]
    rows = sorted(set(metrics()), key=lambda row: (row.part, row.name))
    for part in sorted({row.part for row in rows}):
        parts += [f"## {part[0].upper()}{part[1:]}\n", "| metric | kind | |", "|---|---|---|"]
        parts += [f"| `{row.name}` | {row.kind} | {row.text} |" for row in rows if row.part == part]
        parts += [""]
    return "\n".join(parts)
