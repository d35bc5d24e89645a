"""Credentials for registries as Docker and Podman keep them: ``config.json``, ``auth.json``, and Secrets of both types.

https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from fairlead.images.reference import DEFAULT_REGISTRY, ImageName

DOCKER_HUB_KEY = "https://index.docker.io/v1/"
IDENTITY = "<token>"  # the user name with which helpers say that the secret is a refresh token


class Login(NamedTuple):
    """A user name and a password, or a refresh token (``identity``)."""

    user: str = ""
    password: str = ""
    identity: str = ""


class _Entry(msgspec.Struct, frozen=True):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""


class AuthFile(msgspec.Struct, frozen=True, rename="camel"):
    """Such a file.

    Attributes:
        auths: by registry, or by registry and a beginning of the repository.
        cred_helpers: suffix of the program that knows, by registry.
        creds_store: that of the program that knows all others.
    """

    auths: Mapping[str, _Entry] = {}
    cred_helpers: Mapping[str, str] = {}
    creds_store: str = ""


class AuthFileError(Exception):
    """It is not of the format; the message says where."""


def read_auth_file(content: bytes, what: str) -> AuthFile:
    """Raises:
    AuthFileError: it is none.
    """
    try:
        return msgspec.json.decode(content, type=AuthFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AuthFileError(f"{what}: {error}") from error


def read_docker_cfg(content: bytes, what: str) -> AuthFile:
    """The older format of a Secret, which is what is below ``auths`` in the newer one.

    Raises:
        AuthFileError: it is none.
    """
    try:
        return AuthFile(msgspec.json.decode(content, type=dict[str, _Entry]))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AuthFileError(f"{what}: {error}") from error


def login_for(file: AuthFile, name: ImageName) -> Login | None:
    """The login for an image in the file itself: the longest matching entry wins."""
    for key in _keys(name):
        for written, entry in file.auths.items():
            if _normal(written) == key and (login := _login(entry)):
                return login
    return None


def helper_for(file: AuthFile, registry: str) -> tuple[str, str] | None:
    """The helper that knows, by the suffix of its program, and the server that it is asked for."""
    server = DOCKER_HUB_KEY if registry == DEFAULT_REGISTRY else registry
    for key in (registry, server):
        if helper := file.cred_helpers.get(key):
            return helper, key
    return (file.creds_store, server) if file.creds_store else None


def _keys(name: ImageName) -> Iterator[str]:
    """What an entry may be called: the repository, each beginning of it, the registry."""
    parts = name.repository.split("/")
    for length in range(len(parts), 0, -1):
        yield "/".join((name.registry, *parts[:length]))
    yield name.registry


def _normal(key: str) -> str:
    """An entry's name without what only says how to get there: ``https://HOST/v1/`` is ``HOST``."""
    text = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    if key != text:
        text = text.removesuffix("/v1").removesuffix("/v2")
    return DEFAULT_REGISTRY if text in ("index.docker.io", "registry-1.docker.io") else text


def _login(entry: _Entry) -> Login | None:
    if entry.identitytoken:
        return Login(identity=entry.identitytoken)
    if entry.auth:
        try:
            user, colon, password = base64.b64decode(entry.auth).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return Login(user, password.rstrip("\0")) if colon else None
    return Login(entry.username, entry.password) if entry.username else None
