"""The server's reports: metrics, query log, health pages."""

import asyncio

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from fairlead.clusterdns.answer import answer
from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.plugins.logs import LogRule
from fairlead.drivers.dns.configuration_metrics import ConfigurationCollector, ConfigurationFigures
from fairlead.drivers.dns.metrics import DnsCollector, ProgrammingDelay, WatchedCollection, new_registry, render
from fairlead.drivers.dns.query_log import QueryLog
from fairlead.drivers.tiny_http import Page, serve_pages
from fairlead.model.decode import decode
from fairlead.model.objects import EndpointSlice
from tests.support.dns_cases import CLUSTER, SUFFIX, ZONE, filled, service
from tests.support.dns_servers import HOST, block_over, serving


def query(name="svc1", qtype="A", **options):
    return dns.message.make_query(f"{name}.{SUFFIX}", qtype, **options)


async def served(names, tell=None):
    """The metrics after these names were asked for over UDP, and one over TCP."""
    authority = Authority(ZONE)
    for object_ in CLUSTER:
        authority.change(None, object_, 0)
    authority.finish_sync(0)
    block = block_over(ZONE, logs=(LogRule(),) if tell else ())
    async with serving(authority, block, tell=tell) as server:
        registry = new_registry()
        registry.register(DnsCollector(server, authority, {"services": lambda: WatchedCollection(7, 1.5)}))
        for name in names:
            await dns.asyncquery.udp(query(name), HOST, port=server.port, timeout=60)
        await dns.asyncquery.tcp(query(), HOST, port=server.port, timeout=60)
        await dns.asyncquery.tcp(query(want_dnssec=True), HOST, port=server.port, timeout=60)
        return render(registry).replace(str(server.port), "53").splitlines()


AT, APEX = f"dns://{HOST}:53", "cluster.local."
LABELS = f'server="{AT}",view="",zone="{APEX}"'


@pytest.mark.parametrize(
    "line",
    [
        f'coredns_dns_requests_total{{family="1",proto="udp",server="{AT}",type="A",view="",zone="{APEX}"}} 5.0',
        f'coredns_dns_requests_total{{family="1",proto="tcp",server="{AT}",type="A",view="",zone="{APEX}"}} 2.0',
        f'coredns_dns_responses_total{{plugin="kubernetes",rcode="NXDOMAIN",server="{AT}",view="",zone="{APEX}"}} 2.0',
        f'coredns_dns_responses_total{{plugin="kubernetes",rcode="NOERROR",server="{AT}",view="",zone="{APEX}"}} 5.0',
        f"coredns_dns_do_requests_total{{{LABELS}}} 1.0",
        "coredns_panics_total 0.0",
        f'fairlead_dns_records_served_total{{zone="{APEX}"}} 33.0',
        f'coredns_dns_response_size_bytes_bucket{{le="100.0",proto="udp",{LABELS}}} 2.0',
        f'coredns_dns_response_size_bytes_count{{proto="udp",{LABELS}}} 5.0',
        f'coredns_dns_request_duration_seconds_count{{server="{AT}",type="",view="",zone=""}} 5.0',
        'fairlead_dns_truncated_replies_total{proto="udp"} 1.0',
        'fairlead_dns_objects{kind="services"} 7.0',
        'fairlead_dns_watch_age_seconds{kind="services"} 1.5',
    ],
)
def test_metrics(line):
    assert line in asyncio.run(served(["svc1", "svc1", "nothing", "nothing", "big"]))


def test_an_internal_error_gives_a_servfail_to_its_sender_only(monkeypatch, caplog):
    def at_fault(question, view):
        if question.name[0] == "svc6":
            raise ZeroDivisionError("a mistake")
        return answer(question, view)

    monkeypatch.setattr("fairlead.clusterdns.plugins.kubernetes.answer", at_fault)

    async def run():
        authority = filled(Authority(ZONE))
        authority.finish_sync(0)
        async with serving(authority) as server:
            for ask in (dns.asyncquery.udp, dns.asyncquery.tcp):
                met = await ask(query("svc6"), HOST, port=server.port, timeout=60)
                assert met.rcode() == dns.rcode.SERVFAIL
                assert (await ask(query("svc1"), HOST, port=server.port, timeout=60)).answer
            return [responder.faults for responder in server.responders]

    assert asyncio.run(run()) == [1, 1]
    assert "no reply to" in caplog.text


def test_what_is_configured():
    configuration = ConfigurationFigures(AT, APEX, frozenset({"forward"}), "abc", 2, 7, 3)
    registry = new_registry()
    registry.register(ConfigurationCollector(lambda: configuration))
    for line in (
        f'coredns_plugin_enabled{{name="forward",{LABELS}}} 1.0',
        f'coredns_autopath_success_total{{server="{AT}"}} 7.0',
        'coredns_reload_version_info{hash="sha512",value="abc"} 1.0',
        "coredns_reload_failed_total 2.0",
        "coredns_hosts_entries 3.0",
    ):
        assert line in render(registry).splitlines()


def test_the_query_log_has_a_line_for_each_reply():
    lines = []
    asyncio.run(served(["svc1", "svc1", "big"], QueryLog(lines.append)))
    line = f"{HOST} A svc1.{SUFFIX} NOERROR aa,rd 63 octets: 10.0.0.1"
    assert [lines[0], lines[1], lines[3]] == [line] * 3
    assert lines[2].endswith(" and 25 more")


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("cluster_ip", {"ips": "10.0.0.1"}),
        ("headless_with_selector", {"selector": {"app": "x"}}),
        ("headless_without_selector", {}),
    ],
)
def test_the_time_from_a_change_to_its_records(kind, spec):
    registry = new_registry()
    trigger = {"endpoints.kubernetes.io/last-change-trigger-time": "2026-11-23T10:00:00.5Z"}
    slice_ = decode(EndpointSlice, {"metadata": {"name": "s", "namespace": "n", "annotations": trigger}})
    ProgrammingDelay(registry).observe(slice_, service("s", **spec), 1795428000.75)
    name = "coredns_kubernetes_dns_programming_duration_seconds"
    assert f'{name}_sum{{service_kind="{kind}"}} 0.25' in render(registry)


async def fetched(request: bytes) -> bytes:
    server = await serve_pages(HOST, 0, {"/health": lambda: Page("OK")})
    try:
        reader, writer = await asyncio.open_connection(HOST, server.sockets[0].getsockname()[1])
        writer.write(request)
        writer.write_eof()
        reply = await reader.read()
        writer.close()
        return reply
    finally:
        server.close()


@pytest.mark.parametrize(
    ("request_", "begins", "ends"),
    [
        (b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK", b"\r\n\r\nOK"),
        (b"GET /health?x=1 HTTP/1.0\r\n\r\n", b"HTTP/1.1 200 OK", b"\r\n\r\nOK"),
        (b"HEAD /health HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK", b"Content-Length: 2\r\nConnection: close\r\n\r\n"),
        (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 404", b"not found\n"),
        (b"POST /health HTTP/1.1\r\n\r\n", b"HTTP/1.1 405", b"not allowed\n"),
        (b"nonsense", b"", b""),
        (b"GET /" + b"x" * 10_000, b"", b""),
    ],
)
def test_health_pages(request_, begins, ends):
    reply = asyncio.run(fetched(request_))
    assert (reply.startswith(begins), reply.endswith(ends), bool(reply)) == (True, True, bool(begins)), reply
