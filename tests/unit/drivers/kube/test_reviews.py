"""Reviews of clients' identity and access by the API server, and their caching."""

import asyncio

from fairlead.drivers.kube.reviews import ACCESS_REVIEWS, MAX_KEPT, TOKEN_REVIEWS, Lives, Reviews
from fairlead.registry.requests import User

LIVES = Lives(token=120.0, allowed=300.0, denied=30.0)
ALICE = User("alice", ("dev",), "7", {"scopes": ("a", "b")})


class ReviewingServer:
    """Knows tokens and what users may do, and what it was asked."""

    def __init__(self, tokens=(), allowed=()):
        self.tokens, self.allowed, self.asked = dict(tokens), set(allowed), []

    async def create(self, path, document):
        spec = document["spec"]
        self.asked.append(spec)
        if path == TOKEN_REVIEWS.path():
            user = self.tokens.get(spec["token"])
            return {"status": {"authenticated": True, "user": user} if user else {}}
        assert path == ACCESS_REVIEWS.path()
        return {"status": {"allowed": spec["user"] in self.allowed}}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def reviews_of(**world):
    server, clock = ReviewingServer(**world), Clock()
    return server, clock, Reviews(server, LIVES, clock)


def test_a_token_identifies_a_client_with_all_its_attributes():
    info = {"username": "alice", "uid": "7", "groups": ["dev"], "extra": {"scopes": ["a", "b"]}}
    server, clock, reviews = reviews_of(tokens={"secret": info})
    assert asyncio.run(reviews.user_of("secret")) == ALICE
    clock.now = LIVES.token - 1
    assert asyncio.run(reviews.user_of("secret")) == ALICE
    assert len(server.asked) == 1
    clock.now = LIVES.token
    server.tokens.clear()
    assert asyncio.run(reviews.user_of("secret")) is None


def test_an_unknown_token_is_reviewed_each_time():
    server, _, reviews = reviews_of()
    assert [asyncio.run(reviews.user_of("x")) for _ in range(2)] == [None, None]
    assert len(server.asked) == 2


def test_a_review_names_all_that_is_known_of_the_user():
    server, _, reviews = reviews_of(allowed={"alice"})
    assert asyncio.run(reviews.allows(ALICE, {"verb": "get"}))
    assert server.asked == [
        {
            "user": "alice",
            "groups": ["dev"],
            "uid": "7",
            "extra": {"scopes": ["a", "b"]},
            "resourceAttributes": {"verb": "get"},
        }
    ]


def test_a_permission_is_kept_longer_than_a_refusal():
    server, clock, reviews = reviews_of(allowed={"alice"})

    def ask(name):
        return asyncio.run(reviews.allows(User(name), {"verb": "get"}))

    assert (ask("alice"), ask("bob")) == (True, False)
    clock.now = LIVES.denied
    server.allowed = {"bob"}
    assert (ask("alice"), ask("bob")) == (True, True)
    clock.now = LIVES.allowed
    assert ask("alice") is False
    assert [spec["user"] for spec in server.asked] == ["alice", "bob", "bob", "alice"]


def test_cached_reviews_expire():
    server, _, reviews = reviews_of(allowed={"alice"})

    async def ask():
        for number in range(MAX_KEPT + 1):
            await reviews.allows(ALICE, {"name": str(number)})
        await reviews.allows(ALICE, {"name": str(MAX_KEPT)})
        await reviews.allows(ALICE, {"name": "0"})

    asyncio.run(ask())
    assert len(server.asked) == MAX_KEPT + 2  # the newest was kept, the oldest was not
