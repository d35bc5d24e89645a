"""Environment variables of a container, and the fields, keys and resources that values come from."""

from fairlead.model.objects import Slim


class ObjectFieldSelector(Slim, frozen=True):
    """A field of the Pod itself, such as ``metadata.name``."""

    field_path: str


class KeySelector(Slim, frozen=True):
    """A key of a ConfigMap or Secret."""

    key: str
    name: str = ""
    optional: bool = False


class ResourceSelector(Slim, frozen=True):
    """A resource of a container, such as ``limits.cpu``, in units of the divisor; a divisor of 0 stands for 1."""

    resource: str
    container_name: str = ""
    divisor: str = "0"


class EnvVarSource(Slim, frozen=True):
    """The source of a variable's value; exactly one field is set."""

    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceSelector | None = None
    config_map_key_ref: KeySelector | None = None
    secret_key_ref: KeySelector | None = None


class EnvVar(Slim, frozen=True):
    """One environment variable; ``value`` may refer to earlier ones as ``$(NAME)``."""

    name: str
    value: str = ""
    value_from: EnvVarSource | None = None


class SourceReference(Slim, frozen=True):
    """A ConfigMap or Secret as a whole."""

    name: str = ""
    optional: bool = False


class EnvFromSource(Slim, frozen=True):
    """Variables for every key of a ConfigMap or Secret."""

    prefix: str = ""
    config_map_ref: SourceReference | None = None
    secret_ref: SourceReference | None = None
