"""CertificateSigningRequests: validated and stored, approved or denied through a subresource. They contain their
author; permissions to approve and sign are in ``registry.access.certificate_signers``.

Upstream: pkg/registry/certificates/certificates, pkg/apis/certificates/validation.
"""

import base64
import binascii
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, duplicate, forbidden, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, NONE, age, human_duration, name
from fairlead.registry.strategy import Column, Context, Strategy

_PEM = b"-----BEGIN CERTIFICATE REQUEST-----"
_OF_THE_USER = ("extra", "groups", "uid", "username")
_DECISIONS = frozenset({"Approved", "Denied"})
_SHORTEST = 600  # seconds
_USAGES = frozenset(
    {
        *("signing", "digital signature", "content commitment", "key encipherment", "key agreement"),
        *("data encipherment", "cert sign", "crl sign", "encipher only", "decipher only", "any", "server auth"),
        *("client auth", "code signing", "email protection", "s/mime", "ipsec end system", "ipsec tunnel"),
        *("ipsec user", "timestamping", "ocsp signing", "microsoft sgc", "netscape sgc"),
    }
)


def prepare_create(request: Doc, context: Context) -> None:
    """A new request is neither approved nor denied, and its author is the client, regardless of its content."""
    spec = request.setdefault("spec", {})
    for field in _OF_THE_USER:
        spec.pop(field, None)
    if author := context.author:
        extra = {key: list(values) for key, values in author.extra.items()}
        told = {"username": author.name, "uid": author.uid, "groups": list(author.groups), "extra": extra}
        spec |= {field: value for field, value in told.items() if value}
    request["status"] = {}


def prepare_status_update(request: Doc, old: Doc, context: Context) -> None:
    """The signer issues or fails; it cannot approve a request."""
    status = request.setdefault("status", {})
    status["conditions"] = [*_conditions(old, _DECISIONS), *_conditions(request, None, _DECISIONS)]
    _date(status["conditions"], old, context.now)


def prepare_approval(request: Doc, old: Doc, context: Context) -> None:
    """An approver approves or denies, and nothing else."""
    conditions = [*_conditions(old, None, _DECISIONS), *_conditions(request, _DECISIONS)]
    request["status"] = {**(old.get("status") or {}), "conditions": conditions}
    _date(conditions, old, context.now)


def _conditions(request: Doc, only: frozenset[str] | None = None, never: frozenset[str] = frozenset()) -> list[Doc]:
    found = (request.get("status") or {}).get("conditions") or []
    return [each for each in found if each.get("type") not in never and (only is None or each.get("type") in only)]


def _date(conditions: list[Doc], old: Doc, now: str) -> None:
    """Set missing times of conditions."""
    known = {each.get("type"): each for each in _conditions(old)}
    for condition in conditions:
        condition.setdefault("lastUpdateTime", now)
        before = known.get(condition.get("type"), {})
        is_same = before.get("status") == condition.get("status")
        since = before.get("lastTransitionTime") if is_same else None
        condition.setdefault("lastTransitionTime", since or now)


def validate_create(request: Doc, context: Context) -> list[FieldError]:
    """The faults of a request."""
    spec = request.get("spec") or {}
    faults = _encoded(spec.get("request", "")) + _signer(spec.get("signerName", ""))
    usages = spec.get("usages") or []
    if not usages:
        faults.append(required("spec.usages"))
    faults += [
        invalid(f"spec.usages[{i}]", usage, "unknown usage") for i, usage in enumerate(usages) if usage not in _USAGES
    ]
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _SHORTEST:
        faults.append(
            invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)")
        )
    return faults


def _encoded(text: str) -> list[FieldError]:
    try:
        is_pem = base64.b64decode(text, validate=True).lstrip().startswith(_PEM)
    except (binascii.Error, ValueError):
        is_pem = False
    return [] if is_pem else [invalid("spec.request", text[:64], "PEM block type must be CERTIFICATE REQUEST")]


def _signer(text: str) -> list[FieldError]:
    path, (domain, slash, rest) = "spec.signerName", text.partition("/")
    if not text:
        return [required(path)]
    if not slash or not rest or "." not in domain:
        detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid(path, text, detail)]
    return []


def validate_update(request: Doc, old: Doc, context: Context) -> list[FieldError]:
    """The faults of a changed request: its content must not change, since an approval is for this content, nor must a
    decision or an issued certificate."""
    faults = []
    if request.get("spec") != old.get("spec"):
        faults.append(invalid("spec", request.get("spec"), "field is immutable"))
    return faults + _status_faults(request.get("status") or {}, old.get("status") or {})


def _status_faults(new: Doc, old: Doc) -> list[FieldError]:
    faults, types = [], {each.get("type") for each in new.get("conditions") or ()}
    for decided in ("Approved", "Denied", "Failed"):
        if decided in {each.get("type") for each in old.get("conditions") or ()} - types:
            detail = f'updates may not remove a condition of type "{decided}"'
            faults.append(forbidden("status.conditions", detail))
    told = [each.get("type") for each in new.get("conditions") or ()]
    faults += [duplicate(f"status.conditions[{i}].type", type_) for i, type_ in enumerate(told) if type_ in told[:i]]
    if {"Approved", "Denied"} <= types:
        detail = "Approved and Denied conditions are mutually exclusive"
        faults.append(invalid("status.conditions", "Denied", detail))
    if (issued := old.get("certificate")) and new.get("certificate") != issued:
        faults.append(forbidden("status.certificate", "updates may not set certificate content"))
    return faults


def row(request: Doc, now: str) -> list[Any]:
    """The cells of one request."""
    spec, status = request.get("spec") or {}, request.get("status") or {}
    types = {condition.get("type") for condition in status.get("conditions") or ()}
    held = [text for text in ("Approved", "Denied", "Failed") if text in types]
    state = ",".join(held or ["Pending"]) + (",Issued" if status.get("certificate") else "")
    seconds = spec.get("expirationSeconds")
    wanted = NONE if seconds is None else human_duration(seconds)
    return [name(request), age(request, now), spec.get("signerName", ""), spec.get("username", ""), wanted, state]


STRATEGY = Strategy(
    prepare_create=prepare_create,
    prepare_status_update=prepare_status_update,
    prepare_approval=prepare_approval,
    validate_create=validate_create,
    validate_update=validate_update,
    fields={"spec.signerName": lambda request: str((request.get("spec") or {}).get("signerName", ""))},
    columns=(NAME, AGE, Column("SignerName"), Column("Requestor"), Column("RequestedDuration"), Column("Condition")),
    row=row,
)
