"""CustomResourceDefinitions as controllers see them: which collections they make, and whether these are served."""

from fairlead.model.objects import KubeObject, Slim

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"  # the finalizer of a definition: its objects go first


class DefinedVersion(Slim, frozen=True):
    """One version of a custom kind."""

    name: str
    served: bool = False
    storage: bool = False


class DefinedNames(Slim, frozen=True):
    """How a custom kind is called."""

    plural: str = ""
    kind: str = ""


class DefinitionSpec(Slim, frozen=True):
    """The specification of a CustomResourceDefinition."""

    group: str = ""
    scope: str = ""
    names: DefinedNames = DefinedNames()
    versions: tuple[DefinedVersion, ...] = ()


class DefinitionCondition(Slim, frozen=True):
    """One condition of a definition."""

    type: str = ""
    status: str = ""


class DefinitionStatus(Slim, frozen=True):
    """The API server's status of a definition."""

    conditions: tuple[DefinitionCondition, ...] | None = None


class CustomResourceDefinition(KubeObject, frozen=True):
    """A kind that users define."""

    spec: DefinitionSpec = DefinitionSpec()
    status: DefinitionStatus = DefinitionStatus()

    @property
    def is_established(self) -> bool:
        conditions = self.status.conditions or ()
        return any(condition.type == "Established" and condition.status == "True" for condition in conditions)

    @property
    def served_version(self) -> str:
        """The version to watch its objects in: that in which they are kept, if it is served; empty when none is."""
        served = sorted((v for v in self.spec.versions if v.served), key=lambda version: not version.storage)
        return served[0].name if served else ""
