"""When a container is started again: its own policy and rules.

Upstream: ``validateContainerRestartPolicy`` in pkg/apis/core/validation/validation.go; KEP-5307.
"""

from collections.abc import Iterator

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, required
from fairlead.registry.kinds.value_rules import one_of

_POLICIES = ("Always", "Never", "OnFailure")
_ACTIONS = ("Restart", "RestartAllContainers")
_OPERATORS = ("In", "NotIn")


def validate_restarts(path: str, container: Doc) -> Iterator[FieldError]:
    """The faults of a container's restart policy and of its rules, which need a policy beside them."""
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    if policy is not None:
        yield from one_of(f"{path}.restartPolicy", policy, _POLICIES)
    elif rules:
        yield required(f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used")
    for index, rule in enumerate(rules):
        yield from _rule(f"{path}.restartPolicyRules[{index}]", rule)


def _rule(path: str, rule: Doc) -> Iterator[FieldError]:
    yield from one_of(f"{path}.action", rule.get("action", ""), _ACTIONS)
    codes = rule.get("exitCodes")
    if codes is None:
        yield required(f"{path}.exitCodes", "must be specified")
    else:
        yield from one_of(f"{path}.exitCodes.operator", codes.get("operator", ""), _OPERATORS)
