"""The objects that a node watches for NetworkPolicies.

Pods and Namespaces are followed once there is a policy, and from then on: a cluster without policies costs nothing.
"""

from collections.abc import Callable
from typing import Any

from fairlead.drivers.kube.client import NAMESPACES, NETWORK_POLICIES, PODS, KubeClient
from fairlead.drivers.kube.informer import Informer
from fairlead.model.names import ObjectKey
from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import Namespace, Pod, latest
from fairlead.netpolicy.census import Census, subject_of
from fairlead.netpolicy.enforcement import Changed
from fairlead.netpolicy.reading import read_policy


class PolicyFeed:
    """Follows policies, Pods and Namespaces.

    Args:
        tell: called with each new or changed policy after it is interpreted.
        wake: called when there is something to look at.

    Attributes:
        is_new: whether there is something to look at.
    """

    def __init__(
        self, client: KubeClient, wake: Callable[[], None], tell: Callable[[NetworkPolicy, tuple[str, ...]], None]
    ) -> None:
        self.is_new = False
        self._wake, self._tell = wake, tell
        self._census = Census()
        self._pods: set[ObjectKey] = set()
        self._policies: set[ObjectKey] = set()
        self._spaces: set[str] = set()
        self._create_task: Callable[..., object] | None = None
        self._of_policies = Informer(client, NETWORK_POLICIES, NetworkPolicy, self.policy_changed)
        self._others = (
            Informer(client, PODS, Pod, self.pod_changed),
            Informer(client, NAMESPACES, Namespace, self.namespace_changed),
        )
        self._follows_others = False

    def start(self, create_task: Callable[..., object]) -> None:
        """Follow until the tasks are cancelled."""
        self._create_task = create_task
        create_task(self._of_policies.run())
        create_task(self._when_known(self._of_policies))

    @property
    def is_known(self) -> bool:
        """Whether all has been seen that policies depend on: before that, too much would be let through."""
        return all(informer.synced.is_set() for informer in self.informers)

    @property
    def has_listed(self) -> bool:
        """Whether policies that come now are changes."""
        return self._of_policies.synced.is_set()

    @property
    def informers(self) -> tuple[Informer[Any], ...]:
        """The informers that run."""
        return (self._of_policies, *(self._others if self._follows_others else ()))

    def take(self) -> tuple[Census, Changed]:
        """The newest state, and what has changed since this was called last."""
        self.is_new = False
        changed = Changed(frozenset(self._pods), frozenset(self._policies), frozenset(self._spaces))
        for kind in (self._pods, self._policies, self._spaces):
            kind.clear()
        return self._census, changed

    def policy_changed(self, old: NetworkPolicy | None, new: NetworkPolicy | None) -> None:
        key = latest(old, new).key
        read = read_policy(new) if new else None
        self._census = self._census.with_policy(key, read)
        self._policies.add(key)
        self._note()
        if new is not None and read is not None and (old is None or old.spec != new.spec):
            self._tell(new, read.faults)
        self._follow_others()

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """Most changes of a Pod are none to policies."""
        key = latest(old, new).key
        census = self._census.with_subject(key, subject_of(new))
        if census is not self._census:
            self._census = census
            self._pods.add(key)
            self._note()

    def namespace_changed(self, old: Namespace | None, new: Namespace | None) -> None:
        name = latest(old, new).name
        if old is None or new is None or old.labels != new.labels:
            self._census = self._census.with_namespace(name, new.labels if new else None)
            self._spaces.add(name)
            self._note()

    def _follow_others(self) -> None:
        if not self._follows_others and self._create_task is not None:
            self._follows_others = True
            for informer in self._others:
                self._create_task(informer.run())
                self._create_task(self._when_known(informer))

    async def _when_known(self, informer: Informer[Any]) -> None:
        """An empty collection is news, too."""
        await informer.synced.wait()
        self._note()

    def _note(self) -> None:
        self.is_new = True
        self._wake()
