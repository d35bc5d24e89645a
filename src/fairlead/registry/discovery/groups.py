"""Discovery: versions, groups and resources, plain and aggregated.

Everything is derived from the table of resources and made once. Upstream: apiserver ``pkg/endpoints/discovery`` (plain
and ``aggregated``, KEP-3352). An aggregated answer must name its own form in Content-Type, or clients take it for a
plain one.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.model.kubernetes_version import MAJOR, MINOR, SERVED
from fairlead.registry.aggregation.extensions import Extensions
from fairlead.registry.discovery import openapi_v2
from fairlead.registry.discovery.aggregated import discoveries_with, groups_with
from fairlead.registry.discovery.openapi import openapi_document, openapi_index
from fairlead.registry.questions import Answers
from fairlead.registry.resources import BUILT_IN, Resource, ResourceTable, Subresource

BUILD_DATE = "2026-11-29T00:00:00Z"  # of the release
# The API level whose rules are followed. kubectl accepts servers within one minor version, and only warns beyond.
VERSION = {
    "major": MAJOR,
    "minor": MINOR,
    "gitVersion": SERVED,
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": BUILD_DATE,
    "goVersion": "",
    "compiler": "cpython",
    "platform": "linux/amd64",
}

KEPT = 256  # documents, of the latest few tables


class DiscoveryDocument(NamedTuple):
    """A discovery document and the content type it must be sent with."""

    body: bytes
    content_type: str = "application/json"


@lru_cache(maxsize=KEPT)
def tag_of(body: bytes) -> str:
    """The ETag of a document."""
    return f'"{hashlib.sha256(body).hexdigest()[:32].upper()}"'


def discover(
    path: str,
    accept: str,
    table: ResourceTable = BUILT_IN,
    others: Extensions = (),
    answers: Answers = MappingProxyType({}),
) -> DiscoveryDocument | None:
    """The discovery document at a path; None when there is none.

    Args:
        others: what other servers answer.

    Raises:
        Unanswered: the other servers must be queried first.
    """
    path = path.rstrip("/")
    if others and (found := _with_others(path, accept, table, others, answers)):
        return found
    if path in ("/api", "/apis"):
        form = _aggregated_form(accept)
        return _aggregated(path, form, table) if form else DiscoveryDocument(_PLAIN[path](table))
    if path in _PLAIN:
        return DiscoveryDocument(_PLAIN[path](table))
    if path.startswith("/openapi/"):
        return _openapi(path, accept, table)
    group_version = path.removeprefix("/apis/") if path.startswith("/apis/") else path.removeprefix("/api/")
    return _group_or_version(path, group_version, table)


def _with_others(
    path: str, accept: str, table: ResourceTable, others: Extensions, answers: Answers
) -> DiscoveryDocument | None:
    """The documents that other servers' parts of the API are in as well."""
    if path == "/apis" and (form := _aggregated_form(accept)):
        own = [_group_discovery(group, table) for group in table.groups]
        return _discovery_list(discoveries_with(own, others, answers), form)
    groups = groups_with((_group(name, table) for name in table.groups), others)
    if path == "/apis":
        return DiscoveryDocument(msgspec.json.encode({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
    group = next((each for each in groups if path == f"/apis/{each['name']}"), None)
    return DiscoveryDocument(msgspec.json.encode({"kind": "APIGroup", "apiVersion": "v1", **group})) if group else None


def _openapi(path: str, accept: str, table: ResourceTable) -> DiscoveryDocument | None:
    if path == openapi_v2.PATH:
        if openapi_v2.ACCEPTED in accept:
            return DiscoveryDocument(openapi_v2.openapi_v2_protobuf(table), openapi_v2.CONTENT_TYPE)
        return DiscoveryDocument(openapi_v2.openapi_v2_json(table))
    body = openapi_document(path.removeprefix("/openapi/v3/"), table)
    return DiscoveryDocument(body) if body else None


def _group_or_version(path: str, name: str, table: ResourceTable) -> DiscoveryDocument | None:
    if path.startswith("/apis/") and name in table.groups:
        return DiscoveryDocument(msgspec.json.encode({"kind": "APIGroup", "apiVersion": "v1", **_group(name, table)}))
    is_core = path.startswith("/api/")
    if name not in table.group_versions or ("/" not in name) != is_core:
        return None
    return DiscoveryDocument(_resource_list(name, table))


def _api_versions(table: ResourceTable) -> bytes:
    # The address is only a hint for clients in other networks, and no known client reads it.
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}]
    return msgspec.json.encode({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses})


def _api_groups(table: ResourceTable) -> bytes:
    groups = [_group(name, table) for name in table.groups]
    return msgspec.json.encode({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})


def _group(name: str, table: ResourceTable) -> Doc:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in _versions(name, table)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _versions(group: str, table: ResourceTable) -> list[str]:
    return list(dict.fromkeys(row.version for row in table.rows if row.group == group))


@lru_cache(maxsize=KEPT)
def _resource_list(group_version: str, table: ResourceTable) -> bytes:
    entries: list[Doc] = []
    for row in table.rows:
        if row.group_version == group_version:
            entries.append(_resource_entry(row))
            entries += [_subresource_entry(row, sub) for sub in row.subresources]
    document = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}
    return msgspec.json.encode(document)


def _resource_entry(row: Resource) -> Doc:
    entry: Doc = {
        "name": row.plural,
        "singularName": row.singular,
        "namespaced": row.namespaced,
        "kind": row.kind,
        "verbs": row.verbs,
    }
    if row.short_names:
        entry["shortNames"] = row.short_names
    if row.categories:
        entry["categories"] = row.categories
    return entry


def _subresource_entry(row: Resource, sub: Subresource) -> Doc:
    entry: Doc = {
        "name": f"{row.plural}/{sub.name}",
        "singularName": "",
        "namespaced": row.namespaced,
        "kind": sub.kind or row.kind,
        "verbs": sub.verbs,
    }
    if sub.group is not None:
        entry |= {"group": sub.group, "version": sub.version}
    return entry


def _aggregated_form(accept: str) -> str:
    """The version of the aggregated form that a client prefers; empty when it wants the plain one."""
    for media_range in accept.split(","):
        params = {part.strip() for part in media_range.split(";")}
        if {"g=apidiscovery.k8s.io", "as=APIGroupDiscoveryList"} <= params:
            for version in ("v2", "v2beta1"):
                if f"v={version}" in params:
                    return version
        elif "application/json" in params and not any(part.startswith("as=") for part in params):
            return ""
    return ""


@lru_cache(maxsize=KEPT)
def _aggregated(path: str, version: str, table: ResourceTable) -> DiscoveryDocument:
    groups = ("",) if path == "/api" else table.groups
    return _discovery_list([_group_discovery(group, table) for group in groups], version)


def _discovery_list(items: list[Doc], version: str) -> DiscoveryDocument:
    document = {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }
    content_type = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    return DiscoveryDocument(msgspec.json.encode(document), content_type)


def _group_discovery(group: str, table: ResourceTable) -> Doc:
    versions = [
        {
            "version": version,
            "freshness": "Current",
            "resources": [_discovery(r) for r in table.rows if (r.group, r.version) == (group, version)],
        }
        for version in _versions(group, table)
    ]
    return {"metadata": {"name": group, "creationTimestamp": None} if group else {}, "versions": versions}


def _discovery(row: Resource) -> Doc:
    entry: Doc = {
        "resource": row.plural,
        "responseKind": {"group": row.group, "version": row.version, "kind": row.kind},
        "scope": "Namespaced" if row.namespaced else "Cluster",
        "singularResource": row.singular,
        "verbs": row.verbs,
    }
    if row.short_names:
        entry["shortNames"] = row.short_names
    if row.categories:
        entry["categories"] = row.categories
    if row.subresources:
        entry["subresources"] = [_subresource_discovery(row, sub) for sub in row.subresources]
    return entry


def _subresource_discovery(row: Resource, sub: Subresource) -> Doc:
    group = row.group if sub.group is None else sub.group
    kind = {"group": group, "version": sub.version or row.version, "kind": sub.kind or row.kind}
    return {"subresource": sub.name, "responseKind": kind, "verbs": sub.verbs}


def _root(table: ResourceTable) -> bytes:
    """All paths that are not an object's or a collection's."""
    versions = sorted(name for name in table.group_versions if "/" in name)
    groups = [f"/apis/{name}" for name in (*table.groups, *versions)]
    found = ["/api", "/api/v1", "/apis", *groups, "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3"]
    found += ["/.well-known/openid-configuration", "/openid/v1/jwks", "/readyz", "/version"]
    return msgspec.json.encode({"paths": sorted(found)})


def _version(table: ResourceTable) -> bytes:
    return msgspec.json.encode(VERSION)


_PLAIN: dict[str, Callable[[ResourceTable], bytes]] = {
    "": _root,
    "/version": _version,
    "/api": _api_versions,
    "/apis": _api_groups,
    "/openapi/v3": openapi_index,
}
