"""httpx over a headless Service: each request goes to an endpoint that a balancer chooses.

    balancer = Balancer(Dns("web.default.svc.cluster.local.", port="http"), failures=FAILURES)
    with httpx.Client(transport=BalancedTransport(balancer), base_url="http://web") as client:
        client.get("/")

The server is told the host of the URL (``Host``), and its certificate is checked for that; the connection alone goes to
the endpoint. A request is under way until its response has been read or closed. One that failed is made again at the
next endpoint when that is safe: nothing was sent, or the method may be repeated (RFC 9110 section 9.2.2).
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack

import httpx

from fairlead.client import AsyncBalancer, Balancer, Endpoint, NoEndpoints

FAILURES = (httpx.TransportError,)  # what balancers should count
ATTEMPTS = 3
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})

Key = Callable[[httpx.Request], str | None]


def no_key(_: httpx.Request) -> None:
    return None


def aimed(request: httpx.Request, endpoint: Endpoint) -> httpx.Request:
    """The request, to be sent to the endpoint."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=endpoint.address, port=endpoint.port),
        headers=request.headers,  # Host among them
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )


def may_repeat(request: httpx.Request, error: httpx.TransportError) -> bool:
    """Whether a request that failed may be made again elsewhere."""
    if not isinstance(request.stream, httpx.ByteStream):
        return False  # its body comes from an iterator, and is used up
    nothing_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return nothing_sent or request.method in IDEMPOTENT


class BalancedTransport(httpx.BaseTransport):
    """For ``httpx.Client``. ``key`` tells the key of a request, for policies that need one."""

    def __init__(self, balancer: Balancer, *, key: Key = no_key, wait: float = 0.0) -> None:
        self._balancer, self._key, self._wait = balancer, key, wait
        self._transport = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        tried: list[Endpoint] = []
        while True:
            try:
                return self._attempt(request, tried)
            except httpx.TransportError as error:
                if len(tried) >= ATTEMPTS or not may_repeat(request, error):
                    raise
            except NoEndpoints as error:
                raise httpx.ConnectError(str(error), request=request) from error

    def _attempt(self, request: httpx.Request, tried: list[Endpoint]) -> httpx.Response:
        with ExitStack() as use:
            pick = self._balancer.pick(key=self._key(request), wait=self._wait, tried=tried)
            tried.append(use.enter_context(pick))
            response = self._transport.handle_request(aimed(request, tried[-1]))
            assert isinstance(response.stream, httpx.SyncByteStream)
            response.stream = _InUse(response.stream, use.pop_all())
            return response

    def close(self) -> None:
        self._transport.close()


class _InUse(httpx.SyncByteStream):
    """A body whose endpoint is in use until it ends."""

    def __init__(self, body: httpx.SyncByteStream, use: ExitStack) -> None:
        self._body, self._use = body, use

    def __iter__(self) -> Iterator[bytes]:
        with self._use:
            yield from self._body

    def close(self) -> None:
        self._body.close()
        self._use.close()


class AsyncBalancedTransport(httpx.AsyncBaseTransport):
    """The same for ``httpx.AsyncClient``."""

    def __init__(self, balancer: AsyncBalancer, *, key: Key = no_key, wait: float = 0.0) -> None:
        self._balancer, self._key, self._wait = balancer, key, wait
        self._transport = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        tried: list[Endpoint] = []
        while True:
            try:
                return await self._attempt(request, tried)
            except httpx.TransportError as error:
                if len(tried) >= ATTEMPTS or not may_repeat(request, error):
                    raise
            except NoEndpoints as error:
                raise httpx.ConnectError(str(error), request=request) from error

    async def _attempt(self, request: httpx.Request, tried: list[Endpoint]) -> httpx.Response:
        async with AsyncExitStack() as use:
            pick = self._balancer.pick(key=self._key(request), wait=self._wait, tried=tried)
            tried.append(await use.enter_async_context(pick))
            response = await self._transport.handle_async_request(aimed(request, tried[-1]))
            assert isinstance(response.stream, httpx.AsyncByteStream)
            response.stream = _AsyncInUse(response.stream, use.pop_all())
            return response

    async def aclose(self) -> None:
        await self._transport.aclose()


class _AsyncInUse(httpx.AsyncByteStream):
    """A body whose endpoint is in use until it ends."""

    def __init__(self, body: httpx.AsyncByteStream, use: AsyncExitStack) -> None:
        self._body, self._use = body, use

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with self._use:
            async for chunk in self._body:
                yield chunk

    async def aclose(self) -> None:
        await self._body.aclose()
        await self._use.aclose()
