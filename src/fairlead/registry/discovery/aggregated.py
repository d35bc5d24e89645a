"""Discovery for other servers' parts of the API: their groups, versions and resources.

Groups and versions are known from APIServices; each server reports its own resources. A server that does not answer has
none, and its version is marked stale, so that clients can report it.
Upstream: kube-aggregator ``pkg/apiserver/handler_discovery.go``.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from fairlead.model.document import Doc
from fairlead.registry.aggregation.availability import question
from fairlead.registry.aggregation.extensions import Extension, Extensions
from fairlead.registry.questions import Answers, ServerAnswer, answers_to


def groups_with(groups: Iterable[Doc], others: Extensions) -> list[Doc]:
    """The groups of an APIGroupList, and those of other servers."""
    found = {group["name"]: group for group in groups}
    for each in others:
        version = {"groupVersion": each.group_version, "version": each.version}
        known = found.setdefault(each.group, {"name": each.group, "versions": [], "preferredVersion": version})
        known["versions"] = [*known["versions"], version]
    return list(found.values())


def discoveries_with(groups: Iterable[Doc], others: Extensions, answers: Answers) -> list[Doc]:
    """The items of an APIGroupDiscoveryList, and those of other servers.

    Raises:
        Unanswered: these must be queried first.
    """
    found = {group["metadata"].get("name", ""): group for group in groups}
    told = answers_to(map(question, others), answers)
    for each, answer in zip(others, told, strict=True):
        known = found.setdefault(each.group, {"metadata": {"name": each.group}, "versions": []})
        known["versions"] = [*known["versions"], _version(each, answer)]
    return list(found.values())


def _version(extension: Extension, answer: ServerAnswer) -> Doc:
    entries = _resources(answer)
    if entries is None:
        return {"version": extension.version, "freshness": "Stale"}
    resources = {each["name"]: _resource(each, extension) for each in entries if "/" not in each["name"]}
    for each in entries:
        holder, _, side = each["name"].partition("/")
        if side and holder in resources:
            entry = {"subresource": side, "responseKind": _kind(each, extension), "verbs": each.get("verbs") or []}
            resources[holder].setdefault("subresources", []).append(entry)
    return {"version": extension.version, "freshness": "Current", "resources": list(resources.values())}


class _Entry(msgspec.Struct):
    name: str


class _List(msgspec.Struct):
    resources: list[dict[str, Any]] = []


def _resources(answer: ServerAnswer) -> list[Doc] | None:
    """The entries of an APIResourceList; None when it is none."""
    if answer.failure:
        return None
    try:
        found = msgspec.json.decode(answer.body, type=_List).resources
        msgspec.convert(found, list[_Entry])
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None
    return found


def _resource(entry: Doc, extension: Extension) -> Doc:
    found: Doc = {
        "resource": entry["name"],
        "responseKind": _kind(entry, extension),
        "scope": "Namespaced" if entry.get("namespaced") else "Cluster",
        "singularResource": entry.get("singularName") or "",
        "verbs": entry.get("verbs") or [],
    }
    return found | {name: entry[name] for name in ("shortNames", "categories") if entry.get(name)}


def _kind(entry: Doc, extension: Extension) -> Doc:
    group, version = entry.get("group") or extension.group, entry.get("version") or extension.version
    return {"group": group, "version": version, "kind": entry.get("kind") or ""}
