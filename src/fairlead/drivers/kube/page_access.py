"""Lets in to a part's pages by the word of the API server: a bearer token says who a client is (TokenReview), and the
client must be allowed to ``get`` the page's path (SubjectAccessReview with nonResourceAttributes).

As with the control plane's components, health pages need no credentials.
"""

import logging
from http import HTTPStatus

from fairlead.drivers.identity.authentication import bearer_token
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.kube.errors import KubeError, Unreachable
from fairlead.drivers.kube.reviews import OF_COMPONENTS, Reviews
from fairlead.drivers.linux.rare_log import RareLog
from fairlead.drivers.tiny_http import Page

FREE = frozenset({"/healthz", "/livez", "/readyz", "/health", "/ready"})
_UNKNOWN = Page("Unauthorized\n", HTTPStatus.UNAUTHORIZED, headers=(("WWW-Authenticate", "Bearer"),))
_UNSURE = Page("the API server cannot be asked who may see this\n", HTTPStatus.SERVICE_UNAVAILABLE)

log = logging.getLogger(__name__)


class PageAccess:
    """Decides about requests for pages; lets nobody in before there is a client to ask with."""

    def __init__(self, client: KubeClient | None = None) -> None:
        self._reviews: Reviews | None = None
        self._log = RareLog(log)
        if client:
            self.ask_with(client)

    def ask_with(self, client: KubeClient) -> None:
        """Ask the API server by this client from now on; it must be allowed to create reviews."""
        self._reviews = Reviews(client, OF_COMPONENTS)

    async def refusal(self, path: str, authorization: str) -> Page | None:
        """The answer that refuses the page; None if the client has access.

        Args:
            authorization: the header of that name; empty without one.
        """
        if path in FREE:
            return None
        if self._reviews is None:
            return _UNSURE
        try:
            return await self._reviewed(self._reviews, path, bearer_token(authorization))
        except (KubeError, Unreachable) as error:
            self._log.warning(f"access to {path} cannot be reviewed: {error}")
            return _UNSURE

    async def _reviewed(self, reviews: Reviews, path: str, token: str) -> Page | None:
        user = await reviews.user_of(token) if token else None
        if user is None:
            return _UNKNOWN
        if await reviews.allows(user, {"path": path, "verb": "get"}, "nonResourceAttributes"):
            return None
        return Page(f'Forbidden: user "{user.name}" cannot get path "{path}"\n', HTTPStatus.FORBIDDEN)
