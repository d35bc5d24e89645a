"""Namespaces. Upstream: pkg/registry/core/namespace, ``printNamespace``."""

from typing import Any

from fairlead.model.document import Doc
from fairlead.model.names import dns1123_label_errors
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.strategy import Column, Context, Strategy

_NAME_LABEL = "kubernetes.io/metadata.name"
_FINALIZER = "kubernetes"


def default(namespace: Doc) -> None:
    """Every Namespace carries its own name as a label, so that selectors can choose it."""
    metadata = namespace.setdefault("metadata", {})
    if metadata.get("name"):
        metadata.setdefault("labels", {})[_NAME_LABEL] = metadata["name"]


def prepare_create(namespace: Doc, context: Context) -> None:
    """A new Namespace is active, and keeps itself alive until what it holds is gone."""
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
    returns_deleted=True,
)
