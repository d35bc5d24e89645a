"""The adapters of ``examples/clients``: httpx against servers that die, psycopg through a failover of PostgreSQL."""

import asyncio
import contextlib
import http.server
import threading
from collections import Counter

import httpx
import psycopg
import pytest
from examples.clients import httpx_transport, psycopg_roles
from examples.clients.httpx_transport import AsyncBalancedTransport, BalancedTransport

from fairlead.client import AsyncBalancer, Balancer, ConsistentHash, Dns, LeastInFlight, Roles
from tests.support.labs import eventually
from tests.support.loopback_service import NAME, PATIENCE, loopback_service
from tests.support.net.ports import free_port
from tests.support.postgres import servers

ONE, TWO, THREE = "127.0.1.1", "127.0.1.2", "127.0.1.3"


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Web(http.server.BaseHTTPRequestHandler):
    """Tells its address and the name it was asked for; hangs up on ``POST /crash``, and counts them."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one segment
    crashes = Counter()

    def do_GET(self):
        self.answer(f"{self.server.server_address[0]} {self.headers['Host']}")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/crash":
            self.crashes[body] += 1
            self.close_connection = True
            return
        self.answer(f"{self.server.server_address[0]} {body.decode()}")

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def web_service(*addresses):
    """Pods that speak HTTP, all ready; the TTL outlasts every test."""
    with loopback_service(ttl=3600) as service:
        for address in addresses:
            service.start_pod(address, Web)
        service.publish(*addresses)
        yield service


@contextlib.contextmanager
def client(service, policy=None, **options):
    source = Dns(NAME, "http", resolver=service.resolver())
    with (
        Balancer(source, policy, failures=httpx_transport.FAILURES) as balancer,
        httpx.Client(
            transport=BalancedTransport(balancer, **options), base_url="http://web", timeout=PATIENCE
        ) as http_client,
    ):
        yield http_client


class TestHttpx:
    def test_requests_go_to_each_pod_and_keep_the_name(self):
        with web_service(ONE, TWO, THREE) as service, client(service) as web:
            answers = Counter(web.get("/").text for _ in range(30))
        assert answers == {f"{address} web": 10 for address in (ONE, TWO, THREE)}

    def test_requests_of_a_key_stay_together(self):
        def user(request):
            return request.headers["x-user"]

        with web_service(ONE, TWO, THREE) as service, client(service, ConsistentHash(), key=user) as web:
            answers = {name: {web.get("/", headers={"x-user": name}).text for _ in range(3)} for name in "abcdefgh"}
        assert all(len(pods) == 1 for pods in answers.values())
        assert len(set.union(*answers.values())) > 1

    def test_a_dead_pod_costs_no_request(self):
        with web_service(ONE, TWO) as service, client(service) as web:
            assert {web.get("/").text for _ in range(4)} == {f"{ONE} web", f"{TWO} web"}
            service.kill_pod(ONE)
            assert {web.post("/", content=b"x").text for _ in range(4)} == {f"{TWO} x"}

    def test_possibly_executed_requests_are_not_repeated(self):
        with web_service(ONE, TWO) as service, client(service) as web:
            with pytest.raises(httpx.RemoteProtocolError):
                web.post("/crash", content=b"sync")
            assert Web.crashes[b"sync"] == 1

    def test_a_body_that_is_used_up_is_not_sent_again(self):
        with web_service(ONE) as service, client(service) as web:
            service.kill_pod(ONE)
            with pytest.raises(httpx.ConnectError):
                web.put("/", content=iter([b"x"]))

    def test_a_response_that_is_still_read_counts(self):
        with web_service(ONE, TWO) as service, client(service, LeastInFlight()) as web:
            with web.stream("GET", "/") as reading:
                others = {web.get("/").text for _ in range(10)}
                assert others == ({f"{ONE} web", f"{TWO} web"} - {reading.read().decode()})
            assert {web.get("/").text for _ in range(50)} == {f"{ONE} web", f"{TWO} web"}

    def test_no_pod_is_a_connection_error(self):
        with loopback_service() as service, client(service) as web, pytest.raises(httpx.ConnectError, match="ready"):
            web.get("/")

    @pytest.mark.anyio
    async def test_asyncio(self):
        with web_service(ONE, TWO) as service:
            source = Dns(NAME, "http", resolver=service.resolver())
            async with (
                AsyncBalancer(source, failures=httpx_transport.FAILURES) as balancer,
                httpx.AsyncClient(
                    transport=AsyncBalancedTransport(balancer), base_url="http://web", timeout=PATIENCE
                ) as web,
            ):
                answers = [r.text for r in await asyncio.gather(*(web.get("/") for _ in range(20)))]
                assert Counter(answers) == {f"{ONE} web": 10, f"{TWO} web": 10}
                with pytest.raises(httpx.RemoteProtocolError):
                    await web.post("/crash", content=b"async")
                assert Web.crashes[b"async"] == 1
                await asyncio.to_thread(service.kill_pod, ONE)
                assert {(await web.get("/")).text for _ in range(4)} == {f"{TWO} web"}


OPTIONS = {"dbname": "postgres", "user": "postgres"}


class TestPsycopg:
    def test_writes_and_reads_through_a_failover(self):
        port = free_port()
        with loopback_service(ttl=3600) as service, servers(ONE, TWO, port=port) as (primary, replica):
            service.publish(ONE, TWO)
            source = Dns(NAME, port, resolver=service.resolver())
            roles = Roles(psycopg_roles.role_by(**OPTIONS))
            with Balancer(source, roles=roles, failures=psycopg_roles.is_failure) as db:
                with psycopg_roles.connect(db, "primary", wait=PATIENCE, **OPTIONS) as connection:
                    assert connection.info.host == ONE
                    connection.execute("create table t (n int)")
                    connection.execute("insert into t values (1)")
                assert rows_at_replica(db) == [(1,)]
                self.refusals_of_statements_say_nothing(db)

                primary.kill()
                promoting = threading.Timer(1, replica.promote)
                promoting.start()
                assert db.call(insert(2), role="primary", wait=PATIENCE) == TWO
                promoting.join()
                with psycopg_roles.connect(db, "primary", wait=PATIENCE, **OPTIONS) as connection:
                    assert connection.execute("select n from t order by n").fetchall() == [(1,), (2,)]

    def refusals_of_statements_say_nothing(self, db):
        connecting = psycopg_roles.connect(db, "primary", **OPTIONS)
        with pytest.raises(psycopg.errors.UndefinedTable), connecting as connection:
            connection.execute("select * from nonsense")
        with psycopg_roles.connect(db, "primary", **OPTIONS):
            pass  # at once: it has kept its role


def rows_at_replica(db):
    """What the replica has, once the row has come to it."""

    def read():
        with psycopg_roles.connect(db, "replica", wait=PATIENCE, **OPTIONS) as connection:
            assert connection.info.host == TWO
            if connection.execute("select to_regclass('t')").fetchone()[0]:
                return connection.execute("select n from t").fetchall()
            return []

    return eventually(read, PATIENCE)


def insert(number):
    """A request that inserts, and says where."""

    def request(endpoint):
        with psycopg.connect(**psycopg_roles.at(endpoint), **OPTIONS) as connection:
            connection.execute("insert into t values (%s)", [number])
            return endpoint.address

    return request


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (psycopg.OperationalError("connection refused"), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.TooManyConnections(), True),
        (psycopg.errors.ReadOnlySqlTransaction(), True),
        (psycopg.errors.SerializationFailure(), False),
        (psycopg.errors.QueryCanceled(), False),
        (psycopg.errors.UniqueViolation(), False),
        (psycopg.InterfaceError("the connection is closed"), False),
        (KeyError(), False),
    ],
)
def test_which_errors_tell_of_the_server(error, counts):
    assert psycopg_roles.is_failure(error) is counts
