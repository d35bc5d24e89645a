"""When a node pulls an image, and the messages about it: policies, back-off and messages of upstream's kubelet.

Upstream: ``pkg/kubelet/images/image_manager.go``.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import NamedTuple

from fairlead.images.auth_file import AuthFile, AuthFileError, Login, login_for, read_auth_file, read_docker_cfg
from fairlead.images.reference import ImageName
from fairlead.nodeagent.images import ImageError

FIRST_BACKOFF, LAST_BACKOFF = 10.0, 300.0  # seconds
ALWAYS, NEVER = "Always", "Never"


class PullError(ImageError):
    """The image could not be pulled."""

    reason = "ErrImagePull"


class PullBackOff(ImageError):
    """The image could not be pulled, and the next attempt has to wait."""

    reason = "ImagePullBackOff"


class NeverPull(ImageError):
    """The image is missing, and must not be pulled."""

    reason = "ErrImageNeverPull"


class PullFailure(NamedTuple):
    """A pull that failed.

    Attributes:
        until: when it may be tried again, on the caller's clock.
        delay: seconds that it waits.
    """

    message: str
    until: float
    delay: float


def is_wanted(policy: str, *, is_there: bool) -> bool:
    """Whether an image is to be fetched."""
    return policy != NEVER and (policy == ALWAYS or not is_there)


def failed(message: str, before: PullFailure | None, now: float) -> PullFailure:
    """The record of a failed pull, given the record of the previous failure."""
    delay = min(2 * before.delay, LAST_BACKOFF) if before else FIRST_BACKOFF
    return PullFailure(message, now + delay, delay)


def backing_off(image: str, failure: PullFailure) -> PullBackOff:
    return PullBackOff(f'Back-off pulling image "{image}": ErrImagePull: {failure.message}')


def never(image: str) -> NeverPull:
    return NeverPull(f'Container image "{image}" is not present with pull policy of Never')


def pulled(image: str, seconds: float, waiting: float, size: int) -> str:
    """The message of the Event about a completed pull."""
    return (
        f'Successfully pulled image "{image}" in {_seconds(seconds)} ({_seconds(waiting)} including waiting). '
        f"Image size: {size} bytes."
    )


def _seconds(value: float) -> str:
    return f"{value:.3f}s" if value >= 1 else f"{value * 1000:.0f}ms"


# Types of Secrets that hold logins: the key, and how it is read.
_SECRETS = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson", read_auth_file),
    "kubernetes.io/dockercfg": (".dockercfg", read_docker_cfg),
}


def login_of_secret(type_: str, data: Mapping[str, str], name: ImageName) -> Login | None:
    """The login that a Secret has for an image; values are in base64. A Secret of another type has none.

    Raises:
        AuthFileError: it is damaged.
    """
    key, read = _SECRETS.get(type_, ("", read_auth_file))
    if key not in data:
        return None
    try:
        file: AuthFile = read(base64.b64decode(data[key]), key)
    except binascii.Error as error:
        raise AuthFileError(f"{key}: {error}") from error
    return login_for(file, name)
