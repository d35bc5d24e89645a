"""Rolling updates: the arithmetic by table, and whole rollouts by simulation."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from fairlead.model.decode import decode
from fairlead.model.workloads import Deployment
from fairlead.workloads.deployment import REVISION, find_rollout, observe_rollout, plan_rollout
from fairlead.workloads.rolling import RollingLimits, limits_of

NOW = "2026-01-01T00:00:00Z"


def deployment(replicas=4, image="web:1", surge="25%", unavailable="25%", **spec):
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": image}]}}
    defaults = {"replicas": replicas, "strategy": rolling, "template": template}
    spec = {"selector": {"matchLabels": {"app": "web"}}, **defaults, **spec}
    metadata = {"name": "web", "namespace": "ns", "uid": "d", "generation": 3}
    return decode(Deployment, {"metadata": metadata, "spec": spec})


class World:
    """The ReplicaSets of one Deployment, and a ReplicaSet controller that may be slow."""

    def __init__(self):
        self.sets = {}

    def step(self, wanted):
        """One step of the Deployment controller; whether it did anything."""
        plan = plan_rollout(wanted, list(self.sets.values()), self.old_pods(wanted))
        if plan.create:
            stamp = f"2026-01-01T00:00:{len(self.sets):02}Z"
            metadata = structs.replace(plan.create.metadata, creation_timestamp=stamp, uid=plan.create.name)
            self.sets[plan.create.name] = structs.replace(plan.create, metadata=metadata)
        for name, annotations in plan.annotations.items():
            old = self.sets[name]
            merged = structs.replace(old.metadata, annotations={**old.annotations, **annotations})
            self.sets[name] = structs.replace(old, metadata=merged)
        for name, size in plan.sizes.items():
            self.resize(name, size)
        for replica_set in plan.deletes:
            del self.sets[replica_set.name]
        return bool(plan.create or plan.annotations or plan.sizes or plan.deletes)

    def resize(self, name, size):
        old = self.sets[name]
        self.sets[name] = structs.replace(old, spec=structs.replace(old.spec, replicas=size))

    def work(self, name, available):
        """The ReplicaSet's Pods are as wanted, and so many of them are available."""
        old = self.sets[name]
        status = {"replicas": old.replicas, "ready_replicas": available, "available_replicas": available}
        self.sets[name] = structs.replace(old, status=structs.replace(old.status, **status))

    def settle(self, wanted):
        for _ in range(200):
            moved = self.step(wanted)
            for name, replica_set in list(self.sets.items()):
                self.work(name, replica_set.replicas)
            if not moved and not self.step(wanted):
                return
        raise AssertionError("the rollout does not come to rest")

    def old_pods(self, wanted):
        return sum(rs.status.replicas for rs in find_rollout(wanted, list(self.sets.values())).old)

    def sizes(self):
        return {rs.spec.template["spec"]["containers"][0]["image"]: rs.replicas for rs in self.sets.values()}

    def revisions(self):
        return {
            rs.spec.template["spec"]["containers"][0]["image"]: rs.annotations[REVISION] for rs in self.sets.values()
        }


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (4, "25%", "25%", RollingLimits(1, 1)),
        (3, "25%", "25%", RollingLimits(1, 0)),
        (10, "25%", "25%", RollingLimits(3, 2)),
        (1, "0%", "0%", RollingLimits(0, 1)),
        (5, 2, 0, RollingLimits(2, 0)),
    ],
)
def test_limits(replicas, surge, unavailable, expected):
    assert limits_of(deployment(replicas, surge=surge, unavailable=unavailable)) == expected


def test_a_first_rollout_starts_all_replicas_at_once():
    world = World()
    world.step(deployment(4))
    assert world.sizes() == {"web:1": 4}
    (replica_set,) = world.sets.values()
    hash_ = replica_set.labels["pod-template-hash"]
    assert replica_set.name == f"web-{hash_}"
    assert replica_set.spec.selector.match_labels == {"app": "web", "pod-template-hash": hash_}
    assert replica_set.controller.uid == "d"


def test_a_rollout_goes_step_by_step_within_its_limits():
    world = World()
    world.settle(deployment(4))
    seen = []
    wanted = deployment(4, "web:2")
    for _ in range(4):
        world.step(wanted)
        seen.append(world.sizes())
    assert seen == [
        {"web:1": 4, "web:2": 1},
        {"web:1": 3, "web:2": 1},
        {"web:1": 3, "web:2": 2},
        {"web:1": 3, "web:2": 2},
    ]


def test_an_undone_rollout_takes_the_earlier_replica_set_with_a_new_number():
    world = World()
    for image in ("web:1", "web:2", "web:1"):
        world.settle(deployment(2, image))
    assert world.sizes() == {"web:1": 2, "web:2": 0}
    assert world.revisions() == {"web:1": "3", "web:2": "2"}


def test_an_empty_structure_in_the_template_is_no_new_revision():
    world = World()
    world.settle(deployment(2))
    noisy = deployment(2)
    noisy.spec.template["spec"]["containers"][0]["resources"] = {}
    noisy.spec.template["metadata"]["creationTimestamp"] = None
    assert not world.step(noisy)


def test_history_is_kept_up_to_the_limit():
    world = World()
    for i in range(5):
        world.settle(deployment(1, f"web:{i}", revisionHistoryLimit=2))
    assert world.sizes() == {"web:2": 0, "web:3": 0, "web:4": 1}


def test_recreate_starts_nothing_before_the_old_pods_are_gone():
    world = World()
    world.settle(deployment(2, strategy={"type": "Recreate"}))
    wanted = deployment(2, "web:2", strategy={"type": "Recreate"})
    world.step(wanted)
    world.step(wanted)
    assert world.sizes() == {"web:1": 0, "web:2": 0}
    world.settle(wanted)
    assert world.sizes() == {"web:1": 0, "web:2": 2}


def test_a_paused_deployment_is_scaled_but_not_rolled_out():
    world = World()
    world.settle(deployment(2))
    world.settle(deployment(5, "web:2", paused=True))
    assert world.sizes() == {"web:1": 5}


def test_a_paused_rollout_says_so_and_has_all_its_time_again_when_it_is_resumed():
    world = World()
    paused = deployment(2, progressDeadlineSeconds=60, paused=True)
    before = observe_rollout(paused, [], NOW)
    condition = before.conditions[1]
    assert (condition.status, condition.reason, condition.message) == (
        "Unknown",
        "DeploymentPaused",
        "Deployment is paused",
    )
    resumed = structs.replace(deployment(2, progressDeadlineSeconds=60), status=before)
    assert observe_rollout(resumed, [], NOW).conditions[1].message == 'Deployment "web" is progressing.'
    world.step(resumed)
    later = observe_rollout(resumed, list(world.sets.values()), "2026-01-01T00:05:00Z").conditions[1]
    assert (later.status, later.reason, later.last_update_time) == ("True", "ReplicaSetUpdated", "2026-01-01T00:05:00Z")


def test_the_status_says_how_far_it_is():
    world = World()
    world.settle(deployment(2))
    wanted = deployment(2, "web:2", surge=1, unavailable=0)
    world.step(wanted)
    world.work(find_rollout(wanted, list(world.sets.values())).new.name, 0)
    status = observe_rollout(wanted, list(world.sets.values()), NOW)
    assert (status.replicas, status.updated_replicas, status.available_replicas) == (3, 1, 2)
    assert (status.unavailable_replicas, status.observed_generation) == (1, 3)
    assert {c.type: (c.status, c.reason) for c in status.conditions} == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "ReplicaSetUpdated"),
    }
    world.settle(wanted)
    done = observe_rollout(wanted, list(world.sets.values()), NOW)
    assert done.conditions[1].reason == "NewReplicaSetAvailable"


@pytest.mark.parametrize(
    ("now", "reason"),
    [("2026-01-01T00:00:59Z", "ReplicaSetUpdated"), ("2026-01-01T00:01:01Z", "ProgressDeadlineExceeded")],
)
def test_a_stalled_rollout_fails_after_its_deadline(now, reason):
    world = World()
    wanted = deployment(2, progressDeadlineSeconds=60)
    world.step(wanted)
    begun = observe_rollout(wanted, list(world.sets.values()), NOW)
    later = observe_rollout(structs.replace(wanted, status=begun), list(world.sets.values()), now)
    assert later.conditions[1].reason == reason


events = st.lists(st.tuples(st.sampled_from(["deployment", "replicasets"]), st.integers(0, 3)), max_size=40)


@settings(max_examples=60)
@given(st.integers(1, 7), st.integers(0, 3), st.integers(0, 3), events)
def test_a_rollout_never_leaves_its_limits_however_slow_the_pods_are(replicas, surge, unavailable, steps):
    world = World()
    first = deployment(replicas, surge=surge, unavailable=unavailable)
    world.settle(first)
    wanted = deployment(replicas, "web:2", surge=surge, unavailable=unavailable)
    limits = limits_of(wanted)
    for actor, late in steps:
        if actor == "deployment":
            world.step(wanted)
        else:
            new = find_rollout(wanted, list(world.sets.values())).new
            for name, rs in list(world.sets.items()):
                is_new = new is not None and name == new.name
                world.work(name, max(rs.status.available_replicas, rs.replicas - late) if is_new else rs.replicas)
        assert sum(rs.replicas for rs in world.sets.values()) <= replicas + limits.surge
        available = sum(min(rs.replicas, rs.status.available_replicas) for rs in world.sets.values())
        assert available >= replicas - limits.unavailable
    world.settle(wanted)
    assert world.sizes() == {"web:1": 0, "web:2": replicas}
