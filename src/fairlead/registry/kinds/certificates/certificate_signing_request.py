"""CertificateSigningRequests: checked and stored, approved or denied through a subresource. Nobody here signs them.

Upstream: pkg/registry/certificates/certificates, pkg/apis/certificates/validation.
"""

import base64
import binascii
from typing import Any

from fairlead.model.document import Doc
from fairlead.registry.field_errors import FieldError, invalid, required
from fairlead.registry.kinds.cells import AGE, NAME, NONE, age, human_duration, name
from fairlead.registry.strategy import Column, Context, Strategy

_PEM = b"-----BEGIN CERTIFICATE REQUEST-----"
_OF_THE_USER = ("extra", "groups", "uid", "username")
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
    """A new request is neither approved nor denied, and does not say in whose name it came."""
    for field in _OF_THE_USER:
        (request.get("spec") or {}).pop(field, None)
    request["status"] = {}


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
    """The fault of a changed request: what is asked for stays, or an approval would be of something else."""
    if request.get("spec") == old.get("spec"):
        return []
    return [invalid("spec", request.get("spec"), "field is immutable")]


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
    validate_create=validate_create,
    validate_update=validate_update,
    fields={"spec.signerName": lambda request: str((request.get("spec") or {}).get("signerName", ""))},
    columns=(NAME, AGE, Column("SignerName"), Column("Requestor"), Column("RequestedDuration"), Column("Condition")),
    row=row,
)
