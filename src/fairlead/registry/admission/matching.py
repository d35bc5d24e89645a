"""Whether a webhook or policy applies to an attempt: its rules, and its selectors of namespaces and objects.

Upstream: apiserver ``pkg/admission/plugin/webhook/predicates/{rules,namespace,object}``, ``generic/webhook.go``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.model.labels import Selector, matches, requirements
from fairlead.model.objects import LabelSelector
from fairlead.registry.admission.attempt import Attempt
from fairlead.registry.resources import Resource, ResourceTable

ADMISSION = "admissionregistration.k8s.io"
# Objects that configure admission are never subject to it: otherwise a wrong configuration could not be deleted.
OF_POLICIES = frozenset(
    {"validatingadmissionpolicies", "validatingadmissionpolicybindings"}
    | {"mutatingadmissionpolicies", "mutatingadmissionpolicybindings"}
)
OF_WEBHOOKS = OF_POLICIES | {"mutatingwebhookconfigurations", "validatingwebhookconfigurations"}
_ANY = "*"


class MatchRule(NamedTuple):
    """Operations on resources. ``resources`` are (plural, subresource); ``names`` is empty for all."""

    operations: frozenset[str]
    groups: frozenset[str]
    versions: frozenset[str]
    resources: tuple[tuple[str, str], ...]
    scope: str
    names: frozenset[str] = frozenset()

    def wants(self, attempt: Attempt, resource: Resource) -> bool:
        """Whether the rule matches the attempt, seen as one on ``resource``."""
        return (
            _has(self.operations, attempt.operation)
            and _has(self.groups, resource.group)
            and _has(self.versions, resource.version)
            and any(
                plural in (_ANY, resource.plural) and side in (_ANY, attempt.side) for plural, side in self.resources
            )
            and self._has_scope(attempt)
            and (not self.names or attempt.name in self.names)
        )

    def _has_scope(self, attempt: Attempt) -> bool:
        is_namespaced = not attempt.is_namespace and bool(attempt.namespace)
        return self.scope == _ANY or (self.scope == "Namespaced") == is_namespaced


def _has(wanted: frozenset[str], given: str) -> bool:
    return given in wanted or _ANY in wanted


def read_rule(rule: Doc) -> MatchRule:
    """A rule of a stored configuration."""
    return MatchRule(
        frozenset(rule.get("operations") or ()),
        frozenset(rule.get("apiGroups") or ()),
        frozenset(rule.get("apiVersions") or ()),
        tuple(each.partition("/")[::2] for each in rule.get("resources") or ()),
        rule.get("scope") or _ANY,
        frozenset(rule.get("resourceNames") or ()),
    )


class Matcher(NamedTuple):
    """The matching criteria of a webhook, a policy or a binding.

    Attributes:
        rules: None for a binding that leaves them to its policy.
        exclusions: rules that take precedence, for attempts that do not match.
        is_exact: the rules match only the version of the request, not equivalent ones.
    """

    rules: tuple[MatchRule, ...] | None
    exclusions: tuple[MatchRule, ...]
    namespaces: Selector
    objects: Selector
    is_exact: bool

    def resource(self, attempt: Attempt, table: ResourceTable) -> Resource | None:
        """The resource under which it matches the attempt; None if it does not."""
        if not self._selects(attempt):
            return None
        if any(attempt.resource is found for found in self._matched(self.exclusions, attempt, table)):
            return None
        if self.rules is None:
            return attempt.resource
        return next(self._matched(self.rules, attempt, table), None)

    def _matched(self, rules: Iterable[MatchRule], attempt: Attempt, table: ResourceTable) -> Iterator[Resource]:
        own = attempt.resource
        if any(rule.wants(attempt, own) for rule in rules):
            yield own
        elif not self.is_exact:
            others = equivalents(own, table)
            yield from (other for rule in rules for other in others if rule.wants(attempt, other))

    def _selects(self, attempt: Attempt) -> bool:
        lies_somewhere = attempt.namespace or attempt.is_namespace
        if lies_somewhere and not matches(self.namespaces, attempt.namespace_labels):
            return False
        return not self.objects or any(matches(self.objects, labels) for labels in _labels(attempt))


def _labels(attempt: Attempt) -> Iterator[Mapping[str, str]]:
    """Of the objects of an attempt that can have labels at all."""
    for document in (attempt.new, attempt.old):
        if document is not None and isinstance(document.get("metadata"), dict):
            yield document["metadata"].get("labels") or {}


def read_matcher(document: Doc, rules: str, exclusions: str = "") -> Matcher:
    """Read the matcher of a stored webhook or of ``matchConstraints``.

    Args:
        rules, exclusions: the fields that have them.
    """
    found = document.get(rules)
    return Matcher(
        tuple(map(read_rule, found)) if found is not None else None,
        tuple(map(read_rule, document.get(exclusions) or ())),
        _selector(document.get("namespaceSelector")),
        _selector(document.get("objectSelector")),
        document.get("matchPolicy") == "Exact",
    )


def _selector(selector: Doc | None) -> Selector:
    return requirements(msgspec.convert(selector or {}, LabelSelector))


def equivalents(resource: Resource, table: ResourceTable) -> list[Resource]:
    """The other resources that show the same objects."""
    return [row for row in table.rows if row.storage == resource.storage and row is not resource]


def is_exempt(resource: Resource, plurals: frozenset[str]) -> bool:
    """Whether a resource is one of those that are not subject to webhooks, or to policies."""
    return resource.group == ADMISSION and resource.plural in plurals
