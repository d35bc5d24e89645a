"""Stored data that the Service system itself does not read: ConfigMap, Secret, ServiceAccount, Lease.

Refuses keys that are not valid file names, changes of immutable objects, a Secret without the keys of its type, and a
change of its type. Upstream: pkg/registry/core/{configmap,secret,serviceaccount}, pkg/registry/coordination/lease,
pkg/apis/core/validation.
"""

import base64
import binascii
import re
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, forbidden, invalid, required, too_long
from fairlead.registry.kinds.cells import AGE, NAME, age, name
from fairlead.registry.status import bad_request
from fairlead.registry.strategy import Column, Context, Strategy

_MAX_KEY = 253
_MAX_DATA = 1 << 20
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_KEY_DETAIL = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
# Type of Secret -> the keys that it must have.
_PROMISED = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_BASIC_AUTH = "username", "password"  # of which one suffices
_IMMUTABLE = "field is immutable when `immutable` is set"


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


def _default_secret(secret: Doc) -> None:
    """Give it a type, and take the plain values of ``stringData`` over into ``data``, which is all that is stored."""
    secret["type"] = secret.get("type") or "Opaque"
    plain = secret.pop("stringData", None)
    if plain:
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in plain.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}
    _check_base64(secret, "data")


def _default_config_map(config_map: Doc) -> None:
    _check_base64(config_map, "binaryData")


def _check_base64(document: Doc, field: str) -> None:
    """Refuse values that upstream's decoder refuses before validation."""
    for text in (document.get(field) or {}).values():
        try:
            base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            kind = document["kind"]
            raise bad_request(f'{kind} in version "v1" cannot be handled as a {kind}: illegal base64 data') from error


def _validate(document: Doc) -> list[FieldError]:
    fields = ("data", "binaryData")
    keys = [(field, key) for field in fields for key in sorted(document.get(field) or {})]
    errors = [invalid(f"{field}[{key}]", key, detail) for field, key in keys for detail in _key_errors(key)]
    twice = set(document.get("data") or {}) & set(document.get("binaryData") or {})
    errors += [invalid(f"data[{key}]", key, "duplicate of key present in binaryData") for key in sorted(twice)]
    if sum(len(key) + len(text) for field in fields for key, text in (document.get(field) or {}).items()) > _MAX_DATA:
        errors.append(too_long("", _MAX_DATA))
    return errors


def _key_errors(key: str) -> list[str]:
    errors = [f"must be no more than {_MAX_KEY} bytes"] if len(key) > _MAX_KEY else []
    if not _KEY.fullmatch(key):
        errors.append(_KEY_DETAIL)
    elif key in (".", ".."):
        errors.append(f"must not be '{key}'")
    elif key.startswith(".."):
        errors.append("must not start with '..'")
    return errors


def _validate_create(document: Doc, context: Context) -> list[FieldError]:
    return _validate(document)


def _validate_update(new: Doc, old: Doc, context: Context) -> list[FieldError]:
    errors = _validate(new)
    if new.get("type") != old.get("type"):
        errors.append(invalid("type", new.get("type"), "field is immutable"))
    if old.get("immutable"):
        fields = ("data", "binaryData")
        errors += [] if new.get("immutable") else [forbidden("immutable", _IMMUTABLE)]
        errors += [forbidden(field, _IMMUTABLE) for field in fields if (new.get(field) or {}) != (old.get(field) or {})]
    return errors


def _validate_secret(secret: Doc) -> list[FieldError]:
    """The faults of a Secret by its type."""
    given, type_ = secret.get("data") or {}, secret["type"]
    missing = [key for key in _PROMISED.get(type_, ()) if key not in given]
    if type_ == "kubernetes.io/basic-auth" and not any(key in given for key in _BASIC_AUTH):
        missing = list(_BASIC_AUTH)
    return [required(f"data[{key}]") for key in missing]


def _clean_secrets(account: Doc, *_: object) -> None:
    """An account names its Secrets, and no more: they are in its namespace."""
    if secrets := account.get("secrets"):
        account["secrets"] = [{field: each[field] for field in ("name",) if field in each} for each in secrets]


def _validate_lease(lease: Doc, context: Context) -> list[FieldError]:
    spec = lease.get("spec", {})
    rules = (
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    )
    return [invalid(f"spec.{field}", spec[field], detail) for field, low, detail in rules if spec.get(field, low) < low]


CONFIG_MAP = Strategy(
    default=_default_config_map,
    validate_create=_validate_create,
    validate_update=_validate_update,
    columns=(NAME, Column("Data"), AGE),
    row=_config_map_row,
)
SECRET = Strategy(
    default=_default_secret,
    validate_create=lambda new, context: _validate(new) + _validate_secret(new),
    validate_update=lambda new, old, context: _validate_update(new, old, context) + _validate_secret(new),
    columns=(NAME, Column("Type"), Column("Data"), AGE),
    row=_secret_row,
    fields={"type": lambda secret: str(secret.get("type", ""))},
)
SERVICE_ACCOUNT = Strategy(
    prepare_create=_clean_secrets,
    prepare_update=_clean_secrets,
    columns=(NAME, Column("Secrets"), AGE),
    row=_service_account_row,
)
LEASE = Strategy(
    validate_create=_validate_lease,
    validate_update=lambda new, old, context: _validate_lease(new, context),
    columns=(NAME, Column("Holder"), AGE),
    row=_lease_row,
)
