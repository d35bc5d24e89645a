"""Finds a user's credentials for registries: in the files of Docker and Podman, and through their helper programs."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from fairlead.images.auth_file import (
    IDENTITY,
    AuthFile,
    AuthFileError,
    Login,
    helper_for,
    login_for,
    read_auth_file,
)
from fairlead.images.reference import ImageName

PATIENCE = 30.0  # seconds for a helper program


class _Answer(msgspec.Struct, frozen=True, rename="pascal"):
    username: str = ""
    secret: str = ""


def logins_of_user(name: ImageName) -> Iterator[Login]:
    """Every login that this user has for an image, the best first.

    Raises:
        AuthFileError: a file is damaged, or a helper fails.
    """
    for file in auth_files():
        if login := login_for(file, name):
            yield login
        if helper := helper_for(file, name.registry):
            yield from _ask_helper(*helper)


def auth_files() -> Iterator[AuthFile]:
    """The files that there are, those of Podman first.

    Raises:
        AuthFileError: one is damaged.
    """
    for path in _places():
        try:
            content = path.read_bytes()
        except OSError:
            continue
        yield read_auth_file(content, str(path))


def _places() -> Sequence[Path]:
    home = Path(os.path.expanduser("~"))
    if given := os.environ.get("REGISTRY_AUTH_FILE"):
        return (Path(given),)
    run = os.environ.get("XDG_RUNTIME_DIR")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    docker = Path(os.environ.get("DOCKER_CONFIG") or home / ".docker")
    of_podman = [Path(folder, "containers", "auth.json") for folder in (run, config) if folder]
    return (*of_podman, docker / "config.json")


def _ask_helper(suffix: str, server: str) -> Iterator[Login]:
    """What a helper program knows of a server. https://github.com/docker/docker-credential-helpers"""
    program = f"docker-credential-{suffix}"
    if not re.fullmatch(r"[\w.-]+", suffix, re.ASCII) or shutil.which(program) is None:
        raise AuthFileError(f"the credential helper {program!r} is not installed")
    try:
        done = subprocess.run(
            [program, "get"], input=server.encode(), capture_output=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise AuthFileError(f"{program} does not answer within {PATIENCE:.0f} s") from None
    if done.returncode:
        if b"not found" in done.stdout + done.stderr:
            return
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise AuthFileError(f"{program}: {said or f'exit code {done.returncode}'}")
    try:
        answer = msgspec.json.decode(done.stdout, type=_Answer)
    except msgspec.DecodeError as error:
        raise AuthFileError(f"{program}: {error}") from error
    is_identity = answer.username == IDENTITY
    yield Login(identity=answer.secret) if is_identity else Login(answer.username, answer.secret)
