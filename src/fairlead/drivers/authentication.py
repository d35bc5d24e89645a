"""Who sends a request: a client certificate or a bearer token, or nobody.

Certificates are checked by the TLS layer against the cluster's authority; here only the subject is read, as upstream's
x509 authenticator does: common name is the user, organizations are the groups. Tokens come from a file of upstream's
static token format, one ``token,user,uid,"group1,group2"`` a line.
"""

import csv
import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairlead.registry.requests import User

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

    def user(self, authorization: str) -> User | None:
        """The user of an ``Authorization`` header; None when it holds no known token."""
        scheme, _, token = authorization.partition(" ")
        return self._users.get(_digest(token.strip())) if scheme.lower() == "bearer" else None


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
                groups = tuple(row[3].split(",")) if len(row) > 3 else ()
                users[row[0]] = User(row[1], (*groups, AUTHENTICATED), row[2])
    return Tokens(users)
