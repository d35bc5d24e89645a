"""A user with the permission ``impersonate`` acts as another user, as ``kubectl --as`` does.

Upstream: apiserver ``pkg/endpoints/filters/impersonation``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from urllib.parse import unquote

from fairlead.registry.access.checks import require
from fairlead.registry.access.rules import Attributes
from fairlead.registry.access.service_account_tokens import USER_PREFIX
from fairlead.registry.requests import User
from fairlead.registry.status import bad_request
from fairlead.registry.store import State

AUTHENTICATED, UNAUTHENTICATED, ANONYMOUS = "system:authenticated", "system:unauthenticated", "system:anonymous"
_AUTHENTICATION = "authentication.k8s.io"
_PREFIX, _EXTRA = "impersonate-", "impersonate-extra-"


def acting_user(user: User, headers: Iterable[tuple[str, str]], state: State) -> User:
    """The user of the request: the sender, unless the headers name another.

    Args:
        headers: all headers of the request; names in lower case.

    Raises:
        ApiError: 403, the user may not; 400, something is to be impersonated, but no user.
    """
    asked = [(name, value) for name, value in headers if name.startswith(_PREFIX)]
    if not asked:
        return user
    wanted = _requested_user(asked)
    for needed in _needed(user, wanted):
        require(needed, state)
    return replace(wanted, groups=_all_groups(wanted))


def _requested_user(asked: list[tuple[str, str]]) -> User:
    first = dict(reversed(asked))
    name = first.get("impersonate-user", "")
    if not name:
        raise bad_request(f"requested {sorted(first)} without impersonating a user")
    groups = tuple(value for header, value in asked if header == "impersonate-group")
    extra: dict[str, tuple[str, ...]] = {}
    for header, value in asked:
        if header.startswith(_EXTRA):
            key = unquote(header.removeprefix(_EXTRA))
            extra[key] = (*extra.get(key, ()), value)
    return User(name, groups, first.get("impersonate-uid", ""), extra)


def _needed(user: User, wanted: User) -> Iterator[Attributes]:
    account = _account(wanted)
    if account:
        yield Attributes(user, "impersonate", resource="serviceaccounts", namespace=account[0], name=account[1])
    else:
        yield Attributes(user, "impersonate", resource="users", name=wanted.name)
    for group in wanted.groups:
        yield Attributes(user, "impersonate", resource="groups", name=group)
    if wanted.uid:
        yield Attributes(user, "impersonate", _AUTHENTICATION, "uids", name=wanted.uid)
    for key, values in wanted.extra.items():
        for value in values:
            yield Attributes(user, "impersonate", _AUTHENTICATION, "userextras", key, name=value)


def _account(user: User) -> tuple[str, str] | None:
    """Namespace and name of the ServiceAccount that the user is."""
    namespace, _, name = user.name.removeprefix(USER_PREFIX).partition(":")
    return (namespace, name) if user.name.startswith(USER_PREFIX) and name else None


def _all_groups(wanted: User) -> tuple[str, ...]:
    """The groups, with those that all users of the kind have."""
    groups = wanted.groups
    account = _account(wanted)
    if account and not groups:
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{account[0]}")
    nobody = wanted.name == ANONYMOUS or UNAUTHENTICATED in groups
    everybody = UNAUTHENTICATED if nobody else AUTHENTICATED
    return groups if everybody in groups else (*groups, everybody)
