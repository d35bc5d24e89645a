"""Fields of all objects: names, versions, labels, owners, and conditions."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from fairlead.model.names import ObjectKey

_EMPTY: Mapping[str, str] = {}


class Slim(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """Base of all slim objects: immutable, camelCase in JSON, unknown fields ignored."""


class OwnerReference(Slim, frozen=True):
    """An owner of an object; ``controller`` marks the one that manages it."""

    kind: str
    name: str
    uid: str
    api_version: str = ""
    controller: bool = False
    block_owner_deletion: bool = False


class Metadata(Slim, frozen=True):
    """The part of ObjectMeta that readers use; times are RFC 3339 text."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    labels: Mapping[str, str] | None = None
    annotations: Mapping[str, str] | None = None
    owner_references: tuple[OwnerReference, ...] | None = None
    finalizers: tuple[str, ...] | None = None


class KubeObject(Slim, frozen=True):
    """A slim object: metadata, and shorthands for its most used fields."""

    metadata: Metadata

    @property
    def key(self) -> ObjectKey:
        return ObjectKey(self.metadata.namespace, self.metadata.name)

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.metadata.namespace

    @property
    def version(self) -> int:
        """The resourceVersion as the number that it is (KEP-5504); 0 where there is none."""
        text = self.metadata.resource_version
        return int(text) if text.isdecimal() else 0

    @property
    def labels(self) -> Mapping[str, str]:
        return self.metadata.labels or _EMPTY

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.metadata.annotations or _EMPTY

    @property
    def controller(self) -> OwnerReference | None:
        """The one owner that manages this object, or None."""
        return next((owner for owner in self.metadata.owner_references or () if owner.controller), None)

    @property
    def is_terminating(self) -> bool:
        return self.metadata.deletion_timestamp is not None


T = TypeVar("T", bound=KubeObject)


def latest(old: T | None, new: T | None) -> T:
    """The latest form of the object that a change is about (old None: added, new None: deleted)."""
    object_ = new or old
    assert object_ is not None
    return object_


class ObjectReference(Slim, frozen=True):
    """A reference to another object, as in ``Endpoint.targetRef``."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""


class Condition(Slim, frozen=True):
    """A status condition; ``status`` is "True", "False" or "Unknown"."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: str | None = None
    last_heartbeat_time: str | None = None


def has_true_condition(conditions: tuple[Condition, ...] | None, type_: str) -> bool:
    """Whether a condition of this type is there and its status is "True"."""
    return any(c.type == type_ and c.status == "True" for c in conditions or ())
