"""``fairlead.client`` over real sockets: the project's DNS server, an API server, and servers that come and go."""

import asyncio
import contextlib
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import dns.name
import pytest

from fairlead.client import AsyncBalancer, Balancer, Dns, Ejection, Endpoint, NoEndpoints, Slices
from tests.support.api_servers import Kubectl, running_api_server
from tests.support.kubectls import kubectls
from tests.support.loopback_service import NAME, PATIENCE, endpoint, loopback_service

ONE, TWO, THREE = "127.0.1.1", "127.0.1.2", "127.0.1.3"


@pytest.fixture
def anyio_backend():
    return "asyncio"


def ask(target):
    """The address that a Pod says it has."""
    with socket.create_connection((target.address, target.port), timeout=PATIENCE) as connection:
        if answer := connection.recv(64):
            return answer.decode()
        raise EOFError


async def ask_async(target):
    reader, writer = await asyncio.open_connection(target.address, target.port)
    try:
        if answer := await reader.read(64):
            return answer.decode()
        raise EOFError
    finally:
        writer.close()
        await writer.wait_closed()


def eventually(check):
    ends = time.monotonic() + PATIENCE
    while not check():
        assert time.monotonic() < ends
        time.sleep(0.02)


@contextlib.asynccontextmanager
async def updates(source):
    """What a source tells, one after the other, as a function."""
    async with contextlib.aclosing(source.follow(asyncio.Event())) as told:

        async def following():
            async with asyncio.timeout(PATIENCE):
                return await anext(told)

        yield following


class TestNames:
    @pytest.mark.anyio
    async def test_addresses_of_the_preferred_family(self):
        with loopback_service() as service:
            service.publish(ONE, TWO)
            async with updates(Dns(NAME, 80, resolver=service.resolver())) as told:
                assert set((await told()).endpoints) == {Endpoint(ONE, 80), Endpoint(TWO, 80)}
            async with updates(Dns(NAME, 80, families=["IPv6"], resolver=service.resolver())) as told:
                assert (await told()).endpoints == ()
            service.publish("fd00::1", family="IPv6")
            async with updates(Dns(NAME, 80, resolver=service.resolver())) as told:
                assert (await told()).endpoints == (Endpoint("fd00::1", 80),)

    @pytest.mark.anyio
    async def test_a_named_port_tells_numbers_and_names(self):
        with loopback_service() as service:
            service.port = 8080
            service.publish(endpoint(ONE, "web-0"), TWO)
            async with updates(Dns(NAME, "http", resolver=service.resolver())) as told:
                expected = {Endpoint(ONE, 8080, "web-0"), Endpoint(TWO, 8080, "127-0-1-2")}
                assert set((await told()).endpoints) == expected

    @pytest.mark.anyio
    @pytest.mark.parametrize("wanted", [80, "http"])
    async def test_a_set_larger_than_any_datagram(self, wanted):
        with loopback_service() as service:
            service.port = 80
            addresses = {f"10.0.{n // 250}.{n % 250 + 1}" for n in range(500)}
            service.publish(*addresses)
            async with updates(Dns(NAME, wanted, resolver=service.resolver())) as told:
                assert {e.address for e in (await told()).endpoints} == addresses

    @pytest.mark.anyio
    async def test_a_short_name_is_completed_by_the_search_list(self):
        with loopback_service() as service:
            service.publish(ONE)
            resolver = service.resolver()
            resolver.search = [
                dns.name.from_text("svc.cluster.local."),
                dns.name.from_text("testns.svc.cluster.local."),
            ]
            async with updates(Dns("web", 80, resolver=resolver)) as told:
                assert (await told()).endpoints == (Endpoint(ONE, 80),)

    @pytest.mark.anyio
    async def test_while_dns_fails_nothing_is_learned_and_then_it_goes_on(self):
        with loopback_service(ttl=0) as service:
            service.publish(ONE)
            resolver = service.resolver()
            async with updates(Dns(NAME, 80, resolver=resolver)) as told:
                assert (await told()).endpoints == (Endpoint(ONE, 80),)
                resolver.lifetime = 0.5
                service.stop_dns()
                silent = await told()
                assert silent.endpoints is None
                assert "cannot be looked up" in silent.reason
                service.forget()
                service.start_dns()
                assert (await told()).endpoints is None
                service.begin()
                service.publish(TWO)
                while (heard := await told()).endpoints != (Endpoint(TWO, 80),):
                    assert heard.endpoints is None or heard.endpoints == ()

    @pytest.mark.anyio
    async def test_a_service_without_ready_pods_is_empty_until_one_is_ready(self):
        with loopback_service() as service:
            async with AsyncBalancer(Dns(NAME, 80, resolver=service.resolver())) as balancer:
                with pytest.raises(NoEndpoints, match="none of its Pods is ready"):
                    async with balancer.pick():
                        pass
                waiting = asyncio.create_task(balancer.pick(wait=PATIENCE).__aenter__())
                await asyncio.sleep(0)
                service.publish(ONE)
                assert await waiting == Endpoint(ONE, 80)


class TestRequests:
    def test_each_pod_in_turn_from_many_threads(self):
        with loopback_service(ttl=3600) as service:
            for address in (ONE, TWO, THREE):
                service.start_pod(address)
            service.publish(ONE, TWO, THREE)
            source = Dns(NAME, service.port, resolver=service.resolver())
            with Balancer(source) as balancer, ThreadPoolExecutor(8) as pool:
                answers = Counter(pool.map(lambda _: balancer.call(ask), range(300)))
            assert answers == {ONE: 100, TWO: 100, THREE: 100}

    def test_no_request_fails_while_pods_die_and_come(self):
        """One Pod at least is always there; the TTL is far longer than the test."""
        with loopback_service(ttl=3600) as service:
            service.start_pod(ONE)
            service.publish(ONE)
            source = Dns(NAME, service.port, resolver=service.resolver())
            done = threading.Event()
            with Balancer(source) as balancer, ThreadPoolExecutor(4) as pool:

                def keep_asking(_):
                    answers = Counter()
                    while not done.is_set():
                        answers[balancer.call(ask)] += 1
                    return answers

                running = pool.map(keep_asking, range(4))
                for old, new in ((ONE, TWO), (TWO, THREE), (THREE, ONE)):
                    service.start_pod(new)
                    service.publish(old, new)
                    # A failure of any request, even one that is made again, brings the next look-up forward.
                    with contextlib.suppress(OSError), balancer.pick():
                        raise ConnectionResetError
                    eventually(lambda old=old, new=new: {e.address for e in balancer.endpoints()} == {old, new})
                    service.kill_pod(old)
                    service.publish(new)
                    eventually(lambda new=new: [e.address for e in balancer.endpoints()] == [new])
                done.set()
                answers = sum(running, Counter())
            assert set(answers) == {ONE, TWO, THREE}

    @pytest.mark.anyio
    async def test_a_dead_pod_costs_no_request_and_is_asked_no_longer(self):
        with loopback_service(ttl=3600) as service:
            for address in (ONE, TWO):
                service.start_pod(address)
            service.publish(ONE, TWO)
            source = Dns(NAME, service.port, resolver=service.resolver())
            async with AsyncBalancer(source, ejection=Ejection(after=1, first=3600)) as balancer:
                await asyncio.to_thread(service.kill_pod, ONE)
                answers = Counter([await balancer.call(ask_async) for _ in range(20)])
                assert answers == {TWO: 20}
                for _ in range(20):
                    async with balancer.pick() as target:
                        assert target.address == TWO


class TestSlices:
    def test_changes_arrive_with_names_and_zones(self, tmp_path):
        with running_api_server(tmp_path / "api") as server:
            kubectl = Kubectl(kubectls()[-1], server, tmp_path)
            kubectl("create", "-f", "-", stdin=slice_document("10.1.2.3", zone="a", hostname="web-0"))
            source = Slices("web", "http", kubeconfig=server.kubeconfig)
            with Balancer(source) as balancer:
                with balancer.pick() as target:
                    assert target == Endpoint("10.1.2.3", 8080, "web-0", "a")
                kubectl("replace", "-f", "-", stdin=slice_document("10.1.2.4", zone="b"))
                eventually(lambda: balancer.endpoints() == (Endpoint("10.1.2.4", 8080, None, "b"),))
                kubectl("delete", "endpointslice", "web-1")
                eventually(lambda: balancer.endpoints() == ())
                with pytest.raises(NoEndpoints, match="default/web list none"), balancer.pick():
                    pass

    def test_without_a_kubeconfig_the_reason_is_reported(self, tmp_path):
        balancer = Balancer(Slices("web", 80, kubeconfig=tmp_path / "none"))
        with balancer, pytest.raises(NoEndpoints, match="there is no kubeconfig"), balancer.pick():
            pass


def slice_document(address, **fields):
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], **fields}],
        "ports": [{"name": "http", "port": 8080}],
    }
