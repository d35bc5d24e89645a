"""Kubeconfig files: which of them count, how several are merged, and what the chosen context says.

As client-go ``tools/clientcmd`` has it: the first file that names a cluster, user, context or current context has the
say about it; paths are relative to the file that they stand in; what is not known is passed over.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from fairlead.drivers.kube.errors import Unreachable
from fairlead.model.document import Doc
from fairlead.model.yaml_loader import NotYaml, yaml_document

S = TypeVar("S", bound=msgspec.Struct)


class BadConfig(Unreachable):
    """No usable configuration was found; the message names the file or variable at fault."""


class ClusterEntry(msgspec.Struct, rename="kebab", frozen=True):
    """The address of an API server, and how to verify its certificate."""

    server: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool = False
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    proxy_url: str = ""
    extensions: tuple[Doc, ...] = ()


class ExecEnv(msgspec.Struct, frozen=True):
    """A variable of a plugin's environment."""

    name: str
    value: str = ""


class Exec(msgspec.Struct, rename="camel", frozen=True):
    """A program that gives credentials."""

    command: str
    api_version: str = ""
    args: tuple[str, ...] = ()
    env: tuple[ExecEnv, ...] = ()
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = ""


class UserEntry(msgspec.Struct, rename="kebab", frozen=True):
    """How a client says who it is, and as whom it wants to act."""

    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    token: str = ""
    token_file: str = msgspec.field(default="", name="tokenFile")
    username: str = ""
    password: str = ""
    as_user: str = msgspec.field(default="", name="as")
    as_uid: str = ""
    as_groups: tuple[str, ...] = ()
    as_user_extra: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    auth_provider: Doc | None = None
    exec: Exec | None = None


class ContextEntry(msgspec.Struct, rename="kebab", frozen=True):
    """Which user asks which cluster."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""


class ChosenContext(NamedTuple):
    """A resolved context; all paths are absolute. ``user_name`` is the name of the user's entry, for messages."""

    cluster: ClusterEntry
    user: UserEntry
    user_name: str


class _Entry(NamedTuple):
    """One named entry, and the file that it stands in."""

    content: Doc
    file: Path


class Merged(NamedTuple):
    """All entries of all files, by section and name."""

    sections: Mapping[str, Mapping[str, _Entry]]
    current_context: str

    @property
    def is_empty(self) -> bool:
        return not self.current_context and not any(self.sections.values())


_SECTIONS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_PATHS = {
    ClusterEntry: ("certificate_authority",),
    UserEntry: ("client_certificate", "client_key", "token_file"),
}


def named_files(environment: Mapping[str, str], home: Path) -> list[Path]:
    """The files that count when none is named: those of ``KUBECONFIG``, else ``~/.kube/config``."""
    if listed := environment.get("KUBECONFIG"):
        return list(dict.fromkeys(Path(name) for name in listed.split(os.pathsep) if name))
    return [home / ".kube" / "config"]


def read_files(paths: Sequence[Path], must_exist: bool = False) -> Merged:
    """The entries of all files together; those that do not exist are passed over, unless they must.

    Raises:
        BadConfig: a file cannot be read, or is no kubeconfig.
    """
    sections: dict[str, dict[str, _Entry]] = {section: {} for section in _SECTIONS}
    current = ""
    for path in paths:
        document = _read(path, must_exist)
        current = current or str(document.get("current-context") or "")
        for section, content in _SECTIONS.items():
            for entry in document.get(section) or ():
                if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                    sections[section].setdefault(entry["name"], _Entry(entry.get(content) or {}, path))
    return Merged(sections, current)


def choose(merged: Merged, context: str | None = None) -> ChosenContext:
    """Resolve the named context, or the current one.

    Raises:
        BadConfig: there is no such context, or it names what is not there or cannot be read.
    """
    name = context or merged.current_context
    if not name:
        raise BadConfig("the kubeconfig has no current context; name one with --context")
    found = _entry(merged, "contexts", name, ContextEntry)
    cluster = _entry(merged, "clusters", found.cluster, ClusterEntry)
    if not cluster.server:
        raise BadConfig(f'cluster "{found.cluster}" of the kubeconfig has no server')
    if cluster.insecure_skip_tls_verify and (cluster.certificate_authority or cluster.certificate_authority_data):
        raise BadConfig("specifying a root certificates file with the insecure flag is not allowed")
    user = _entry(merged, "users", found.user, UserEntry) if found.user else UserEntry()
    return ChosenContext(cluster, user, found.user)


def _entry(merged: Merged, section: str, name: str, type_: type[S]) -> S:
    entry = merged.sections[section].get(name)
    if entry is None:
        raise BadConfig(f'{_SECTIONS[section]} "{name}" does not exist in the kubeconfig')
    try:
        content = msgspec.convert(entry.content, type_)
    except msgspec.ValidationError as error:
        raise BadConfig(f'{entry.file}: {_SECTIONS[section]} "{name}": {error}') from error
    return _absolute(content, entry.file.absolute().parent)


def _absolute(content: S, folder: Path) -> S:
    paths = {name: getattr(content, name) for name in _PATHS.get(type(content), ())}
    changes: dict[str, Any] = {name: str(folder / path) for name, path in paths.items() if path}
    if isinstance(content, UserEntry) and content.exec and "/" in content.exec.command:
        changes["exec"] = msgspec.structs.replace(content.exec, command=str(folder / content.exec.command))
    return msgspec.structs.replace(content, **changes)


def _read(path: Path, must_exist: bool) -> Doc:
    try:
        document = _without_nulls(yaml_document(path.read_text()))
    except FileNotFoundError as error:
        if must_exist:
            raise BadConfig(f"there is no kubeconfig {path}") from error
        return {}
    except (OSError, UnicodeDecodeError, NotYaml, RecursionError) as error:
        raise BadConfig(f"kubeconfig {path} cannot be read: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise BadConfig(f"{path} is no kubeconfig")
    return document


def _without_nulls(value: Any) -> Any:
    """Go takes null for an absent value."""
    if isinstance(value, dict):
        return {str(key): _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
