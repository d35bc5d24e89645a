"""An attempted change, as webhooks and policies see it.

Upstream: apiserver ``pkg/admission/attributes.go``, ``pkg/admission/plugin/webhook/request``.
"""

from dataclasses import dataclass
from typing import NamedTuple

from fairlead.model.document import Doc
from fairlead.registry.requests import RequestTarget, User
from fairlead.registry.resources import Resource

CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"


class Kind(NamedTuple):
    """A group, version and kind."""

    group: str
    version: str
    kind: str

    @property
    def document(self) -> Doc:
        return {"group": self.group, "version": self.version, "kind": self.kind}

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True)
class Attempt:
    """An attempted change.

    Attributes:
        operation: CREATE, UPDATE, DELETE or CONNECT.
        new, old: the new and the stored object, under the version of the request; None if there is none.
        options: of the request, as a document; None where it has none.
        namespace_labels: of the object's namespace; for a Namespace, its own.
    """

    operation: str
    target: RequestTarget
    user: User
    new: Doc | None
    old: Doc | None
    dry_run: bool
    options: Doc | None
    namespace_labels: Doc

    @property
    def resource(self) -> Resource:
        return self.target.resource

    @property
    def side(self) -> str:
        """The subresource; empty for the object itself."""
        return self.target.subresource.name if self.target.subresource else ""

    @property
    def is_namespace(self) -> bool:
        return (self.resource.group, self.resource.plural) == ("", "namespaces")

    @property
    def name(self) -> str:
        """Of the object; empty while it is to be generated."""
        named = self.new if self.operation == CREATE and not self.target.name else None
        return str((named or {}).get("metadata", {}).get("name", "")) if named is not None else self.target.name

    @property
    def namespace(self) -> str:
        """A Namespace lies in itself."""
        return self.name if self.is_namespace else self.target.namespace

    def kind_under(self, resource: Resource) -> Kind:
        """The kind of its objects, for a resource that shows the same ones."""
        below = self.target.subresource
        if below is None or not below.kind:
            return Kind(resource.group, resource.version, resource.kind)
        group = resource.group if below.group is None else below.group
        return Kind(group, below.version or resource.version, below.kind)
