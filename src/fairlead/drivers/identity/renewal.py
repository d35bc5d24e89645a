"""Certificates that end are replaced in time, while their servers run; the end of an authority is announced.

Run as a program with a folder of certificates, it replaces those that are due. That is a process of its own because the
library that makes certificates would stay in the memory of a server, to be used once a year.
"""

import ssl
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from fairlead.drivers.identity.certificates import facts_of
from fairlead.drivers.identity.pki import AUTHORITY, certificate_files, is_due, write_certificate
from fairlead.drivers.linux.programs import run_to_end

LOOK_SECONDS = 60.0  # between two looks at whether a certificate's file has changed
ANNOUNCED_SECONDS = 365 * 86400.0


def renew_due(directory: Path) -> list[str]:
    """Replace the certificates in a folder that are about to end, each by one for the same subject; their names."""
    renewed = []
    for file in sorted(directory.glob("*.crt")):
        if file.stem == AUTHORITY or not file.with_suffix(".key").exists():
            continue
        facts = facts_of(file.read_bytes())
        if is_due(facts.end):
            write_certificate(directory, file.stem, facts.subject)
            renewed.append(file.stem)
    return renewed


async def renew_beside(directory: Path) -> str:
    """``renew_due`` in a process of its own; what it says, empty if nothing was due."""
    command = (sys.executable, "-m", "fairlead.drivers.identity.renewal", str(directory))
    ended = await run_to_end(*command)
    return (ended.output + ended.errors).strip()


def authority_notice(directory: Path, now: float) -> str:
    """The notice about an authority that expires within a year; empty otherwise.

    Args:
        now: seconds since the epoch.
    """
    certificate, _ = certificate_files(directory, AUTHORITY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(certificate)
    except OSError:
        return ""
    ends = [ssl.cert_time_to_seconds(str(found["notAfter"])) for found in context.get_ca_certs()]
    if not ends or min(ends) - now > ANNOUNCED_SECONDS:
        return ""
    day = datetime.fromtimestamp(min(ends), UTC).date()
    return (
        f"the certificate authority {certificate} ends on {day}: before then, stop what uses it, delete that file (not "
        "its key), start again, and hand out kubeconfigs once more"
    )


class FollowedCertificate:
    """A certificate in a TLS context, which takes up another one when its file is replaced."""

    def __init__(self, context: ssl.SSLContext, certificate: Path, key: Path, look_every: float = LOOK_SECONDS) -> None:
        """Args:
            look_every: seconds between two looks at the file.

        Raises:
            OSError: it cannot be read.
        """
        self._context, self._files, self._look_every = context, (certificate, key), look_every
        self._looked = time.monotonic()
        self._stamp = certificate.stat().st_mtime_ns
        context.load_cert_chain(*self._files)

    def current(self) -> ssl.SSLContext:
        """The context for the next handshake."""
        if time.monotonic() - self._looked >= self._look_every:
            self._looked = time.monotonic()
            with suppress(OSError):  # between two writes, or gone: the one that is in use goes on
                self._refresh()
        return self._context

    def _refresh(self) -> None:
        stamp = self._files[0].stat().st_mtime_ns
        if stamp != self._stamp:
            self._context.load_cert_chain(*self._files)
            self._stamp = stamp


if __name__ == "__main__":
    names = renew_due(Path(sys.argv[1]))
    if names:
        sys.stdout.write(f"renewed the certificates of {', '.join(names)}\n")
