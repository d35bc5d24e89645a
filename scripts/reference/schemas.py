"""JSON schemas: of what commands print, and of configuration files."""

import json
from pathlib import Path

import msgspec
from scripts.reference.configuration import FILES
from scripts.reference.source import ROOT

PUBLISHED = ROOT / "src" / "fairlead" / "explain" / "schemas"


def schemas() -> dict[str, str]:
    """Title and JSON schema of each format."""
    printed = {f"Output: {path.name.partition('.')[0]}": path.read_text() for path in sorted(PUBLISHED.glob("*.json"))}
    files = {f"File: {title[0].lower()}{title[1:]}": _of(struct) for title, (_, struct) in FILES.items()}
    chart = {"Values of the Helm chart": Path(ROOT, "deploy/chart/fairlead/values.schema.json").read_text()}
    return printed | files | chart


def _of(struct: type[msgspec.Struct]) -> str:
    return json.dumps(msgspec.json.schema(struct), indent=2)


def schemas_page() -> str:
    parts = ["# JSON schemas\n", "JSON Schema 2020-12. `-o json` prints documents of the first two kinds.\n"]
    for title, text in schemas().items():
        parts += [f"## {title}\n", f"```json\n{text.strip()}\n```\n"]
    return "\n".join(parts)
