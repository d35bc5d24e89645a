"""Who may ask a node's HTTP API for what: a client certificate or a bearer token says who a client is, the API server
what it may do. Upstream: ``InstallAuthFilter`` of ``pkg/kubelet/server/server.go``, whose messages these are.
"""

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from fairlead.drivers.identity.authentication import bearer_token, user_of_certificate
from fairlead.drivers.kube.errors import KubeError, Unreachable
from fairlead.drivers.kube.reviews import Reviews
from fairlead.drivers.linux.rare_log import RareLog
from fairlead.drivers.pods.runtime import Refused
from fairlead.nodeagent.api_access import node_attributes, subresources_of, verb_of
from fairlead.registry.requests import User
from fairlead.streaming.upgrade import HttpRequest

log = RareLog(logging.getLogger(__name__))

Certificate = Mapping[str, Any] | None  # as ``ssl.SSLObject.getpeercert`` has it: empty unless it was verified


class KubeletAccess(Protocol):
    """Decides about requests."""

    async def check(self, request: HttpRequest, certificate: Certificate) -> None:
        """Raises Refused: 401 or 403, or 500 where that could not be found out."""


class ReviewedAccess:
    """Access to one node by the word of the API server."""

    def __init__(self, node: str, reviews: Reviews) -> None:
        self._node, self._reviews = node, reviews

    async def check(self, request: HttpRequest, certificate: Certificate) -> None:
        """Raises Refused: the client is unknown, or not allowed to do this, or the API server cannot say."""
        user = user_of_certificate(certificate) or await self._bearer(request)
        if user is None:
            raise Refused(401, "Unauthorized")
        verb, subresources = verb_of(request.method), subresources_of(request.path)
        for subresource in subresources:
            if await self._allows(user, verb, subresource):
                return
        listed = " ".join(subresources)
        raise Refused(403, f"Forbidden (user={user.name}, verb={verb}, resource=nodes, subresource(s)=[{listed}])")

    async def _bearer(self, request: HttpRequest) -> User | None:
        token = bearer_token(request.headers.get("authorization", ""))
        if not token:
            return None
        try:
            return await self._reviews.user_of(token)
        except (KubeError, Unreachable) as error:
            log.warning(f"a client's token cannot be reviewed: {error}")
            raise Refused(401, "Unauthorized") from error

    async def _allows(self, user: User, verb: str, subresource: str) -> bool:
        try:
            return await self._reviews.allows(user, node_attributes(self._node, verb, subresource))
        except (KubeError, Unreachable) as error:
            what = f"user={user.name}, verb={verb}, resource=nodes, subresource={subresource}"
            log.warning(f"access cannot be reviewed ({what}): {error}")
            raise Refused(500, f"Authorization error ({what})") from error
