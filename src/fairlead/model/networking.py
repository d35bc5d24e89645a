"""Slim objects of networking.k8s.io/v1."""

from fairlead.model.objects import Condition, KubeObject, Slim


class ServiceCIDRSpec(Slim, frozen=True):
    """Ranges of virtual IPs in CIDR notation, one or one for each family."""

    cidrs: tuple[str, ...] = ()


class ServiceCIDRStatus(Slim, frozen=True):
    """Whether the ranges are in use is the condition ``Ready``."""

    conditions: tuple[Condition, ...] | None = None


class ServiceCIDR(KubeObject, frozen=True):
    """Ranges that virtual IPs of Services are taken from (KEP-1880)."""

    spec: ServiceCIDRSpec = ServiceCIDRSpec()
    status: ServiceCIDRStatus = ServiceCIDRStatus()

    @property
    def gives_addresses(self) -> bool:
        """Whether new addresses are allocated from it: it is not being deleted, and is Ready or has no condition
        yet."""
        ready = self.ready_condition
        return not self.is_terminating and (ready is None or ready.status == "True")

    @property
    def ready_condition(self) -> Condition | None:
        return next((condition for condition in self.status.conditions or () if condition.type == "Ready"), None)
