"""Options of the page: the cluster that it shows, and the changes that it allows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UiOptions:
    """The sources to read, as for ``explain``, and the settings of the server.

    Attributes:
        files: read once, at each start of a page; then nothing else is read.
        lab: name of a lab. kubeconfig, context: of a cluster; None as kubectl chooses.
        namespace: of names without one. zone: the cluster domain.
        port: None for the usual one, or any if that is taken; 0 for any.
        allows_changes: whether the page may apply fixes.
    """

    files: tuple[str, ...] = ()
    lab: str | None = None
    kubeconfig: str | None = None
    context: str | None = None
    namespace: str = "default"
    zone: str = "cluster.local"
    port: int | None = None
    allows_changes: bool = False

    @property
    def is_live(self) -> bool:
        return not self.files

    @property
    def title(self) -> str:
        """The heading of the page."""
        if self.files:
            return ", ".join(self.files)
        return f"lab {self.lab}" if self.lab else self.context or self.kubeconfig or "kubeconfig"
