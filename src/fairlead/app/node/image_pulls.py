"""Requests image pulls from the process in the machine's network, and finds the logins for them."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from fairlead.drivers.kube.client import KubeClient, KubeError, ResourcePath
from fairlead.drivers.lab import control_socket
from fairlead.drivers.linux.descriptors import PipeReader
from fairlead.images.auth_file import AuthFileError, Login
from fairlead.images.reference import ImageName
from fairlead.nodeagent.manifest import RunPod
from fairlead.nodeagent.pulling import PullError, login_of_secret

AT_A_TIME = 2  # for one node

log = logging.getLogger(__name__)


class Fetched(NamedTuple):
    """A successful pull."""

    seconds: float
    size: int


class Puller:
    """Requests images.

    Args:
        path: the socket of the process that pulls.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._turns = path, asyncio.Semaphore(AT_A_TIME)

    async def pull(self, name: ImageName, logins: list[Login]) -> Fetched:
        """Return when the store has the image.

        Raises:
            PullError: it could not be fetched; why is in the message.
        """
        request = {"op": "pull", "image": str(name), "logins": [login._asdict() for login in logins]}
        async with self._turns:
            try:
                reply = await asyncio.to_thread(control_socket.ask, self._path, request)
                answer = await _read_answer(*reply.descriptors)
            except (OSError, ValueError, control_socket.RequestRefused) as error:
                raise PullError(f"the process that fetches images does not answer: {error}") from error
        if "error" in answer:
            raise PullError(answer["error"])
        return Fetched(answer["seconds"], answer["size"])


async def _read_answer(fd: int) -> dict[str, Any]:
    """Wait for the end of a pull, or until its last waiter is cancelled; a thread could not be cancelled."""
    pipe, answer = PipeReader(fd), b""
    try:
        while part := await pipe.read():
            answer += part
    finally:
        pipe.close()
    return dict(json.loads(answer or b'{"error": "the pull was killed"}'))


class _Secret(msgspec.Struct, frozen=True):
    type: str = ""
    data: dict[str, str] | None = None


async def pull_logins(client: KubeClient, pod: RunPod, name: ImageName) -> tuple[list[Login], list[str]]:
    """The logins of a Pod's ``imagePullSecrets`` for an image, and the Secrets that are not there or damaged.

    Raises:
        KubeError, Unreachable: the API could not be asked.
    """
    logins, missing = [], []
    for reference in pod.spec.image_pull_secrets or ():
        if not reference.name:
            continue
        try:
            document = await client.get(ResourcePath("v1", "secrets").path(pod.namespace, reference.name))
            secret = msgspec.json.decode(document, type=_Secret)
            login = login_of_secret(secret.type, secret.data or {}, name)
        except AuthFileError as error:
            log.warning("Secret %s of %s: %s", reference.name, pod.key, error)
            missing.append(reference.name)
            continue
        except KubeError as error:
            if error.code != 404:
                raise
            missing.append(reference.name)
            continue
        if login:
            logins.append(login)
    return logins, missing
