"""The life of a Pod: after any events, a deleted Pod ends, and nothing of it is left."""

import functools

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from fairlead.model.events import EventText
from fairlead.nodeagent.life import container_events as c
from fairlead.nodeagent.life import container_life as cl
from fairlead.nodeagent.life import pod_events as p
from fairlead.nodeagent.life import pod_life as pl
from fairlead.nodeagent.manifest import Container, Handler, Lifecycle, Probe
from fairlead.nodeagent.records import DEADLINE_EXCEEDED, ContainerRecord, Running, Terminated, Waiting

AT = "2026-01-01T00:00:00Z"
POLICIES = ("Always", "OnFailure", "Never")
PROBED = {"readiness_probe": Probe(), "startup_probe": Probe()}
HOOKED = {"lifecycle": Lifecycle(post_start=Handler(), pre_stop=Handler())}


def container(name, policy, **fields):
    return cl.ContainerLife(ContainerRecord(Container(name=name, **fields)), policy, "pod")


def end(code=0):
    return Terminated(code, "Error" if code else "Completed", AT, AT)


@st.composite
def pods(draw):
    policy = draw(st.sampled_from(POLICIES))
    kinds = draw(st.lists(st.booleans(), max_size=3))
    inits = tuple(
        container(f"i{n}", "Always", restart_policy="Always") if sidecar else container(f"i{n}", policy)
        for n, sidecar in enumerate(kinds)
    )
    fields = draw(st.lists(st.sampled_from(({}, PROBED, HOOKED)), min_size=1, max_size=3))
    mains = tuple(container(f"m{n}", policy, **each) for n, each in enumerate(fields))
    return pl.PodLife(inits, mains, 30.0)


class World:
    """A node that does what one Pod's life asks for, in an order and with results that ``draw`` chooses."""

    def __init__(self, life, draw):
        self.life, self.draw, self.now = life, draw, 0.0
        self.sandbox = False
        self.processes: dict[str, int] = {}  # attempt by container
        self.pending = []  # what the node still owes an answer for
        self.post(p.BeginPod())

    def post(self, what):
        doomed = self.life.deadline is not None
        self.life, effects = pl.step_pod(self.life, what, self.now)
        for effect in effects:
            if isinstance(effect, p.ForContainer):
                assert not (doomed and isinstance(effect.effect, c.Start)), "a start after the end was asked for"
                self._for_container(effect.name, effect.effect)
            elif not isinstance(effect, EventText):
                if isinstance(effect, (p.Open, p.Close, p.Leave)):
                    assert not any(isinstance(owed, (p.Open, p.Close, p.Leave)) for owed in self.pending)
                self.pending.append(effect)
        if self.life.stage in (pl.Stage.CLOSED, pl.Stage.LEAVING, pl.Stage.GONE):
            self.assert_nothing_left()
        if self.life.stage is pl.Stage.OPEN:
            assert all(
                life.phase in (cl.Phase.RUNNING, cl.Phase.ENDING)
                for life in self.life.containers
                if life.name in self.processes and self.processes[life.name] == life.attempt
            )

    def assert_nothing_left(self):
        assert not self.sandbox
        assert not self.processes

    def _for_container(self, name, effect):
        if isinstance(effect, c.Start):
            assert self.sandbox, "a start without a sandbox"
            assert name not in self.processes, "two processes of one container"
        if isinstance(effect, c.CancelStart):
            given_up = [o for o in self.pending if o[0] == name and isinstance(o[1], c.Start)]
            self.pending = [o for o in self.pending if o not in given_up]
            self.pending += [(name, effect._replace(attempt=start.attempt)) for _, start in given_up]
        elif not isinstance(effect, c.Follow):
            self.pending.append((name, effect))

    def answer(self):
        """Do one of the things that are owed, in any order."""
        owed = self.pending.pop(self.draw(st.integers(0, len(self.pending) - 1)))
        match owed:
            case p.Open():
                self.sandbox = self.draw(st.booleans())
                self.post(p.Opened() if self.sandbox else p.NotOpened("no room"))
            case p.Close():
                self.sandbox, self.processes = False, {}
                self.post(p.Closed())
            case p.Leave():
                self.post(p.Left())
            case p.RetryAfter():
                self.post(p.Retry())
            case p.GraceAfter():
                self.now = max(self.now, self.life.deadline or 0)
                self.post(p.GraceOver())
            case name, effect:
                self._answer_container(name, effect)

    def _answer_container(self, name, effect):
        match effect:
            case c.Start(attempt):
                self._start(name, attempt)
            case c.CancelStart(attempt):
                is_newest = attempt == next(each.attempt for each in self.life.containers if each.name == name)
                if self.sandbox and is_newest and self.draw(st.booleans()):  # it was too late to give up
                    self.processes[name] = attempt
                    self.post(p.OfContainer(name, c.Started(attempt, AT)))
                else:
                    self.post(p.OfContainer(name, c.NotStarted(attempt)))
            case c.Terminate(attempt, _):
                if self.processes.get(name) == attempt:
                    self.end(name, 143)
            case c.DelayStart(attempt, _):
                self.post(p.OfContainer(name, c.DelayOver(attempt)))

    def _start(self, name, attempt):
        results = ["blocked", "failed", *(["started"] if self.sandbox else [])]
        result = self.draw(st.sampled_from(results))
        if result == "started":
            self.processes[name] = attempt
            self.post(p.OfContainer(name, c.Started(attempt, AT)))
        elif result == "blocked":
            self.post(p.OfContainer(name, c.Blocked(attempt, Waiting("CreateContainerConfigError", "missing"))))
        else:
            self.post(p.OfContainer(name, c.Ended(attempt, end(128), 0.0)))

    def end(self, name, code):
        self.post(p.OfContainer(name, c.Ended(self.processes.pop(name), end(code), 1.0)))

    def lose_sandbox(self):
        self.sandbox, self.processes = False, {}
        self.post(p.Lost(AT))

    def restart_agent(self, adopts):
        """Everything that was under way dies with the agent, and what runs may be found by the next one."""
        if self.life.stage is pl.Stage.GONE:
            return
        before = self.life
        self.pending = []
        if not (adopts and self.sandbox):
            self.sandbox, self.processes = False, {}
        fresh = {
            group: tuple(
                cl.ContainerLife(life.record, life.policy, "pod")
                if not isinstance(life.record.state, Running)
                else cl.ContainerLife(ContainerRecord(life.record.container, end(137)), life.policy, "pod")
                for life in getattr(before, group)
            )
            for group in ("inits", "mains", "extras")
        }
        self.life = pl.PodLife(**fresh, grace=before.grace)
        running = {name: Running(AT) for name in self.processes}
        self.processes = dict.fromkeys(self.processes, 1)
        if self.sandbox:
            self.post(p.Adopted(running))
        if before.is_deleted:
            self.post(p.DeletePod(self.draw(st.sampled_from([0, 1, 30]))))
        self.post(p.BeginPod())

    def happen(self):
        """Something from outside."""
        name = self.draw(st.sampled_from(sorted(life.name for life in self.life.containers)))
        life = next(life for life in self.life.containers if life.name == name)
        attempt = self.draw(st.sampled_from([life.attempt, life.attempt - 1]))
        of = functools.partial(p.OfContainer, name)
        what = self.draw(
            st.sampled_from(
                [
                    *(p.DeletePod(grace) for grace in (0, 1, 30)),
                    p.Fail(DEADLINE_EXCEEDED),
                    p.Add(container("e0", "Never")),
                    p.Add(container("e1", "Never")),
                    of(c.Unhealthy(attempt, "liveness probe", 30)),
                    of(c.Ready(attempt, self.draw(st.booleans()))),
                    of(c.StartupDone(attempt)),
                    of(c.Ended(life.attempt - 1, end(1), 0)),
                    lambda: self.sandbox and self.life.stage is pl.Stage.OPEN and self.lose_sandbox(),
                    lambda: name in self.processes and self.end(name, self.draw(st.sampled_from([0, 1, 137]))),
                    lambda: self.restart_agent(adopts=self.draw(st.booleans())),
                ]
            )
        )
        what() if callable(what) else self.post(what)


@settings(max_examples=200)
@given(pods(), st.data())
def test_a_pod_that_is_deleted_at_any_step_ends_and_leaves_nothing(life, data):
    world = World(life, data.draw)
    for _ in range(data.draw(st.integers(0, 25))):
        if world.pending and data.draw(st.booleans()):
            world.answer()
        elif world.life.stage is not pl.Stage.GONE:
            world.happen()
    event(f"deleted in {world.life.stage.name}")
    world.post(p.DeletePod(data.draw(st.sampled_from([0, 1, 30]))))
    for _ in range(200):
        if not world.pending:
            break
        world.answer()
    assert world.life.stage is pl.Stage.GONE, world.life
    world.assert_nothing_left()


def run(life, *events, now=0.0):
    """The life after these events, and the effects of the last one."""
    effects: tuple[p.PodEffect, ...] = ()
    for each in events:
        life, effects = pl.step_pod(life, each, now)
    return life, effects


def pod(*mains, inits=(), grace=30.0):
    return pl.PodLife(tuple(inits), tuple(mains), grace)


def of(name, what):
    return p.OfContainer(name, what)


OPENED = (p.BeginPod(), p.Opened())


@pytest.mark.parametrize(
    ("events", "last"),
    [
        ([p.BeginPod(), p.DeletePod(5), p.Opened()], p.Close()),
        ([p.BeginPod(), p.DeletePod(5), p.NotOpened("x")], p.Close()),
        ([p.BeginPod(), p.NotOpened("x"), p.DeletePod(5)], p.Close()),
        ([*OPENED, p.DeletePod(5)], p.ForContainer("m", c.CancelStart(1))),
        ([*OPENED, p.DeletePod(5), of("m", c.NotStarted(1))], p.Close()),
        ([*OPENED, p.DeletePod(5), of("m", c.Started(1, AT))], p.ForContainer("m", c.Terminate(1, 5))),
        ([*OPENED, of("m", c.Blocked(1, Waiting("x"))), p.DeletePod(5)], p.Close()),
        ([*OPENED, of("m", c.Started(1, AT)), p.DeletePod(5)], p.ForContainer("m", c.Terminate(1, 5))),
        (
            [*OPENED, of("m", c.Started(1, AT)), p.DeletePod(5), p.DeletePod(1)],
            p.ForContainer("m", c.Terminate(1, 1)),
        ),
        ([*OPENED, of("m", c.Started(1, AT)), p.DeletePod(5), p.Lost(AT)], p.Close()),
        ([p.DeletePod(0), p.BeginPod()], None),
        ([p.DeletePod(0), p.Closed()], p.Leave()),
    ],
)
def test_a_pod_can_end_at_any_step_of_its_start(events, last):
    _, effects = run(pod(container("m", "Always")), *events)
    assert (effects[-1] if effects else None) == last


def test_a_time_to_end_is_shortened_and_never_prolonged():
    life, _ = run(pod(container("m", "Always")), *OPENED, of("m", c.Started(1, AT)), p.DeletePod(5))
    assert run(life, p.DeletePod(30))[1] == ()
    assert p.ForContainer("m", c.Terminate(1, 0)) in run(life, p.DeletePod(0))[1]


def test_sidecars_go_after_the_others_the_last_one_first():
    sidecars = [container(name, "Always", restart_policy="Always") for name in ("a", "b")]
    life, _ = run(
        pod(container("m", "Always"), inits=sidecars),
        *OPENED,
        *(of(name, c.Started(1, AT)) for name in ("a", "b", "m")),
    )
    life, effects = run(life, p.DeletePod(10))
    assert [each.name for each in effects if isinstance(each, p.ForContainer)] == ["m"]
    life, effects = run(life, of("m", c.Ended(1, end(143), 1)), now=4)
    assert [each for each in effects if isinstance(each, p.ForContainer)] == [p.ForContainer("b", c.Terminate(1, 6))]
    life, effects = run(life, of("b", c.Ended(1, end(143), 1)), now=9.5)
    assert [each for each in effects if isinstance(each, p.ForContainer)] == [
        p.ForContainer("a", c.Terminate(1, pl.MIN_GRACE))
    ]
    assert run(life, of("a", c.Ended(1, end(143), 1)))[1] == (p.Close(),)


def test_init_containers_run_one_after_the_other_and_a_failed_one_ends_the_pod():
    inits = [container("one", "Never"), container("side", "Always", restart_policy="Always")]
    life, effects = run(pod(container("m", "Never"), inits=inits), *OPENED)
    assert effects == (p.ForContainer("one", c.Start(1)),)
    done, effects = run(life, of("one", c.Started(1, AT)), of("one", c.Ended(1, end(), 1)))
    assert effects == (p.ForContainer("side", c.Start(1)),)
    assert run(done, of("side", c.Started(1, AT)))[1][-1] == p.ForContainer("m", c.Start(1))
    assert run(life, of("one", c.Started(1, AT)), of("one", c.Ended(1, end(1), 1)))[1] == (p.Close(),)


def test_a_lost_sandbox_is_replaced_and_its_containers_start_again():
    life, effects = run(pod(container("m", "Always")), *OPENED, of("m", c.Started(1, AT)), p.Lost(AT))
    assert effects == (p.Open(),)
    life, effects = run(life, of("m", c.Ended(1, end(0), 1)), p.Opened())
    assert life.mains[0].record.last == Terminated(137, "Error", AT, AT)
    assert effects[-1] == p.ForContainer("m", c.Start(3))


def test_containers_of_an_earlier_agent_continue():
    adopted = p.Adopted({"m": Running(AT)})
    life, effects = run(pod(container("m", "Always"), container("n", "Always")), adopted)
    assert effects == (p.ForContainer("m", c.Follow(1)), p.ForContainer("n", c.Start(1)))
    assert run(life, p.BeginPod())[1] == ()
