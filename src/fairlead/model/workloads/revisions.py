"""ControllerRevisions."""

from fairlead.model.document import Doc
from fairlead.model.objects import KubeObject


class ControllerRevision(KubeObject, frozen=True):
    """One remembered template of a StatefulSet or DaemonSet; ``revision`` grows with each."""

    revision: int = 0
    data: Doc = {}
