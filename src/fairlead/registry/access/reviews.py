"""Reviews of identity and access, and tokens: computed answers that are not stored.

``registry.access.authorization`` makes the decisions. Kinds are those of authentication.k8s.io and authorization.k8s.io
(KEP-3325 for SelfSubjectReview).
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from fairlead.model.document import Doc
from fairlead.registry import field_errors
from fairlead.registry.access.authorization import decide, rules_of
from fairlead.registry.access.node_authorizer import UNENUMERATED, node_of
from fairlead.registry.access.node_restriction import check_token
from fairlead.registry.access.rules import AccessRule, Attributes
from fairlead.registry.access.service_account_tokens import ISSUER, TokenSpec, token_claims
from fairlead.registry.documents import bodies
from fairlead.registry.environment import Write
from fairlead.registry.requests import User, write_options
from fairlead.registry.schemas.decode import decode
from fairlead.registry.status import invalid
from fairlead.registry.verbs.call import Call, Handler, Reply


def _body(call: Call, group_version: str, kind: str) -> Doc:
    document = bodies.parse_object(call.request.body, call.request.content_type)
    write_options(call.request)
    bodies.check_kind(document, group_version, kind)
    return decode(group_version, kind, document).document


def _reply(document: Doc, status: Doc) -> Reply:
    document.setdefault("metadata", {"creationTimestamp": None})
    return Reply(msgspec.json.encode({**document, "status": status}), 201)


def _own_body(call: Call) -> Doc:
    return _body(call, call.resource.group_version, call.resource.kind)


def _access(call: Call) -> Reply:
    document = _own_body(call)
    spec = document.get("spec") or {}
    if bool(spec.get("resourceAttributes")) == bool(spec.get("nonResourceAttributes")):
        detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        fault = field_errors.invalid("spec.resourceAttributes", None, detail)
        raise invalid(call.resource.kind, "", [fault], call.resource.group)
    _check_namespace(call, spec)
    user = call.request.user if call.resource.kind == "SelfSubjectAccessReview" else _user_of(spec)
    verdict = decide(_attributes(call, user, spec), call.state)
    return _reply(document, {"allowed": verdict.allowed, **({"reason": verdict.reason} if verdict.reason else {})})


def _check_namespace(call: Call, spec: Doc) -> None:
    """A review in a namespace must be about that namespace, so that its author learns nothing about others."""
    asked, own = (spec.get("resourceAttributes") or {}).get("namespace", ""), call.target.namespace
    if call.resource.namespaced and asked != own:
        fault = field_errors.invalid("spec.resourceAttributes.namespace", asked, "must match metadata.namespace")
        raise invalid(call.resource.kind, "", [fault], call.resource.group)


def _user_of(spec: Doc) -> User:
    """The user that a SubjectAccessReview is about."""
    return User(spec.get("user", ""), tuple(spec.get("groups") or ()))


def _attributes(call: Call, user: User, spec: Doc) -> Attributes:
    if path := spec.get("nonResourceAttributes"):
        return Attributes(user, path.get("verb", ""), path=path.get("path", ""))
    asked = spec["resourceAttributes"]
    names = ("verb", "group", "resource", "subresource", "namespace", "name")
    fields = tuple(_values((asked.get("fieldSelector") or {}).get("requirements") or ()))
    return Attributes(user, **{name: asked.get(name, "") for name in names}, fields=fields)


def _values(requirements: Iterable[Doc]) -> Iterator[tuple[str, str]]:
    """The fields that must have one certain value (KEP-4601)."""
    for each in requirements:
        if each.get("operator") == "In" and len(each.get("values") or ()) == 1:
            yield each.get("key", ""), each["values"][0]


def _rules(call: Call) -> Reply:
    document = _own_body(call)
    user, namespace = call.request.user, (document.get("spec") or {}).get("namespace", "")
    rules = list(rules_of(user, namespace, call.state))
    told: dict[str, Any] = {
        "resourceRules": [_rule_document(rule) for rule in rules if rule.resources],
        "nonResourceRules": [_rule_document(rule) for rule in rules if rule.non_resource_urls],
    }
    is_node = node_of(user) is not None
    return _reply(document, {**told, "incomplete": is_node, **({"evaluationError": UNENUMERATED} if is_node else {})})


def _rule_document(rule: AccessRule) -> Doc:
    return {name: value for name, value in msgspec.to_builtins(rule).items() if value}


def _who_am_i(call: Call) -> Reply:
    return _reply(_own_body(call), {"userInfo": _user_info(call.request.user)})


def _token_review(call: Call) -> Reply:
    document = _own_body(call)
    spec = document.get("spec") or {}
    users = {audience: call.env.authenticate(spec.get("token", ""), audience) for audience in _audiences(spec)}
    known = {audience: user for audience, user in users.items() if user}
    if not known:
        return _reply(document, {"error": "the token is not known"})
    user = next(iter(known.values()))
    return _reply(document, {"authenticated": True, "user": _user_info(user), "audiences": list(known)})


def _audiences(spec: Doc) -> list[str]:
    """The requested audiences of a token, at least one; by default the API server itself."""
    return spec.get("audiences") or [ISSUER]


def _user_info(user: User) -> Doc:
    info = {"username": user.name, "uid": user.uid, "groups": list(user.groups), "extra": dict(user.extra)}
    return {name: value for name, value in info.items() if value}


def _token_request(call: Call) -> Reply:
    document = _body(call, "authentication.k8s.io/v1", "TokenRequest")
    spec = document.get("spec") or {}
    account: Doc = msgspec.json.decode(call.stored())
    dry_run = write_options(call.request).dry_run
    call.env.admitted(Write(call.state, call.target, document, None, dry_run))
    if (node := node_of(call.request.user)) is not None:
        check_token(node, call.target, spec.get("boundObjectRef") or {}, call.state)
    document["metadata"] = _metadata_of(document.get("metadata") or {}, account["metadata"])
    audiences, bound_to = tuple(spec.get("audiences") or ()), spec.get("boundObjectRef")
    token_spec = TokenSpec(audiences, spec.get("expirationSeconds"), bound_to)
    claims, expires = token_claims(account, token_spec, call.state, call.env.now, call.env.new_uid())
    full = {**spec, "audiences": claims["aud"], "expirationSeconds": claims["exp"] - claims["iat"]}
    status = {"token": call.env.sign(claims), "expirationTimestamp": expires}
    return _reply({**document, "spec": full}, status)


def _metadata_of(given: Doc, account: Doc) -> Doc:
    """The metadata of a TokenRequest, which must be those of its account."""
    for name in ("name", "namespace"):
        if given.get(name) and given[name] != account[name]:
            detail = f"must match the service account {name} if specified"
            fault = field_errors.invalid(f"metadata.{name}", given[name], detail)
            raise invalid("TokenRequest", account["name"], [fault], "authentication.k8s.io")
    return {**given, "name": account["name"], "namespace": account["namespace"], "creationTimestamp": None}


ACCESS: dict[tuple[str, str], Handler] = {
    ("selfsubjectaccessreviews", "create"): _access,
    ("subjectaccessreviews", "create"): _access,
    ("localsubjectaccessreviews", "create"): _access,
    ("selfsubjectrulesreviews", "create"): _rules,
    ("selfsubjectreviews", "create"): _who_am_i,
    ("tokenreviews", "create"): _token_review,
    ("serviceaccounts/token", "create"): _token_request,
}
