"""Keeps NetworkPolicies in the kernel of one node, beside its Services.

Errors here are reported and retried, and never delay Services. Nothing is written before all policies
are known, and the Pods and Namespaces that they are about: until then the kernel keeps what it had.
"""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from fairlead.app.proxy.policy_feed import PolicyFeed
from fairlead.app.proxy.policy_plane import PolicyPlane
from fairlead.app.proxy.refusals import FIRST_RETRY, LAST_RETRY
from fairlead.app.proxy.reports import Reports
from fairlead.drivers.kube.client import KubeClient
from fairlead.drivers.kube.informer import Informer
from fairlead.drivers.proxy.nft_commands import RulesError
from fairlead.model.names import ObjectKey
from fairlead.model.network_policies import NetworkPolicy
from fairlead.netpolicy.census import Census

log = logging.getLogger(__name__)


class Policies:
    """Drives the planes of policies after the API.

    Args:
        wake: called when there is something to do.

    Attributes:
        next_try: when to go on after a failure, by the monotonic clock; infinity: there was none.
    """

    def __init__(
        self, client: KubeClient, planes: Sequence[PolicyPlane], reports: Reports, wake: Callable[[], None]
    ) -> None:
        self._planes, self._reports = planes, reports
        self._known: dict[ObjectKey, NetworkPolicy] = {}
        self._told: dict[ObjectKey, str] = {}
        self._feed = PolicyFeed(client, wake, self._policy_read)
        self._delay = FIRST_RETRY
        self.next_try = float("inf")

    def start(self, create_task: Callable[..., object]) -> None:
        """Follow the API until the tasks are cancelled."""
        self._feed.start(create_task)

    def invalidate(self) -> None:
        """Assume nothing about the kernel's rules: the next step compares and repairs all of them."""
        for plane in self._planes:
            plane.invalidate()
        self.next_try = 0.0

    @property
    def informers(self) -> tuple[Informer[Any], ...]:
        """The informers of the objects that rules are made from."""
        return self._feed.informers

    @property
    def is_settled(self) -> bool:
        """Whether the kernel enforces all policies read so far."""
        return self._feed.is_known and not self._feed.is_new and self.next_try == float("inf")

    @property
    def is_due(self) -> bool:
        return self._feed.is_known and (self._feed.is_new or self.next_try <= time.monotonic())

    async def step(self) -> int:
        """Bring the kernel to what is known; how many transactions that took, as the kernel counts them."""
        if not self.is_due:
            return 0
        census, changed = self._feed.take()
        transactions, failure = 0, ""
        for plane in self._planes:
            try:
                transactions += await plane.follow(census, changed)
            except RulesError as error:
                failure = str(error)
            except Exception as error:  # a fault of ours must leave the node its Services
                log.exception("network policies of %s", plane.family)
                failure = f"{type(error).__name__}: {error}"
        self._settle(failure)
        self._report(census)
        return transactions

    def _settle(self, failure: str) -> None:
        if not failure:
            self._delay, self.next_try = FIRST_RETRY, float("inf")
            self._reports.policies_step_done()
            return
        log.warning("network policies not changed, next attempt in %.1f s: %s", self._delay, failure)
        self.next_try = time.monotonic() + self._delay
        self._delay = min(self._delay * 2, LAST_RETRY)

    # --- what is told ---

    def _policy_read(self, policy: NetworkPolicy, faults: tuple[str, ...]) -> None:
        self._known[policy.key] = policy
        if self._feed.has_listed:
            self._reports.policy_came(policy)
        if faults:
            self._reports.policy_not_understood(policy, faults)

    def _report(self, census: Census) -> None:
        for key in self._known.keys() - census.policies.keys():
            del self._known[key]
        refused = {key: why for plane in self._planes for key, why in plane.refused.items()}
        for key, why in refused.items():
            if self._told.get(key) != why and key in self._known:
                self._reports.policy_refused(self._known[key], why)
        self._told = refused
        faulty = {key for key, policy in census.policies.items() if policy.faults}
        for plane in self._planes:
            enforced = plane.enforced
            in_force = {key for _, key in enforced.in_force}
            counts = len(enforced.isolated), len(in_force), len(faulty | plane.refused.keys())
            self._reports.policies_done(plane.family, *counts)
