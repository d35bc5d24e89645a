"""Access to a part's metrics."""

import asyncio
import socket

import pytest

from fairlead.drivers.kube.errors import Unreachable
from fairlead.drivers.kube.page_access import PageAccess
from fairlead.drivers.kube.reviews import TOKEN_REVIEWS
from fairlead.drivers.tiny_http import Page, serve_pages


class Server:
    """Knows one token, of a user that may see one path."""

    def __init__(self, path="/metrics"):
        self.path, self.asked, self.is_away = path, [], False

    async def create(self, path, document):
        if self.is_away:
            raise Unreachable("away")
        spec = document["spec"]
        self.asked.append(spec)
        if path == TOKEN_REVIEWS.path():
            return {"status": {"authenticated": spec["token"] == "good", "user": {"username": "scraper"}}}
        return {"status": {"allowed": spec["nonResourceAttributes"] == {"path": self.path, "verb": "get"}}}


def code(access, path="/metrics", authorization="Bearer good"):
    page = asyncio.run(access.refusal(path, authorization))
    return page.status if page else 200


@pytest.mark.parametrize(
    ("path", "authorization", "expected"),
    [
        ("/metrics", "Bearer good", 200),
        ("/metrics", "bearer  good", 200),
        ("/metrics", "", 401),
        ("/metrics", "Bearer bad", 401),
        ("/metrics", "Basic good", 401),
        ("/changes", "Bearer good", 403),
        ("/healthz", "", 200),
        ("/ready", "", 200),
    ],
)
def test_a_token_needs_a_user_and_a_role_for_the_path(path, authorization, expected):
    assert code(PageAccess(Server()), path, authorization) == expected


def test_clients_are_refused_while_the_api_server_is_unreachable():
    server = Server()
    server.is_away = True
    assert code(PageAccess(server)) == 503
    access = PageAccess()
    assert code(access) == 503
    access.ask_with(Server())
    assert code(access) == 200


@pytest.mark.io
def test_pages_are_served_to_those_that_are_let_in():
    async def ask(port, *headers):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write("\r\n".join(["GET /metrics?x=1 HTTP/1.1", *headers, "", ""]).encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return int(head.split()[1]), body.decode()

    async def test():
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        server = await serve_pages("127.0.0.1", port, {"/metrics": lambda: Page("m 1\n")}, PageAccess(Server()))
        try:
            assert await ask(port, "authorization:  Bearer good") == (200, "m 1\n")
            assert await ask(port) == (401, "Unauthorized\n")
            assert (await ask(port, "Authorization: Bearer good", "Authorization: Bearer good"))[0] == 401
        finally:
            server.close()

    asyncio.run(test())
