"""Credentials from a program: the ``exec`` of a kubeconfig's user.

The program is run when credentials are first needed, when they have expired, and when the server has refused them.
Upstream: client-go ``plugin/pkg/client/auth/exec``, API group client.authentication.k8s.io.
"""

import asyncio
import base64
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from fairlead.drivers.kube.access.kubeconfig import BadConfig, ClusterEntry, Exec
from fairlead.drivers.kube.errors import Unreachable
from fairlead.model.document import Doc

GROUP = "client.authentication.k8s.io"
VERSIONS = frozenset({f"{GROUP}/v1", f"{GROUP}/v1beta1"})
CLUSTER_EXTENSION = f"{GROUP}/exec"
PATIENCE = 60.0  # seconds that a plugin may take; it may ask a distant server


class PluginFailed(Unreachable):
    """The plugin gave no credentials; the message says why."""


class Credential(msgspec.Struct, rename="camel", frozen=True):
    """The credential of a plugin: a token, or a certificate with its key (PEM), or both; its expiry is RFC 3339."""

    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: str | None = None

    def is_expired(self, now: datetime) -> bool:
        return self.expiration_timestamp is not None and now >= datetime.fromisoformat(self.expiration_timestamp)


class _Answer(msgspec.Struct, rename="camel"):
    api_version: str = ""
    kind: str = ""
    status: Credential | None = None


def check_plugin(exec_: Exec) -> None:
    """Refuse a plugin that cannot be run.

    Raises:
        BadConfig: its version or mode is not known, or it wants to talk to a user and there is none.
    """
    if exec_.api_version not in VERSIONS:
        raise BadConfig(f'exec plugin: invalid apiVersion "{exec_.api_version}"')
    modes = {"Never", "IfAvailable", "Always"} | ({""} if exec_.api_version.endswith("v1beta1") else set())
    if exec_.interactive_mode not in modes:
        raise BadConfig(f'exec plugin: invalid interactiveMode "{exec_.interactive_mode}"')
    if exec_.interactive_mode == "Always" and not _has_user():
        raise BadConfig("exec plugin cannot support interactive mode: standard input is not a terminal")


async def run_plugin(exec_: Exec, cluster: ClusterEntry) -> Credential:
    """Ask the program.

    Raises:
        PluginFailed: it is missing, fails, takes too long, or gives something else.
    """
    is_interactive = exec_.interactive_mode != "Never" and _has_user()
    stdin = None if is_interactive else asyncio.subprocess.DEVNULL
    environment = {
        **os.environ,
        **{each.name: each.value for each in exec_.env},
        **_info(exec_, cluster, is_interactive),
    }
    try:
        process = await asyncio.create_subprocess_exec(
            exec_.command, *exec_.args, env=environment, stdin=stdin, stdout=asyncio.subprocess.PIPE
        )
    except OSError as error:
        hint = f"\n{exec_.install_hint}" if exec_.install_hint else ""
        raise PluginFailed(f"exec: executable {exec_.command} cannot be run: {error.strerror}{hint}") from error
    try:
        async with asyncio.timeout(PATIENCE):
            output, _ = await process.communicate()
    except TimeoutError as error:
        raise PluginFailed(f"exec: executable {exec_.command} has not ended after {PATIENCE:.0f} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise PluginFailed(f"exec: executable {exec_.command} failed with exit code {process.returncode}")
    return read_answer(output, exec_)


def read_answer(output: bytes, exec_: Exec) -> Credential:
    """The credentials that a plugin printed.

    Raises:
        PluginFailed: there are none, or they are not of the version that was asked for.
    """
    try:
        answer = msgspec.json.decode(output, type=_Answer)
        credential = answer.status or Credential()
        credential.is_expired(datetime.now(UTC))
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise PluginFailed(f"exec: {exec_.command} printed no ExecCredential: {error}") from error
    if (answer.kind, answer.api_version) != ("ExecCredential", exec_.api_version):
        want, got = exec_.api_version, answer.api_version
        raise PluginFailed(f"exec plugin is configured to use API version {want}, plugin returned version {got}")
    if bool(credential.client_certificate_data) != bool(credential.client_key_data):
        raise PluginFailed("exec plugin returned only one of certificate and key, not both")
    if not credential.token and not credential.client_key_data:
        raise PluginFailed("exec plugin didn't return a token or cert/key pair")
    return credential


def _info(exec_: Exec, cluster: ClusterEntry, is_interactive: bool) -> Mapping[str, str]:
    """What the program is told of what it is asked for."""
    spec: Doc = {"interactive": is_interactive}
    if exec_.provide_cluster_info:
        spec["cluster"] = _about(cluster)
    info = {"kind": "ExecCredential", "apiVersion": exec_.api_version, "spec": spec}
    return {"KUBERNETES_EXEC_INFO": msgspec.json.encode(info).decode()}


def _about(cluster: ClusterEntry) -> Doc:
    config: Any = next(
        (each.get("extension") for each in cluster.extensions if each.get("name") == CLUSTER_EXTENSION), None
    )
    about: Doc = {
        "server": cluster.server,
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "certificate-authority-data": cluster.certificate_authority_data
        or _file_as_data(cluster.certificate_authority),
        "proxy-url": cluster.proxy_url,
        "config": config,
    }
    return {name: value for name, value in about.items() if value}


def _file_as_data(path: str) -> str:
    """What stands in a file, as a kubeconfig would hold it; whether it can be read is found out where it is used."""
    try:
        return base64.b64encode(Path(path).read_bytes()).decode() if path else ""
    except OSError:
        return ""


def _has_user() -> bool:
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
