"""Faults of a CustomResourceDefinition, besides those of its schemas.

Upstream: apiextensions-apiserver ``pkg/apis/apiextensions/validation/validation.go``.
"""

import re
from collections.abc import Iterator
from typing import Any

from fairlead.model.document import Doc, as_object
from fairlead.model.names import dns1035_label_errors, dns1123_subdomain_errors
from fairlead.registry.field_errors import FieldError, forbidden, invalid, not_supported, required
from fairlead.registry.kinds.apiextensions.json_path import BadPath, steps_of
from fairlead.registry.kinds.apiextensions.rule_checks import expressions_of
from fairlead.registry.kinds.apiextensions.schema_faults import schema_faults
from fairlead.registry.kinds.webhook_clients import client_faults, review_version_faults

APPROVED = "api-approved.kubernetes.io"
_SCOPES = ("Cluster", "Namespaced")
_CONVERSIONS = ("None", "Webhook")
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_PULL_REQUEST = re.compile(r"https://\S+/pull/\d+\S*|unapproved.*")


def definition_faults(document: Doc, old: Doc | None = None) -> list[FieldError]:
    """The faults of a definition whose defaults are filled in; ``old`` is the one that it takes the place of."""
    known = frozenset(_expressions(old)) if old else frozenset()
    return list(_faults(document, known))


def _expressions(stored: Doc) -> Iterator[str]:
    for version in stored["spec"]["versions"]:
        yield from expressions_of(version["schema"]["openAPIV3Schema"])


def _faults(document: Doc, known: frozenset[str]) -> Iterator[FieldError]:
    spec = as_object(document.get("spec"))
    names, group = as_object(spec.get("names")), str(spec.get("group") or "")
    wanted = f"{names.get('plural', '')}.{group}"
    if document["metadata"].get("name") != wanted:
        yield invalid("metadata.name", document["metadata"].get("name"), 'must be spec.names.plural+"."+spec.group')
    yield from _group(group, document["metadata"].get("annotations") or {})
    scope = spec.get("scope")
    if scope not in _SCOPES:
        yield not_supported("spec.scope", scope, _SCOPES) if scope else required("spec.scope")
    yield from _names(names)
    yield from _versions(spec, known)
    yield from _conversion(as_object(spec.get("conversion")))


def _group(group: str, annotations: Doc) -> Iterator[FieldError]:
    if not group:
        yield required("spec.group")
    elif "." not in group:
        yield invalid("spec.group", group, "should be a domain with at least one dot")
    else:
        yield from (invalid("spec.group", group, why) for why in dns1123_subdomain_errors(group))
    if group.endswith((".k8s.io", ".kubernetes.io")) or group in ("k8s.io", "kubernetes.io"):
        yield from _approval(annotations.get(APPROVED))


def _approval(approved: str | None) -> Iterator[FieldError]:
    """Kinds in Kubernetes' own groups need an approval annotation (KEP-1111)."""
    see = "see https://github.com/kubernetes/enhancements/pull/1111"
    path = f"metadata.annotations[{APPROVED}]"
    if not approved:
        yield required(path, f'protected groups must have approval annotation "{APPROVED}", {see}')
    elif not _PULL_REQUEST.fullmatch(approved):
        why = f'protected groups must have approval annotation "{APPROVED}" with either a URL or a reason starting'
        yield invalid(path, approved, f'{why} with "unapproved", {see}')


def _names(names: Doc) -> Iterator[FieldError]:
    for field, is_kind in (("plural", False), ("singular", False), ("kind", True), ("listKind", True)):
        value = names.get(field)
        if not value:
            yield required(f"spec.names.{field}")
            continue
        yield from (invalid(f"spec.names.{field}", value, why) for why in _label(value, is_kind))
    for field in ("shortNames", "categories"):
        for index, value in enumerate(names.get(field) or ()):
            yield from (invalid(f"spec.names.{field}[{index}]", value, why) for why in _label(value, False))
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        yield invalid("spec.names.listKind", names["listKind"], "kind and listKind may not be the same")


def _label(value: Any, is_kind: bool) -> list[str]:
    if not is_kind:
        return dns1035_label_errors(str(value))
    mixed = "may have mixed case, but should otherwise match"
    return [f"{mixed}: {why}" for why in dns1035_label_errors(str(value).lower())]


def _versions(spec: Doc, known: frozenset[str]) -> Iterator[FieldError]:
    versions = [as_object(version) for version in spec.get("versions") or ()]
    if not versions:
        yield required("spec.versions", "must have exactly one version marked as storage version")
    elif sum(bool(version.get("storage")) for version in versions) != 1:
        yield invalid("spec.versions", versions, "must have exactly one version marked as storage version")
    names = [version.get("name") for version in versions]
    if len(set(map(str, names))) < len(names):
        yield invalid("spec.versions", names, "must contain unique version names")
    for index, version in enumerate(versions):
        yield from _version(version, known, f"spec.versions[{index}]")


def _version(version: Doc, known: frozenset[str], path: str) -> Iterator[FieldError]:
    name = version.get("name") or ""
    yield from (invalid(f"{path}.name", name, why) for why in dns1035_label_errors(name))
    for field in ("served", "storage"):
        if not isinstance(version.get(field), bool):
            yield required(f"{path}.{field}")
    schema = as_object(version.get("schema")).get("openAPIV3Schema")
    if not isinstance(schema, dict):
        yield required(f"{path}.schema.openAPIV3Schema", "schemas are required")
    else:
        yield from schema_faults(schema, f"{path}.schema.openAPIV3Schema", known)
    if version.get("deprecationWarning") and not version.get("deprecated"):
        warning = version["deprecationWarning"]
        yield invalid(f"{path}.deprecationWarning", warning, "can only be set for deprecated versions")
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        yield from _column(as_object(column), f"{path}.additionalPrinterColumns[{index}]")
    yield from _subresources(as_object(version.get("subresources")), f"{path}.subresources")


def _column(column: Doc, path: str) -> Iterator[FieldError]:
    for field in ("name", "type", "jsonPath"):
        if not column.get(field):
            yield required(f"{path}.{field}")
    if column.get("type") and column["type"] not in _COLUMN_TYPES:
        yield not_supported(f"{path}.type", column["type"], _COLUMN_TYPES)


def _subresources(subresources: Doc, path: str) -> Iterator[FieldError]:
    if not isinstance(scale := subresources.get("scale"), dict):
        return
    for field, below in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        value = scale.get(field)
        if not value:
            yield required(f"{path}.scale.{field}")
        elif not value.startswith(below):
            yield invalid(f"{path}.scale.{field}", value, f"should be a json path under {below[:-1]}")
        yield from _path(value, f"{path}.scale.{field}")
    yield from _path(scale.get("labelSelectorPath"), f"{path}.scale.labelSelectorPath")


def _path(value: Any, path: str) -> Iterator[FieldError]:
    if not value:
        return
    try:
        steps_of(str(value))
    except BadPath as error:
        yield invalid(path, value, str(error))


def _conversion(conversion: Doc) -> Iterator[FieldError]:
    strategy = conversion.get("strategy") or ""
    if strategy not in _CONVERSIONS:
        yield not_supported("spec.conversion.strategy", strategy, _CONVERSIONS)
    elif strategy == "Webhook":
        yield from _conversion_webhook("spec.conversion", conversion.get("webhook") or {})
    elif conversion.get("webhook"):
        yield forbidden("spec.conversion.webhook", "should not be set when strategy is not set to Webhook")


def _conversion_webhook(path: str, webhook: Doc) -> Iterator[FieldError]:
    if not webhook.get("clientConfig"):
        yield required(f"{path}.webhookClientConfig", "required when strategy is set to Webhook")
    else:
        yield from client_faults(f"{path}.webhookClientConfig", webhook["clientConfig"])
    yield from review_version_faults(f"{path}.conversionReviewVersions", webhook.get("conversionReviewVersions") or [])
