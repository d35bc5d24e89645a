"""What servers elsewhere are asked, and what of their answers is kept."""

import pytest

from fairlead.drivers.apiserver.review_servers import ReviewServers
from fairlead.registry.questions import Fetch, ReviewServer, ServerAnswer, question

pytestmark = pytest.mark.anyio


class CountingServers(ReviewServers):
    """Servers that answer at once, each time something else."""

    def __init__(self):
        super().__init__(None, None, None, None)
        self.asked = []

    async def _ask(self, question):
        self.asked.append(question)
        return ServerAnswer(uid=str(len(self.asked)), body=b"")


ONE, TWO = (Fetch(ReviewServer(f"https://{name}/apis/a/v1"), 5) for name in ("one", "two"))
REVIEW = question(ReviewServer("https://hook/"), "AdmissionReview", "admission.k8s.io/v1", {}, 5)


async def test_what_has_been_fetched_is_not_fetched_again_by_those_who_want_to_know_it():
    servers = CountingServers()
    first = await servers.ask([ONE])
    assert await servers.ask([ONE]) == first
    assert servers.asked == [ONE]
    assert (await servers.ask([ONE, TWO]))[ONE.key] == first[ONE.key]
    assert servers.asked == [ONE, TWO]


async def test_a_look_at_all_of_them_takes_the_place_of_what_was_fetched():
    servers = CountingServers()
    await servers.ask([ONE, TWO])
    today = await servers.fetch_again([ONE])
    assert await servers.ask([ONE]) == today
    assert servers.asked == [ONE, TWO, ONE]
    await servers.ask([TWO])
    assert servers.asked == [ONE, TWO, ONE, TWO]


async def test_a_review_is_asked_every_time():
    servers = CountingServers()
    await servers.ask([REVIEW])
    await servers.ask([REVIEW])
    assert servers.asked == [REVIEW, REVIEW]
