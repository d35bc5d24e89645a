"""The headers of every request about its client: token or password, impersonated user, user agent."""

import asyncio
import base64
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx2

from fairlead.drivers.kube.access.exec_plugin import Credential, check_plugin, run_plugin
from fairlead.drivers.kube.access.kubeconfig import BadConfig, ClusterEntry, UserEntry
from fairlead.drivers.kube.access.tls import TlsSource

TOKEN_READ_EVERY = 10.0  # seconds, client-go's

_SAFE_IN_HEADER_NAMES = "!#$&'*+-.^_`|~"


class Credentials(httpx2.Auth):
    """Puts the credentials into requests, and gets others when the server refuses them or they have expired.

    Raises:
        BadConfig: the user's credentials are of a kind that is not known.
    """

    def __init__(self, user: UserEntry, cluster: ClusterEntry, tls: TlsSource) -> None:
        if user.auth_provider:
            name = user.auth_provider.get("name", "")
            raise BadConfig(f'no Auth Provider found for name "{name}"; use a plugin (exec) or a token')
        if user.exec:
            check_plugin(user.exec)
        self._user, self._cluster, self._tls = user, cluster, tls
        self._impersonation = impersonation_headers(user)
        self._file_token = _FileToken(user.token_file, user.token) if user.token_file else None
        self._credential: Credential | None = None
        self._asking = asyncio.Lock()

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """One request, and once more with fresh credentials if there may be such."""
        request.headers.update(self._impersonation)
        await self._authorize(request)
        response = yield request
        if response.status_code == 401 and await self._renew():
            await self._authorize(request)
            yield request

    async def _authorize(self, request: httpx2.Request) -> None:
        if token := await self._token():
            request.headers["Authorization"] = f"Bearer {token}"
        elif self._user.username:
            pair = f"{self._user.username}:{self._user.password}".encode()
            request.headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"

    async def _token(self) -> str:
        if self._file_token:
            return self._file_token.read()
        if self._user.token or not self._uses_plugin:
            return self._user.token
        return (await self._from_plugin()).token

    @property
    def _uses_plugin(self) -> bool:
        """A token or a password that stands in the file makes a plugin needless."""
        user = self._user
        return user.exec is not None and not (user.token or user.token_file or user.username)

    async def _from_plugin(self) -> Credential:
        async with self._asking:  # one plugin at a time; the others wait for what it says
            if self._credential is None or self._credential.is_expired(datetime.now(UTC)):
                assert self._user.exec is not None
                self._credential = await run_plugin(self._user.exec, self._cluster)
                self._tls.present(self._credential)
            return self._credential

    async def _renew(self) -> bool:
        """Forget what the server has refused; whether something else may be had."""
        if self._file_token:
            return self._file_token.forget()
        if not self._uses_plugin:
            return False
        self._credential = None
        return True


class _FileToken:
    """A token in a file that another program renews; ``fallback`` is used while the file cannot be read."""

    def __init__(self, path: str, fallback: str, now: Callable[[], float] = time.monotonic) -> None:
        self._path, self._token, self._now = Path(path), fallback, now
        self._read_at: float | None = None

    def read(self) -> str:
        if self._read_at is None or self._now() - self._read_at >= TOKEN_READ_EVERY:
            try:
                self._token = self._path.read_text().strip() or self._token
            except OSError as error:
                if not self._token:
                    raise BadConfig(f"token file {self._path} cannot be read: {error.strerror}") from error
            self._read_at = self._now()
        return self._token

    def forget(self) -> bool:
        """Read the file again at once; whether it holds another token than the one that was refused."""
        refused, self._read_at = self._token, None
        return self.read() != refused


def impersonation_headers(user: UserEntry) -> httpx2.Headers:
    """The headers of impersonation.

    Raises:
        BadConfig: groups or the like without a user, which the server would refuse.
    """
    if not user.as_user:
        if user.as_uid or user.as_groups or user.as_user_extra:
            raise BadConfig("requesting uid, groups or user-extra without impersonating a user")
        return httpx2.Headers()
    pairs = [("Impersonate-User", user.as_user)]
    if user.as_uid:
        pairs.append(("Impersonate-Uid", user.as_uid))
    pairs += [("Impersonate-Group", group) for group in user.as_groups]
    pairs += [(f"Impersonate-Extra-{_header_name(key)}", value) for key, value in _pairs(user.as_user_extra)]
    return httpx2.Headers(pairs)


def _pairs(extra: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(key, value) for key, values in extra.items() for value in values]


def _header_name(key: str) -> str:
    return quote(key.lower(), safe=_SAFE_IN_HEADER_NAMES)
