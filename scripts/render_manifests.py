"""Writes ``deploy/manifests`` and ``deploy/rbac``: plain manifests for each part, as the chart makes them.

With ``--check`` it writes nothing, and fails where a file is not what it would write.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
CHART, TARGET = ROOT / "deploy" / "chart" / "fairlead", ROOT / "deploy"
HEADER = "# Made from the chart by scripts/render_manifests.py: change it there.\n"
ONLY_DNS_OFF = {"dns": {"enabled": False}}
POOLS = ["192.0.2.0/24"]  # to be replaced by addresses of the nodes' link
PARTS: dict[str, dict[str, Any]] = {
    "dns": {"dns": {"service": {"create": False}}},
    "proxy": {**ONLY_DNS_OFF, "proxy": {"enabled": True}},
    "announcer": {**ONLY_DNS_OFF, "announcer": {"enabled": True, "pools": POOLS}},
    "controllers": {**ONLY_DNS_OFF, "controllers": {"enabled": True, "loadBalancerPools": POOLS}},
    "explain": {**ONLY_DNS_OFF, "explain": {"enabled": True}},
}
_OF_RIGHTS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")


def files() -> Iterator[tuple[Path, str]]:
    """Each file, and what it is to say."""
    import helm_python as helm

    with helm.Chart.load(CHART) as chart:
        for part, values in PARTS.items():
            texts = chart.render(values, name="fairlead", namespace="kube-system")
            documents = [d for _, text in sorted(texts.items()) for d in _documents(text)]
            yield TARGET / "rbac" / f"{part}.yaml", _dump([d for d in documents if d["kind"] in _OF_RIGHTS])
            others = [d for d in documents if d["kind"] not in _OF_RIGHTS]
            if others:
                yield TARGET / "manifests" / f"{part}.yaml", _dump(others)


def _documents(text: str) -> Iterator[dict[str, Any]]:
    try:
        yield from (d for d in yaml.safe_load_all(text) if isinstance(d, dict) and "kind" in d)
    except yaml.YAMLError:
        return  # the notes


def _dump(documents: list[dict[str, Any]]) -> str:
    for document in documents:
        _forget_helm(document)
    return HEADER + yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True)


def _forget_helm(value: Any) -> None:
    """Leave out the labels that say that Helm has made it."""
    if isinstance(value, dict):
        for label in ("app.kubernetes.io/managed-by", "app.kubernetes.io/instance"):
            value.pop(label, None)
        for each in value.values():
            _forget_helm(each)
    elif isinstance(value, list):
        for each in value:
            _forget_helm(each)


def main() -> int:
    """Write the files, or compare them."""
    wrong = []
    for path, text in files():
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            wrong.append(path)
    for path in wrong:
        print(f"{path.relative_to(ROOT)} is not what the chart makes: run scripts/render_manifests.py")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
