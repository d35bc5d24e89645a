"""The Python API: what the public packages export, by mkdocstrings."""

import importlib

PACKAGES = {
    "fairlead.lab": "Labs as objects; [testing.md](../testing.md) shows how to use them.",
    "fairlead.client": "Clients of headless Services; [client.md](../client.md) shows how to use them.",
}


def exported() -> list[tuple[str, str]]:
    """Package and name of everything that is exported."""
    return [(package, name) for package in PACKAGES for name in importlib.import_module(package).__all__]


def python_page() -> str:
    parts = ["# Python API\n", "Fixtures of the pytest plugin are in [testing.md](../testing.md).\n"]
    for package, text in PACKAGES.items():
        parts += [f"## {package}\n", f"{text}\n"]
        for _, name in filter(lambda each: each[0] == package, exported()):
            parts += [f"::: {package}.{name}\n"]
    return "\n".join(parts)
