"""Tokens of ServiceAccounts: their claims, and the user of a given token.

The claims are those of upstream's bound tokens (``pkg/serviceaccount/claims.go``). A token is valid only while its
account exists, and the Pod, Secret or Node that it is bound to, each with the same uid. It is valid only for its
audiences. Claims are signed elsewhere.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from fairlead.model.document import Doc
from fairlead.model.names import ObjectKey
from fairlead.registry.field_errors import invalid as invalid_field
from fairlead.registry.requests import User
from fairlead.registry.status import bad_request, conflict, invalid, not_found
from fairlead.registry.store import State
from fairlead.registry.verbs.deletion import later

ISSUER = "https://kubernetes.default.svc.cluster.local"  # also the audience that the API server itself is
USER_PREFIX = "system:serviceaccount:"
DEFAULT_SECONDS, SHORTEST_SECONDS, LONGEST_SECONDS = 3600, 600, 1 << 32


class TokenSpec(NamedTuple):
    """The content of a TokenRequest; ``bound_to`` is a BoundObjectReference."""

    audiences: tuple[str, ...]
    seconds: int | None
    bound_to: Doc | None


class _Named(msgspec.Struct):
    name: str
    uid: str


class _Kubernetes(msgspec.Struct):
    namespace: str
    serviceaccount: _Named
    pod: _Named | None = None
    secret: _Named | None = None
    node: _Named | None = None


class _Claims(msgspec.Struct):
    aud: list[str]
    exp: int
    iss: str
    kubernetes: _Kubernetes = msgspec.field(name="kubernetes.io")
    jti: str = ""


class _Metadata(msgspec.Struct):
    uid: str


class _Object(msgspec.Struct):
    metadata: _Metadata


def token_claims(account: Doc, token_spec: TokenSpec, state: State, now: str, token_id: str) -> tuple[Doc, str]:
    """The claims of a new token, and its expiry in the API's format.

    Args:
        token_id: a unique UUID.

    Raises:
        ApiError: 422, its lifetime is too short or too long; 404, 409 or 400, it cannot be bound to that object.
    """
    metadata = account["metadata"]
    seconds = DEFAULT_SECONDS if token_spec.seconds is None else token_spec.seconds
    if seconds < SHORTEST_SECONDS:
        detail = "may not specify a duration less than 10 minutes"
        raise _refused(metadata["name"], seconds, detail)
    if seconds > LONGEST_SECONDS:
        raise _refused(metadata["name"], seconds, "may not specify a duration larger than 2^32 seconds")
    expires = later(now, seconds)
    about: Doc = {
        "namespace": metadata["namespace"],
        "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
        **_bound_objects(account, token_spec.bound_to or {}, state),
    }
    claims = {
        "aud": list(token_spec.audiences) or [ISSUER],
        "exp": _seconds(expires),
        "iat": _seconds(now),
        "nbf": _seconds(now),
        "iss": ISSUER,
        "jti": token_id,
        "sub": _subject(metadata["namespace"], metadata["name"]),
        "kubernetes.io": about,
    }
    return claims, expires


# Resource of each kind that a token may be bound to, and whether its objects lie in a namespace.
_BINDABLE = {"Pod": ("pods", True), "Secret": ("secrets", True), "Node": ("nodes", False)}


def _bound_objects(account: Doc, reference: Doc, state: State) -> Doc:
    """The claims about what a token is bound to. One for a Pod says its Node too."""
    kind, name = reference.get("kind", ""), reference.get("name", "")
    if not kind:
        return {}
    group, _, version = reference.get("apiVersion", "").rpartition("/")
    if group or kind not in _BINDABLE:
        raise bad_request(f"cannot bind token to object of type {group}/{version}, Kind={kind}")
    document = _document(state, kind, account["metadata"]["namespace"], name)
    if document is None:
        raise not_found(_BINDABLE[kind][0], name)
    uid = document["metadata"]["uid"]
    if reference.get("uid") not in (None, "", uid):
        why = (
            f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise conflict(kind, name, why)
    bound = {kind.lower(): {"name": name, "uid": uid}}
    return bound if kind != "Pod" else {**bound, **_node_of(account, document, state)}


def _node_of(account: Doc, pod: Doc, state: State) -> Doc:
    if pod["spec"]["serviceAccountName"] != account["metadata"]["name"]:
        name = account["metadata"]["name"]
        raise bad_request(
            f'cannot bind token for serviceaccount "{name}" to pod running with different serviceaccount name.'
        )
    node = _document(state, "Node", "", pod["spec"].get("nodeName", ""))
    return {"node": {"name": node["metadata"]["name"], "uid": node["metadata"]["uid"]}} if node else {}


def _document(state: State, kind: str, namespace: str, name: str) -> Doc | None:
    resource, namespaced = _BINDABLE[kind]
    stored = state.get(resource, ObjectKey(namespace if namespaced else "", name))
    return None if stored is None else msgspec.json.decode(stored.document, type=dict[str, Any])


def user_of_claims(claims: bytes, state: State, now: str, audience: str = ISSUER) -> User | None:
    """The user of a token with these (verified) claims; None if it is not for the audience, has expired, or is bound to
    an object that is gone."""
    try:
        read = msgspec.json.decode(claims, type=_Claims)
    except msgspec.DecodeError:
        return None
    about = read.kubernetes
    if read.iss != ISSUER or read.exp <= _seconds(now) or audience not in read.aud:
        return None
    if not all(_is_there(state, resource, namespace, named) for resource, namespace, named in _belongs_to(about)):
        return None
    namespace, account = about.namespace, about.serviceaccount
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    return User(_subject(namespace, account.name), groups, account.uid, _extra(read))


def _belongs_to(about: _Kubernetes) -> list[tuple[str, str, _Named]]:
    """The objects that must still exist, as (resource, namespace, which). A Pod's token does not depend on its Node."""
    found = [("serviceaccounts", about.namespace, about.serviceaccount)]
    if about.pod:
        found.append(("pods", about.namespace, about.pod))
    elif about.node:
        found.append(("nodes", "", about.node))
    if about.secret:
        found.append(("secrets", about.namespace, about.secret))
    return found


def _is_there(state: State, resource: str, namespace: str, named: _Named) -> bool:
    stored = state.get(resource, ObjectKey(namespace, named.name))
    return stored is not None and msgspec.json.decode(stored.document, type=_Object).metadata.uid == named.uid


def _extra(claims: _Claims) -> Mapping[str, tuple[str, ...]]:
    """Further attributes of the user. Upstream: ``pkg/serviceaccount/util.go``."""
    about, prefix = claims.kubernetes, "authentication.kubernetes.io"
    extra = {f"{prefix}/credential-id": f"JTI={claims.jti}"} if claims.jti else {}
    for kind, named in (("node", about.node), ("pod", about.pod)):
        if named:
            extra |= {f"{prefix}/{kind}-name": named.name, f"{prefix}/{kind}-uid": named.uid}
    return {name: (value,) for name, value in extra.items()}


def _subject(namespace: str, name: str) -> str:
    return f"{USER_PREFIX}{namespace}:{name}"


def _seconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).astimezone(UTC).timestamp())


def _refused(name: str, seconds: int, detail: str) -> Exception:
    return invalid(
        "TokenRequest", name, [invalid_field("spec.expirationSeconds", seconds, detail)], "authentication.k8s.io"
    )
