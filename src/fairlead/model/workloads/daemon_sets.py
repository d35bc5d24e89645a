"""DaemonSets."""

from fairlead.model.document import Doc
from fairlead.model.objects import KubeObject, LabelSelector, Slim


class RollingDaemons(Slim, frozen=True):
    """On how many Nodes an update may leave the Pod unavailable, or else run a new one beside the old: numbers, or
    percentages of the Nodes as text."""

    max_unavailable: int | str = 1
    max_surge: int | str = 0


class DaemonSetUpdateStrategy(Slim, frozen=True):
    """RollingUpdate or OnDelete."""

    type: str = "RollingUpdate"
    rolling_update: RollingDaemons | None = None


class DaemonSetSpec(Slim, frozen=True):
    """Wanted state of a DaemonSet."""

    selector: LabelSelector = LabelSelector()
    min_ready_seconds: int = 0
    update_strategy: DaemonSetUpdateStrategy = DaemonSetUpdateStrategy()
    revision_history_limit: int | None = None
    template: Doc = {}


class DaemonSetStatus(Slim, frozen=True):
    """Observed state of a DaemonSet; numbers of Nodes."""

    current_number_scheduled: int = 0
    number_misscheduled: int = 0
    desired_number_scheduled: int = 0
    number_ready: int = 0
    updated_number_scheduled: int = 0
    number_available: int = 0
    number_unavailable: int = 0
    observed_generation: int = 0


class DaemonSet(KubeObject, frozen=True):
    """A DaemonSet."""

    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()
