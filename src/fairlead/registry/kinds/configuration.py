"""Stored data that the Service system itself does not read: ConfigMap, Secret, ServiceAccount, Lease.

Upstream: pkg/registry/core/{configmap,secret,serviceaccount}, pkg/registry/coordination/lease.
"""

from typing import Any

from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.strategy import Column, Doc, Strategy


def _config_map_row(config_map: Doc, now: str) -> list[Any]:
    return [name(config_map), _size(config_map, "data", "binaryData"), age(config_map, now)]


def _secret_row(secret: Doc, now: str) -> list[Any]:
    return [name(secret), secret.get("type", ""), _size(secret, "data"), age(secret, now)]


def _service_account_row(account: Doc, now: str) -> list[Any]:
    return [name(account), _size(account, "secrets"), age(account, now)]


def _lease_row(lease: Doc, now: str) -> list[Any]:
    return [name(lease), lease.get("spec", {}).get("holderIdentity", ""), age(lease, now)]


def _size(document: Doc, *fields: str) -> int:
    return sum(len(document.get(field) or ()) for field in fields)


CONFIG_MAP = Strategy(columns=(NAME, Column("Data"), AGE), row=_config_map_row)
SECRET = Strategy(
    columns=(NAME, Column("Type"), Column("Data"), AGE),
    row=_secret_row,
    fields={"type": lambda secret: str(secret.get("type", ""))},
)
SERVICE_ACCOUNT = Strategy(columns=(NAME, Column("Secrets"), AGE), row=_service_account_row)
LEASE = Strategy(columns=(NAME, Column("Holder"), AGE), row=_lease_row)
