"""Requests are retried until the API server answers, or until a retry is useless."""

import asyncio

import pytest

from fairlead.drivers.kube import retry
from fairlead.drivers.kube.client import KubeError, Unreachable
from fairlead.drivers.kube.troubles import Troubles

pytestmark = pytest.mark.anyio


@pytest.fixture
def slept(monkeypatch):
    """The seconds that were slept, without sleeping."""
    seconds = []

    async def sleep(delay):
        seconds.append(delay)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return seconds


def server(*answers):
    """A question that is answered by these in turn."""
    left = list(answers)

    async def ask():
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


async def test_an_answer_needs_no_patience(slept):
    assert await retry.until_answered(server("yes"), "ask", Troubles("https://fake", "a test")) == "yes"
    assert slept == []


async def test_retries_become_less_and_less_frequent(slept):
    faults = [Unreachable("no route"), KubeError(500, "InternalError", "etcd is away")] * 5
    assert await retry.until_answered(server(*faults, "yes"), "ask", Troubles("https://fake", "a test")) == "yes"
    assert slept[:3] == [retry.FIRST_RETRY, 2 * retry.FIRST_RETRY, 4 * retry.FIRST_RETRY]
    assert slept[-1] == retry.LAST_RETRY


async def test_a_final_refusal_ends_the_request(slept):
    gone = KubeError(404, "NotFound", 'pods "a" not found')
    assert await retry.until_answered(server(gone), "ask", Troubles("https://fake", "a test"), (404, 409)) is None
    assert slept == []


async def test_other_exceptions_are_not_caught(slept):
    with pytest.raises(ValueError, match="ours"):
        await retry.until_answered(server(ValueError("ours")), "ask", Troubles("https://fake", "a test"))
