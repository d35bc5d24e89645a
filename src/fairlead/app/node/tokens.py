"""The tokens of a Pod's ServiceAccount: requested once, and renewed well before they expire.

Each token is bound to the Pod and becomes invalid with it. Upstream: ``pkg/kubelet/token/token_manager.go``.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from fairlead.drivers.kube.client import SERVICE_ACCOUNTS, KubeClient, KubeError
from fairlead.nodeagent.manifest import RunPod, TokenSource
from fairlead.nodeagent.sources import Content, PodReference, token_sources
from fairlead.nodeagent.volumes import renewal_time

FIRST_LOOK = 60.0  # seconds until the age of tokens is looked at when none has been given yet


class _Token(NamedTuple):
    text: str
    renew_at: float


class PodTokens:
    """The tokens of one Pod.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, client: KubeClient, clock: Callable[[], float] = time.time) -> None:
        self._client, self._clock = client, clock
        self._tokens: dict[TokenSource, _Token] = {}

    async def of(self, pod: RunPod) -> dict[PodReference | TokenSource, Content]:
        """Every token that the Pod's volumes show, as far as its ServiceAccount is there: the file that holds it.

        Raises:
            KubeError, Unreachable: one could not be asked for.
        """
        for source in token_sources(pod):
            held = self._tokens.get(source)
            if held is None or held.renew_at <= self._clock():
                await self._renew(source, pod)
        return {source: {source.path: token.text.encode()} for source, token in self._tokens.items()}

    def seconds_left(self) -> float:
        """Seconds until the first of them is due for renewal."""
        if not self._tokens:
            return FIRST_LOOK
        return max(0.0, min(token.renew_at for token in self._tokens.values()) - self._clock())

    async def _renew(self, source: TokenSource, pod: RunPod) -> None:
        bound = {"apiVersion": "v1", "kind": "Pod", "name": pod.name, "uid": pod.metadata.uid}
        audiences = [source.audience] if source.audience else []
        spec = {"audiences": audiences, "expirationSeconds": source.expiration_seconds, "boundObjectRef": bound}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = SERVICE_ACCOUNTS.path(pod.namespace, pod.spec.service_account_name, "token")
        try:
            status = (await self._client.create(path, request))["status"]
        except KubeError as error:
            if error.code != 404:
                raise
            return
        expires = datetime.fromisoformat(status["expirationTimestamp"]).timestamp()
        self._tokens[source] = _Token(status["token"], renewal_time(self._clock(), expires))
