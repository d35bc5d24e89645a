"""The target of a request and its options, parsed from the URL.

Refuses paths that name nothing (404 in upstream's words) and options that cannot be understood (400). The grammar of
paths is that of the Kubernetes API: ``/api/v1`` or ``/apis/<group>/<version>``, then ``namespaces/<namespace>`` for
namespaced resources, then ``<plural>[/<name>[/<subresource>[/<rest>]]]``.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fairlead.model.names import ObjectKey
from fairlead.registry.resources import BUILT_IN, BY_PATH, Resource, ResourceTable, Subresource
from fairlead.registry.status import ApiError, bad_request, no_such_resource

# (method, whether the path names an object) -> verb
VERB_OF = {
    ("GET", True): "get",
    ("PUT", True): "update",
    ("PATCH", True): "patch",
    ("DELETE", True): "delete",
    ("GET", False): "list",
    ("POST", False): "create",
    ("DELETE", False): "deletecollection",
}


@dataclass(frozen=True)
class User:
    """The authenticated client; ``extra`` has further attributes."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Request(NamedTuple):
    """One HTTP request, with everything that the registry looks at.

    Attributes:
        query: the first value of each field.
        query_string: the unparsed query, for proxied requests.
    """

    method: str
    path: str
    query: Mapping[str, str]
    user: User
    accept: str = ""
    content_type: str = ""
    user_agent: str = ""
    body: bytes = b""
    query_string: str = ""

    def flag(self, name: str) -> bool:
        """A boolean option; Go's spellings of true count."""
        return self.query.get(name, "") in _TRUE


_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})


class RequestTarget(NamedTuple):
    """The target of a path: a collection, an object, or a subresource.

    Attributes:
        rest: what follows the subresource, for proxies; without a leading slash.
    """

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: Subresource | None = None
    rest: str = ""

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.namespace, self.name)

    @property
    def plural_with_subresource(self) -> str:
        return f"{self.resource.plural}/{self.subresource.name}" if self.subresource else self.resource.plural


def parse_target(path: str, table: ResourceTable = BUILT_IN) -> RequestTarget:
    """The target that an API path names.

    Raises:
        ApiError: 404, there is no such path.
    """
    parts = path.strip("/").split("/")
    if parts[:2] == ["api", "v1"]:
        return _target(("", "v1"), parts[2:], table)
    if parts[0] == "apis" and len(parts) > 3:
        return _target((parts[1], parts[2]), parts[3:], table)
    raise no_such_resource()


def _target(group_version: tuple[str, str], parts: list[str], table: ResourceTable) -> RequestTarget:
    namespace = ""
    # /namespaces/<name>/<plural> is in a namespace, unless <plural> is a subresource of the Namespace itself.
    if len(parts) > 2 and parts[0] == "namespaces" and not _is_namespace_subresource(parts[2]):
        namespace, parts = sys.intern(parts[1]), parts[2:]  # the objects that lie in it have it in their keys
    resource = table.by_path.get((*group_version, parts[0])) if parts else None
    if resource is None or (namespace and not resource.namespaced):
        raise no_such_resource()
    name = parts[1] if len(parts) > 1 else ""
    if name and resource.namespaced and not namespace:
        raise no_such_resource()
    if len(parts) <= 2:
        return RequestTarget(resource, namespace, name)
    subresource = resource.subresource(parts[2])
    if subresource is None:
        raise no_such_resource()
    return RequestTarget(resource, namespace, name, subresource, "/".join(parts[3:]))


def _is_namespace_subresource(name: str) -> bool:
    namespaces = BY_PATH["", "v1", "namespaces"]
    return namespaces.subresource(name) is not None


_FIELD_VALIDATION = ("", "Ignore", "Warn", "Strict")


class WriteOptions(NamedTuple):
    """Options of a write.

    Attributes:
        field_validation: Ignore, Warn or Strict: how unknown and duplicate fields are handled.
        field_manager: who is recorded as the owner of the fields written.
        force: server-side apply takes fields from other owners.
    """

    dry_run: bool
    field_validation: str
    field_manager: str
    force: bool


def write_options(request: Request) -> WriteOptions:
    """The options of a write, from its query.

    Raises:
        ApiError: 400, an option has a value that is not defined.
    """
    validation = request.query.get("fieldValidation", "")
    if validation not in _FIELD_VALIDATION:
        raise bad_request(f'invalid fieldValidation: "{validation}", must be one of Ignore, Warn, Strict')
    manager = request.query.get("fieldManager", "") or request.user_agent.split("/")[0][:128] or "unknown"
    return WriteOptions(
        is_dry_run(request.query.get("dryRun", "")), validation or "Warn", manager, request.flag("force")
    )


def is_dry_run(value: str) -> bool:
    """Whether ``dryRun`` asks for one; All is the only stage there is.

    Raises:
        ApiError: 422 for any other value, as upstream's option validation does.
    """
    if value not in ("", "All"):
        raise ApiError(
            422, "Invalid", f' "" is invalid: dryRun: Unsupported value: ["{value}"]: supported values: "All"'
        )
    return value == "All"


def integer_option(request: Request, name: str) -> int | None:
    """A whole, non-negative number from the query; None when the option is absent or empty.

    Raises:
        ApiError: 400, it is not such a number.
    """
    text = request.query.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise bad_request(f'invalid value for {name}: "{text}" is not a non-negative integer')
    return int(text)
