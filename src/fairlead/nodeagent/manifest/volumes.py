"""Volumes, and the files that they are made of."""

import msgspec

from fairlead.model.objects import Slim
from fairlead.nodeagent.manifest.variables import ObjectFieldSelector, ResourceSelector


class HostPath(Slim, frozen=True):
    """A file or folder of the machine; ``type`` says what must be there, or is to be made."""

    path: str
    type: str = ""


class EmptyDir(Slim, frozen=True):
    """A folder that is empty when the Pod starts, and goes with it; ``size_limit`` is a quantity, and ``medium``
    is empty for the node's disk."""

    size_limit: str | None = None
    medium: str = ""


class BoundClaimSource(Slim, frozen=True):
    """The volume that a PersistentVolumeClaim is bound to."""

    claim_name: str
    read_only: bool = False


class KeyToPath(Slim, frozen=True):
    """A key of a ConfigMap or Secret, and the file that it becomes; without a mode of its own it has its volume's."""

    key: str
    path: str
    mode: int | None = None


class DownwardFile(Slim, frozen=True):
    """A file that holds a field of the Pod or a resource of a container; without a mode of its own it has its
    volume's."""

    path: str
    mode: int | None = None
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceSelector | None = None


class FileSource(Slim, frozen=True):
    """Files made of a ConfigMap (``name``) or of a Secret (``secretName``, or ``name`` where projected): of every key,
    or of those that ``items`` names."""

    name: str = ""
    secret_name: str = ""
    optional: bool = False
    items: tuple[KeyToPath, ...] | None = None
    default_mode: int | None = None


class DownwardSource(Slim, frozen=True):
    """Files made of fields of the Pod."""

    items: tuple[DownwardFile, ...] = ()
    default_mode: int | None = None


class TokenSource(Slim, frozen=True):
    """A file that holds a token of the Pod's ServiceAccount, for the API server when no ``audience`` is named."""

    path: str
    audience: str = ""
    expiration_seconds: int = 3600


class Projection(Slim, frozen=True):
    """One source of a projected volume; only there may it be a token."""

    service_account_token: TokenSource | None = None
    config_map: FileSource | None = None
    secret: FileSource | None = None
    downward_api: DownwardSource | None = msgspec.field(default=None, name="downwardAPI")


class Projected(Slim, frozen=True):
    """Several sources in one folder."""

    sources: tuple[Projection, ...] = ()
    default_mode: int | None = None


class Volume(Projection, frozen=True):
    """A volume that containers can mount; exactly one source is set."""

    name: str = ""
    host_path: HostPath | None = None
    empty_dir: EmptyDir | None = None
    projected: Projected | None = None
    persistent_volume_claim: BoundClaimSource | None = None

    @property
    def is_made_of_files(self) -> bool:
        """Whether the node writes its contents, which are read-only for others."""
        return any((self.config_map, self.secret, self.downward_api, self.projected))
