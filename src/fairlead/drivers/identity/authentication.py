"""Authenticates requests by client certificate or bearer token.

Certificates are checked by the TLS layer against the cluster's authority; here only the subject is read, as upstream's
x509 authenticator does: common name is the user, organizations are the groups. Tokens are those of a file in upstream's
static token format, one ``token,user,uid,"group1,group2"`` a line, bootstrap tokens, and those that this server has
signed for ServiceAccounts.
"""

import csv
import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.drivers.clock_text import now_text
from fairlead.drivers.identity.issuer_pages import CONFIGURATION, KEYS, IssuerPage, issuer_pages
from fairlead.drivers.identity.token_keys import token_keys
from fairlead.registry.access.bootstrap_tokens import user_of_bootstrap_token
from fairlead.registry.access.service_account_tokens import ISSUER, user_of_claims
from fairlead.registry.requests import User
from fairlead.registry.store import State

if TYPE_CHECKING:
    from fairlead.drivers.identity.signing import TokenSigner

AUTHENTICATED = "system:authenticated"


def user_of_certificate(certificate: Mapping[str, Any] | None) -> User | None:
    """The user of a verified peer certificate, in the form of ``ssl.SSLObject.getpeercert``."""
    if not certificate:
        return None
    subject = [pair for relative in certificate.get("subject", ()) for pair in relative]
    names = [value for field, value in subject if field == "commonName"]
    groups = tuple(value for field, value in subject if field == "organizationName")
    return User(names[-1], (*groups, AUTHENTICATED)) if names else None


class Tokens:
    """The bearer tokens that are accepted, looked up by digest so that comparing takes no telling time."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = {_digest(token): user for token, user in users.items()}

    def user(self, token: str) -> User | None:
        """The user of a token; None when it is not known."""
        return self._users.get(_digest(token))


def bearer_token(authorization: str) -> str:
    """The token of an ``Authorization`` header; empty when it holds none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def load_tokens(path: Path) -> Tokens:
    """The tokens of a file; the file is made, with one token for an administrator, when there is none."""
    if not path.exists():
        temporary = path.with_name(f".{path.name}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f'{secrets.token_urlsafe(32)},admin,admin,"system:masters"\n')
        os.replace(temporary, path)
    users = {}
    with path.open(newline="") as file:
        for row in csv.reader(file):
            if len(row) >= 3:
                groups = tuple(filter(None, row[3].split(","))) if len(row) > 3 else ()
                users[row[0]] = User(row[1], (*groups, AUTHENTICATED), row[2])
    return Tokens(users)


class Bearers:
    """Bearer tokens: ``user`` finds the user of one, ``sign`` makes one.

    Raises:
        TokenKeyError: the key for signing is of another kind.
    """

    def __init__(self, directory: Path, state: Callable[[], State]) -> None:
        self._tokens = load_tokens(directory / "tokens.csv")
        self._keys = directory / "service-accounts.key"
        token_keys(self._keys)  # a wrong key is refused now, and not with the first token
        self._state = state

    @cached_property
    def _signer(self) -> "TokenSigner":
        """Made for the first token that is signed or checked: its library takes a fifth of a small server's memory."""
        from fairlead.drivers.identity.signing import TokenSigner

        return TokenSigner(self._keys)

    def user(self, token: str, audience: str = ISSUER) -> User | None:
        """The user of a token; None when it is not known, is for others, has expired, or its account is gone."""
        if (user := self._tokens.user(token)) is not None:
            return user if audience == ISSUER else None
        if audience == ISSUER and (bootstrapping := user_of_bootstrap_token(token, self._state(), now_text())):
            return bootstrapping
        claims = self._signer.verified(token)
        return user_of_claims(claims, self._state(), now_text(), audience) if claims else None

    def page(self, path: str) -> IssuerPage | None:
        """The page for verifiers of tokens; None for other paths."""
        return issuer_pages(ISSUER, self._signer.public_keys())[path] if path in (CONFIGURATION, KEYS) else None

    def sign(self, claims: dict[str, Any]) -> str:
        return self._signer.sign(msgspec.json.encode(claims))
