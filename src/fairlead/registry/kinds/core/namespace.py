"""Namespaces. Upstream: pkg/registry/core/namespace, ``printNamespace``."""

from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.strategy import Column, Context, Strategy

_NAME_LABEL = "kubernetes.io/metadata.name"
_FINALIZER = "kubernetes"
_IMMORTAL = frozenset({"default", "kube-system", "kube-public"})


def default(namespace: Doc) -> None:
    """Every Namespace has its own name as a label, for selectors."""
    metadata = namespace.setdefault("metadata", {})
    if metadata.get("name"):
        metadata.setdefault("labels", {})[_NAME_LABEL] = metadata["name"]


def prepare_create(namespace: Doc, context: Context) -> None:
    """A new Namespace is active, and has a finalizer until its content is deleted."""
    namespace["status"] = {"phase": "Active"}
    finalizers = namespace.setdefault("spec", {}).setdefault("finalizers", [])
    if _FINALIZER not in finalizers:
        finalizers.append(_FINALIZER)


def prepare_update(namespace: Doc, old: Doc, context: Context) -> None:
    """Finalizers go through ``/finalize`` and the phase through ``/status``; neither here."""
    namespace["spec"] = old["spec"]
    namespace["status"] = old["status"]


def prepare_status_update(namespace: Doc, old: Doc, context: Context) -> None:
    """Only the status changes."""
    namespace["spec"] = old["spec"]


def undeletable(name: str) -> str:
    """Some namespaces cannot be deleted. Upstream: admission plugin NamespaceLifecycle."""
    return "this namespace may not be deleted" if name in _IMMORTAL else ""


def is_held(namespace: Doc) -> bool:
    """Whether the namespace still waits for its content to be deleted."""
    return bool((namespace.get("spec") or {}).get("finalizers"))


def mark_deleted(namespace: Doc) -> None:
    """A deleted namespace has the phase Terminating, and no grace period."""
    del namespace["metadata"]["deletionGracePeriodSeconds"]
    namespace["status"] = {**namespace.get("status", {}), "phase": "Terminating"}


def row(namespace: Doc, now: str) -> list[Any]:
    """The cells of one Namespace."""
    return [name(namespace), namespace["status"]["phase"], age(namespace, now)]


STRATEGY = Strategy(
    name_errors=dns1123_label_errors,
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    prepare_status_update=prepare_status_update,
    fields={"status.phase": lambda namespace: str(namespace["status"]["phase"])},
    columns=(NAME, Column("Status"), AGE),
    row=row,
    undeletable=undeletable,
    is_held=is_held,
    mark_deleted=mark_deleted,
    returns_deleted=True,
)
