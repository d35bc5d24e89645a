"""A registry's API for pulls: authentication, manifests, and blobs whose transfer resumes after an interruption.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

import base64
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import httpx2

from fairlead import __version__
from fairlead.drivers.images.incoming import IncomingBlob
from fairlead.drivers.images.registry_answers import (
    RegistryError,
    TryAgain,
    is_final,
    read_document,
    reason_of,
    require_success,
)
from fairlead.images.auth_file import Login
from fairlead.images.challenge import Challenge, RegistryToken, challenges, read_token, token_query
from fairlead.images.digest import DigestMismatch, check, digest_of
from fairlead.images.documents import LARGEST_DOCUMENT, MANIFESTS, Descriptor
from fairlead.images.patience import ATTEMPTS, content_range, delay
from fairlead.images.registries import RegistryEndpoint, is_loopback

SILENCE = 60.0  # seconds without an octet after which a connection counts as cut
CONNECT = 20.0  # seconds
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CERTIFICATES = ("~/.config/containers/certs.d", "/etc/containers/certs.d", "/etc/docker/certs.d")


class FetchedManifest(NamedTuple):
    """A manifest or an index, as received."""

    content: bytes
    media_type: str
    digest: str


class Registry:
    """One registry, for one repository; several threads can use it.

    Args:
        logins: the logins to try, the best first; the first one that is accepted is used.
        sleep: waits this many seconds.
    """

    def __init__(
        self,
        endpoint: RegistryEndpoint,
        logins: Sequence[Login] = (),
        sleep: Callable[[float], None] = time.sleep,
        silence: float = SILENCE,
    ) -> None:
        self._endpoint, self._logins, self._sleep = endpoint, list(logins), sleep
        self._turn = threading.Lock()
        self._authorization: str | None = None
        self._token: RegistryToken | None = None
        timeout = httpx2.Timeout(silence, connect=CONNECT)
        headers = {"User-Agent": f"fairlead/{__version__}"}
        self._http = httpx2.Client(timeout=timeout, headers=headers, verify=_tls(endpoint.host))

    def close(self) -> None:
        self._http.close()

    def manifest(self, reference: str) -> FetchedManifest:
        """A manifest or index by its tag or digest.

        Raises:
            RegistryError: there is none, or none is given. DigestMismatch: it is another.
        """
        url = f"{self._endpoint.url}/{self._endpoint.repository}/manifests/{reference}"
        attempt = 0
        while True:
            attempt += 1
            try:
                with self._opened(url, {"Accept": ", ".join(MANIFESTS)}) as answer:
                    content = read_document(answer, url)
                    found = answer.headers
                break
            except TryAgain as again:
                self._wait(again, attempt, url)
        digest = reference if ":" in reference else found.get("Docker-Content-Digest") or digest_of(content)
        check(f"{url}", digest, content)
        return FetchedManifest(content, found.get("Content-Type", ""), digest)

    def fetch(self, blob: Descriptor, into: IncomingBlob, progress: Callable[[int], None]) -> None:
        """Fetch what is missing of a blob, however often that takes, and commit it.

        Args:
            progress: told how many octets are there.

        Raises:
            RegistryError: it is not given. DigestMismatch: it is another.
        """
        url = f"{self._endpoint.url}/{self._endpoint.repository}/blobs/{blob.digest}"
        if into.size > blob.size:
            into.restart()
        resumed = into.size > 0
        self._fetch_rest(url, blob, into, progress)
        try:
            into.commit()
        except DigestMismatch:
            if not resumed:
                raise
            self._fetch_rest(url, blob, into, progress)  # what was there may have been at fault: all of it again
            into.commit()

    def _fetch_rest(self, url: str, blob: Descriptor, into: IncomingBlob, progress: Callable[[int], None]) -> None:
        attempt, began = 0, into.size
        progress(into.size)
        while into.size < blob.size:
            attempt += 1
            try:
                self._fetch_once(url, blob, into, progress)
                break
            except TryAgain as again:
                if into.size > began:  # retry: only a registry that sends nothing more is given up
                    attempt, began = 1, into.size
                self._wait(again, attempt, url)
            except RegistryError as error:
                if error.status != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not into.size:
                    raise
                into.restart()

    def _fetch_once(self, url: str, blob: Descriptor, into: IncomingBlob, progress: Callable[[int], None]) -> None:
        headers = {"Range": f"bytes={into.size}-"} if into.size else {}
        # What is compressed on the way besides could not be asked for from its middle.
        with self._opened(url, {**headers, "Accept-Encoding": "identity"}) as answer:
            if answer.status_code == HTTPStatus.PARTIAL_CONTENT:
                given = content_range(answer.headers.get("Content-Range", ""))
                if given is None or given.first != into.size:
                    into.restart()
                    raise TryAgain(f"the registry returned a different range than requested, {given}")
            elif into.size:
                into.restart()  # it gives the whole, whatever was asked for
            for piece in answer.iter_raw():  # as it comes: what has come counts, should the rest not
                into.write(piece)
                progress(into.size)
                if into.size > blob.size:
                    into.restart()
                    raise RegistryError(f"{url}: more than the {blob.size} octets that the manifest states")
        if into.size < blob.size:
            raise TryAgain("the connection ended too early")

    def _wait(self, again: "TryAgain", attempt: int, url: str) -> None:
        if attempt >= ATTEMPTS:
            raise RegistryError(f"{url}: {again}", again.status) from again
        self._sleep(delay(attempt, again.retry_after))

    @contextmanager
    def _opened(self, url: str, headers: dict[str, str]) -> Iterator[httpx2.Response]:
        """An answer that is good, authenticated as the registry wants; its body is still to come.

        Raises:
            TryAgain: asking again may help. RegistryError: it does not.
        """
        try:
            with self._authenticated(url, headers) as answer:
                yield answer
        except httpx2.TimeoutException as error:
            raise TryAgain(f"no answer in time: {error or type(error).__name__}") from error
        except httpx2.HTTPError as error:
            if is_final(error):
                raise RegistryError(f"{url}: {error}") from error
            raise TryAgain(str(error) or type(error).__name__) from error

    @contextmanager
    def _authenticated(self, url: str, headers: dict[str, str]) -> Iterator[httpx2.Response]:
        for number in range(2 + len(self._logins)):
            shown = self._authorization_header()
            with self._followed(url, headers | ({"Authorization": shown} if shown else {})) as answer:
                if answer.status_code != HTTPStatus.UNAUTHORIZED:
                    require_success(answer, url)
                    yield answer
                    return
                offered = challenges(answer.headers.get_list("WWW-Authenticate"))
                reason = reason_of(answer)
            if not self._authorize(offered, shown, is_first=number == 0):
                raise RegistryError(f"{url}: {reason or 'authentication required'}", HTTPStatus.UNAUTHORIZED)
        raise RegistryError(f"{url}: the registry accepts no login of this user", HTTPStatus.UNAUTHORIZED)

    def _authorization_header(self) -> str | None:
        """What proves who we are; nothing before the registry has asked."""
        with self._turn:
            if self._token and self._token.until <= time.monotonic():
                self._token = self._authorization = None
            return self._authorization

    def _authorize(self, offered: Sequence[Challenge], shown: str | None, *, is_first: bool) -> bool:
        """Get something better to show than what was refused; whether there is any."""
        with self._turn:
            if self._authorization != shown:
                return True  # another thread has
            if shown and not is_first and self._logins:
                self._logins.pop(0)
            for challenge in offered:
                if challenge.scheme == "bearer" and "realm" in challenge.parameters:
                    self._token = self._fetch_token(challenge)
                    self._authorization = f"Bearer {self._token.text}"
                    return True
                if challenge.scheme == "basic":
                    login = next((each for each in self._logins if each.user), None)
                    basic = login and f"Basic {base64.b64encode(f'{login.user}:{login.password}'.encode()).decode()}"
                    if basic and basic != shown:
                        self._authorization = basic
                        return True
        return False

    def _fetch_token(self, challenge: Challenge) -> RegistryToken:
        """A token, with the first login that the realm accepts, or anonymously."""
        realm = challenge.parameters["realm"]
        self._require_safe(realm)
        query = token_query(challenge, self._endpoint.repository)
        refused: RegistryError | None = None
        for login in (*self._logins, None):
            try:
                content = self._ask_realm(realm, query, login)
            except RegistryError as error:
                refused = refused or error
                continue
            if token := read_token(content, time.monotonic()):
                return token
            refused = refused or RegistryError(f"{realm}: its answer contains no token")
        raise refused or RegistryError(f"{realm}: no token")

    def _ask_realm(self, realm: str, query: dict[str, str], login: Login | None) -> bytes:
        if login and login.identity:
            form = {**query, "grant_type": "refresh_token", "refresh_token": login.identity, "client_id": "fairlead"}
            answer = self._http.post(realm, data=form)
        else:
            auth = httpx2.BasicAuth(login.user, login.password) if login else None
            account = {"account": login.user} if login else {}
            answer = self._http.get(realm, params={**query, **account}, auth=auth)
        require_success(answer, realm)
        return answer.content[:LARGEST_DOCUMENT]

    def _require_safe(self, url: str) -> None:
        """Only a registry that is spoken to without TLS may send us elsewhere without TLS."""
        parsed = httpx2.URL(url)
        if parsed.scheme != "https" and not (
            parsed.scheme == "http" and (self._endpoint.plain or is_loopback(parsed.netloc.decode()))
        ):
            raise RegistryError(f"{self._endpoint.host} redirects to {url}, which does not use TLS")

    @contextmanager
    def _followed(self, url: str, headers: dict[str, str]) -> Iterator[httpx2.Response]:
        """An answer that leads no further. What proves who we are is shown to the registry alone."""
        host = httpx2.URL(url).netloc
        for _ in range(_MOST_REDIRECTS + 1):
            own = (
                headers
                if httpx2.URL(url).netloc == host
                else {k: v for k, v in headers.items() if k != "Authorization"}
            )
            with self._http.stream("GET", url, headers=own) as answer:
                if answer.status_code not in _REDIRECTS or "Location" not in answer.headers:
                    yield answer
                    return
                url = str(httpx2.URL(url).join(answer.headers["Location"]))
            self._require_safe(url)
            if httpx2.URL(url).netloc != host:
                headers = {name: value for name, value in headers.items() if name != "Authorization"}
        raise RegistryError(f"{url}: more than {_MOST_REDIRECTS} redirects")


def _tls(host: str) -> ssl.SSLContext:
    """Trusts what this machine does, and the authority that Docker's and Podman's folders name for the registry."""
    context = ssl.create_default_context()
    for folder in _CERTIFICATES:
        for path in sorted(Path(folder).expanduser().joinpath(host).glob("*.crt")):
            context.load_verify_locations(path)
    return context
