"""Checks of permissions: apiserver ``pkg/cel/library/authz.go``. The authorizer is in ``registry.admission``."""

from celpy import celtypes

from fairlead.registry.cel.functions.results import Function, text, truth

FUNCTIONS: dict[str, Function] = {
    "group": lambda authorizer, group: authorizer.check(group=str(group)),
    "path": lambda authorizer, path: authorizer.check(path=str(path)),
    "serviceAccount": lambda authorizer, namespace, name: authorizer.account(str(namespace), str(name)),
    "resource": lambda check, resource: check.narrowed(resource=str(resource)),
    "subresource": lambda check, subresource: check.narrowed(subresource=str(subresource)),
    "namespace": lambda check, namespace: check.narrowed(namespace=str(namespace)),
    "name": lambda check, name: check.narrowed(name=str(name)),
    "check": lambda check, verb: check.decide(str(verb)),
    "allowed": truth(lambda decision: decision.is_allowed),
    "reason": text(lambda decision: decision.why),
    "errored": lambda decision: celtypes.BoolType(False),
    "error": lambda decision: celtypes.StringType(""),
}
