"""The endpoints of an image: its registry and its mirrors, with or without TLS.

Read from Podman's ``registries.conf`` (version 2), whose users need write nothing new:
https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
"""

import ipaddress
import tomllib
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from fairlead.images.reference import DEFAULT_REGISTRY, ImageName

_DOCKER_HUB_HOST = "registry-1.docker.io"


class RegistryEndpoint(NamedTuple):
    """A registry, and what a repository is called there.

    Attributes:
        host: with a port if it is given one.
        plain: over HTTP, without TLS.
    """

    host: str
    repository: str
    plain: bool = False

    @property
    def url(self) -> str:
        """The base URL of its API."""
        return f"{'http' if self.plain else 'https'}://{self.host}/v2"


class _Mirror(msgspec.Struct, frozen=True):
    location: str
    insecure: bool = False


class _Registry(msgspec.Struct, frozen=True):
    prefix: str = ""
    location: str = ""
    insecure: bool = False
    blocked: bool = False
    mirror: tuple[_Mirror, ...] = ()

    @property
    def begins(self) -> str:
        return self.prefix or self.location


class Registries(msgspec.Struct, frozen=True):
    """The file as far as it is used."""

    registry: tuple[_Registry, ...] = ()


class RegistriesError(Exception):
    """The file is not of the format, or forbids a registry."""


def read_registries(text: str, what: str) -> Registries:
    """Raises:
    RegistriesError: it is not of the format.
    """
    try:
        document: dict[str, Any] = tomllib.loads(text)
        return msgspec.convert(document, Registries)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise RegistriesError(f"{what}: {error}") from error


def endpoints(name: ImageName, registries: Registries, plain: Sequence[str] = ()) -> list[RegistryEndpoint]:
    """The endpoints to ask, mirrors first.

    Args:
        plain: registries to which the user wants to speak without TLS.

    Raises:
        RegistriesError: the file blocks the registry.
    """
    full = f"{name.registry}/{name.repository}"
    fitting = [each for each in registries.registry if _is_below(full, each.begins)]
    row = max(fitting, key=lambda each: len(each.begins), default=_Registry())
    if row.blocked:
        raise RegistriesError(f"registries.conf blocks {row.begins}")
    rest = full.removeprefix(row.begins) if row.begins else ""
    found = [_endpoint(f"{mirror.location}{rest}", mirror.insecure, plain) for mirror in row.mirror]
    own = f"{row.location}{rest}" if row.location else full
    return [*found, _endpoint(own, row.insecure, plain)]


def _endpoint(location: str, insecure: bool, plain: Sequence[str]) -> RegistryEndpoint:
    host, _, repository = location.partition("/")
    is_plain = insecure or host in plain or is_loopback(host)
    return RegistryEndpoint(_DOCKER_HUB_HOST if host == DEFAULT_REGISTRY else host, repository, is_plain)


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine itself."""
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_below(full: str, prefix: str) -> bool:
    if prefix.startswith("*."):
        return full.partition("/")[0].partition(":")[0].endswith(prefix[1:])
    return bool(prefix) and (full == prefix or full.startswith(f"{prefix}/"))
