"""When NetworkPolicies are written to the kernel, and the effect of invalid or refused ones."""

import asyncio

import pytest

from fairlead.app.proxy.policies import Policies
from fairlead.app.proxy.policy_feed import PolicyFeed
from fairlead.app.proxy.policy_plane import PolicyPlane
from fairlead.app.proxy.policy_stores import Put
from fairlead.drivers.proxy.nft_commands import Problem, RulesError
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.netfilter.ruleset import Drop, Table
from fairlead.netfilter.transaction import apply
from fairlead.netpolicy.nft_rules import NftPolicies
from tests.support.policy_objects import namespace, pod, policy

WEB = pod("web", "10.0.0.1", labels={"app": "web"})
CLIENT = pod("client", "10.0.0.2", node="there")
DENY = policy("deny", {"app": "web"})
OPEN = policy("open", {"app": "web"}, ingress=[{"from": [{"podSelector": {}}]}])
BAD = policy(
    "bad", {"app": "web"}, ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/99"}}]}, {"ports": [{"port": 80}]}]
)


class Store:
    """Keeps a table, refuses chains whose names have a word, and fails as often as it is told to."""

    def __init__(self):
        self.backend = NftPolicies(IPFamily.IPV4)
        self.table, self.done = None, []
        self.refused_word, self.failures = "none", 0

    async def put(self, table, *, is_needed):
        self._check(table)
        self.done.append("put")
        if self.table is None and not is_needed:
            return Put(False)
        self.table = table
        return Put(True, 1)

    async def change(self, transaction):
        self.done.append("change")
        table = apply(transaction, self.table)
        self._check(table)
        self.table = table
        return 1

    async def try_out(self, table):
        return RulesError(Problem.OTHER, "no such word") if self._refuses(table) else None

    def _refuses(self, table):
        """A policy that is closed has an empty chain, which nobody minds."""
        return any(self.refused_word in name and chain.rules for name, chain in table.chains.items())

    def _check(self, table):
        if self.failures:
            self.failures -= 1
            raise RulesError(Problem.NOT_PERMITTED)
        if self._refuses(table):
            raise RulesError(Problem.OTHER, "no such word")


class Reports:
    """What is told."""

    def __init__(self):
        self.refused, self.faults, self.counts = [], [], {}
        self.came: list[str] = []
        self.done: list[str] = []

    def policy_came(self, policy):
        self.came.append(policy.name)

    def policies_step_done(self):
        self.done, self.came = [*self.done, *self.came], []

    def policy_refused(self, policy, reason):
        self.refused.append((policy.name, reason))

    def policy_not_understood(self, policy, faults):
        self.faults.append((policy.name, faults))

    def policies_done(self, family, isolated, in_force, faulty):
        self.counts[family] = (isolated, in_force, faulty)


@pytest.fixture
def node():
    return Node()


class Node:
    """A node whose API is what the test says, and whose kernel is a store."""

    def __init__(self):
        self.store, self.reports, self.wakes = Store(), Reports(), []
        self.plane = PolicyPlane("here", self.store)
        self.policies = Policies(None, [self.plane], self.reports, lambda: self.wakes.append(1))
        self.feed: PolicyFeed = self.policies._feed
        for informer in (self.feed._of_policies, *self.feed._others):
            informer.synced.set()

    def step(self):
        return asyncio.run(self.policies.step())

    def has(self, *policies, pods=(WEB, CLIENT)):
        for each in pods:
            self.feed.pod_changed(None, each)
        self.feed.namespace_changed(None, namespace("ns"))
        for each in policies:
            self.feed.policy_changed(None, each)
        return self.step()


def test_nothing_is_written_without_isolated_pods(node):
    node.has(DENY, pods=[CLIENT])
    assert (node.store.table, node.store.done) == (None, ["put"])
    node.feed.pod_changed(None, pod("other", "10.0.0.3", node="there"))
    node.step()
    assert node.store.done == ["put"]  # which found nothing, and would again
    node.feed.pod_changed(None, WEB)
    node.step()
    assert node.store.table.elements
    assert node.store.done == ["put", "put"]


def test_nothing_is_written_before_the_cluster_is_known(node):
    node.feed._follows_others = True
    node.feed._others[0].synced.clear()
    assert node.has(DENY) == 0
    assert node.store.done == []
    node.feed._others[0].synced.set()
    assert node.step() == 1


def test_a_pod_change_without_effect_on_policies_wakes_no_one(node):
    node.has(DENY)
    before = len(node.wakes)
    ready = pod("web", "10.0.0.1", labels={"app": "web"}, annotations={"a": "b"})
    node.feed.pod_changed(WEB, ready)
    assert len(node.wakes) == before
    assert node.step() == 0


def test_after_a_failure_everything_is_put_in_place_later(node):
    node.has(DENY)
    node.store.failures = 1
    node.feed.policy_changed(None, OPEN)
    node.step()
    assert node.policies.next_try < float("inf")
    assert node.reports.done == ["deny"], "what the kernel has not taken is not told to be in force"
    node.policies.next_try = 0.0
    node.step()
    assert node.policies.next_try == float("inf")
    assert node.reports.done == ["deny", "open"]
    assert "ingress/ns/open" in node.store.table.chains


def test_a_policy_that_is_refused_is_closed_and_concerns_no_other(node):
    node.has(DENY, OPEN)
    node.store.refused_word = "worse"
    worse = policy("worse", {"app": "web"}, ingress=[{"ports": [{"port": 80}]}])
    node.feed.policy_changed(None, worse)
    node.step()
    assert node.reports.refused == [("worse", f"{Problem.OTHER.value}: no such word")]
    chains = node.store.table.chains
    assert chains["ingress/ns/worse"].rules == ()
    assert chains["ingress/ns/open"].rules
    assert node.reports.counts["IPv4"] == (1, 3, 1)
    node.store.refused_word = "none"
    node.feed.policy_changed(worse, policy("worse", {"app": "web"}, ingress=[{"ports": [{"port": 81}]}]))
    node.step()
    assert node.store.table.chains["ingress/ns/worse"].rules
    assert node.reports.counts["IPv4"] == (1, 3, 0)


def test_an_invalid_rule_allows_nothing_and_is_reported(node):
    node.has(BAD)
    fault = "spec.ingress[0].from[0].ipBlock.cidr: Invalid value: '10.0.0.0/99': must be a valid CIDR value"
    assert node.reports.faults == [("bad", (fault,))]
    (rule,) = node.store.table.chains["ingress/ns/bad"].rules
    assert "rule 2" in str(rule.origin)
    assert node.reports.counts["IPv4"] == (1, 1, 1)


def test_an_internal_error_does_not_affect_the_rest_of_the_proxy(node, monkeypatch):
    def fails(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("fairlead.app.proxy.policy_plane.build", fails)
    assert node.has(DENY) == 0
    assert node.policies.next_try < float("inf")


def test_the_last_rule_of_an_isolated_pod_is_to_drop(node):
    node.has(DENY)
    assert node.store.table.chains["deny"].rules[-1].statements == (Drop(),)
    node.feed.policy_changed(DENY, None)
    node.step()
    assert node.store.table == Table()
    assert node.feed.take()[0].policies.get(ObjectKey("ns", "deny")) is None
