"""A server that has stopped answering is noticed within half a minute; one that is quiet is left alone."""

import asyncio

import pytest

from fairlead.drivers.kube.client import KubeError, Unreachable
from fairlead.drivers.kube.pulse import LOOK, PATIENCE, SILENCE, Pulse
from tests.support.virtual_time import VirtualLoop

NOTICED_WITHIN = 30.0


class Line:
    """The connections of a client: when they last brought something, and when they were hung up."""

    def __init__(self, loop):
        self.loop, self.heard_at, self.hung_up = loop, loop.time(), []

    def silent_for(self):
        return self.loop.time() - self.heard_at

    def hang_up(self, silence, why):
        self.hung_up.append((self.loop.time(), why))


@pytest.fixture
def loop():
    made = VirtualLoop()
    yield made
    made.finish()


def watch(loop, answer, seconds=3600):
    """A watch of so many seconds at a server that answers so; the line, and how often it was asked."""
    line, asked = Line(loop), []

    async def ask():
        asked.append(loop.time())
        await answer(line)

    async def run():
        with Pulse(line, ask).felt():
            await asyncio.sleep(seconds)

    loop.run_until_complete(run())
    return line, asked


def test_a_quiet_server_is_asked_now_and_then_and_left_alone(loop):
    async def answer(line):
        line.heard_at = loop.time()

    line, asked = watch(loop, answer)
    assert line.hung_up == []
    assert 3600 / (SILENCE + LOOK) <= len(asked) <= 3600 / SILENCE


def test_a_refusal_is_an_answer(loop):
    async def answer(line):
        line.heard_at = loop.time()
        raise KubeError(403, "Forbidden", "no")

    line, _ = watch(loop, answer)
    assert line.hung_up == []


@pytest.mark.parametrize("how", ["silent", "refusing"])
def test_a_server_that_does_not_answer_is_noticed(loop, how):
    async def answer(line):
        if how == "refusing":
            raise Unreachable("connection refused")
        await asyncio.sleep(3600)

    began = loop.time()
    line, _ = watch(loop, answer, NOTICED_WITHIN)
    (when, why), *_ = line.hung_up
    assert when - began <= SILENCE + LOOK + PATIENCE < NOTICED_WITHIN
    assert "does not answer" in why


def test_the_server_is_not_probed_while_data_comes_or_nothing_is_watched(loop):
    line, asked = Line(loop), []

    async def ask():
        asked.append(1)

    async def run():
        pulse = Pulse(line, ask)
        await asyncio.sleep(100)
        with pulse.felt(), pulse.felt():
            for _ in range(100):
                line.heard_at = loop.time()
                await asyncio.sleep(5)
        await asyncio.sleep(100)

    loop.run_until_complete(run())
    assert asked == []
