"""Answers of a registry: the errors that they report, and documents of a bounded size."""

import httpx2
import msgspec

from fairlead.images.documents import LARGEST_DOCUMENT
from fairlead.images.patience import is_temporary

PIECE = 256 * 1024  # octets read at once


class RegistryError(Exception):
    """A registry refuses a request; the message says which one and why.

    Attributes:
        status: HTTP status; 0 if there was no answer.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class TryAgain(Exception):
    """No usable answer; another attempt might succeed."""

    def __init__(self, message: str, status: int = 0, retry_after: str = "") -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


def require_success(answer: httpx2.Response, url: str) -> None:
    """Raise the error that an answer reports: TryAgain if it is temporary, RegistryError otherwise."""
    if answer.is_success:
        return
    status = answer.status_code
    reason = reason_of(answer)
    if is_temporary(status):
        raise TryAgain(reason, status, answer.headers.get("Retry-After", ""))
    raise RegistryError(f"{url}: {reason}", status)


class _Fault(msgspec.Struct, frozen=True):
    code: str = ""
    message: str = ""


class _Faults(msgspec.Struct, frozen=True):
    errors: tuple[_Fault, ...] = ()


def reason_of(answer: httpx2.Response) -> str:
    """The error of an answer, with the registry's message if there is one."""
    usual = f"{answer.status_code} {answer.reason_phrase}".strip()
    try:
        content = answer.read()[:65536]
        faults = msgspec.json.decode(content, type=_Faults).errors
    except (msgspec.DecodeError, httpx2.HTTPError):
        return usual
    said = "; ".join(filter(None, (fault.message or fault.code for fault in faults)))
    return f"{usual}: {said[:300]}" if said else usual


def read_document(answer: httpx2.Response, url: str) -> bytes:
    """Read a document of at most ``LARGEST_DOCUMENT`` octets; raises RegistryError if it is larger."""
    too_large = RegistryError(f"{url}: a document of more than {LARGEST_DOCUMENT} octets")
    said = answer.headers.get("Content-Length", "")
    if said.isdecimal() and int(said[:20]) > LARGEST_DOCUMENT:
        raise too_large
    content = bytearray()
    for piece in answer.iter_bytes(PIECE):
        content += piece
        if len(content) > LARGEST_DOCUMENT:
            raise too_large
    return bytes(content)


def is_final(error: httpx2.HTTPError) -> bool:
    """Whether another attempt would fail, too, as with a certificate that is not trusted."""
    return "CERTIFICATE_VERIFY_FAILED" in str(error) or isinstance(error, httpx2.UnsupportedProtocol)
