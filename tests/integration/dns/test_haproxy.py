"""HAProxy fills its servers from a headless Service; message sizes decide whether all of a hundred endpoints fit.

HAProxy drops a reply with TC, and never asks again over TCP by itself. So with more endpoints than fit into what it
says that it takes, or into what the server sends at most, it has no servers at all.
"""

import asyncio
import contextlib
import os
from dataclasses import replace

import pytest

from fairlead.clusterdns.authority import Authority
from tests.support.dns_cases import ZONE, filled, service, slice_
from tests.support.dns_servers import HOST, block_over, serving

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
HUNDRED = [f"10.3.0.{number}" for number in range(1, 101)]
FEW = ["172.0.0.2", "172.0.0.3", "172.0.0.4", "172.0.0.5", "172.0.0.7"]

CONFIGURATION = """\
global
    stats socket {folder}/stats level admin
defaults
    mode tcp
    timeout connect 5s
    timeout client 5s
    timeout server 5s
resolvers cluster
    nameserver dns {scheme}{host}:{port}
    accepted_payload_size {payload}
    resolve_retries 3
    timeout resolve 1s
    timeout retry 1s
backend web
    server-template web- 120 {name}.testns.svc.cluster.local:80 resolvers cluster resolve-prefer ipv4 init-addr none
"""


async def told(folder, command: str) -> str:
    """What a running HAProxy says at its socket."""
    reader, writer = await asyncio.open_unix_connection(f"{folder}/stats")
    writer.write(f"{command}\n".encode())
    text = (await reader.read()).decode()
    writer.close()
    return text


async def servers(folder) -> list[str]:
    """The addresses that it has servers at."""
    lines = (line.split() for line in (await told(folder, "show servers state web")).splitlines())
    return sorted(
        words[4] for words in lines if len(words) > 4 and words[0].isdigit() and words[4] not in ("-", "0.0.0.0")
    )


async def truncated(folder) -> bool:
    """Whether replies were dropped for their TC."""
    lines = (await told(folder, "show resolvers cluster")).splitlines()
    return any(line.split()[:1] == ["truncated:"] and line.split()[1] != "0" for line in lines)


@contextlib.asynccontextmanager
async def haproxy(folder, **settings):
    path = folder / "haproxy.cfg"
    path.write_text(CONFIGURATION.format(folder=folder, host=HOST, **settings))
    process = await asyncio.create_subprocess_exec("haproxy", "-db", "-q", "-f", path, env={**os.environ, "PATH": PATH})
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def until(check, expected) -> None:
    found = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(60):
            while found != expected:
                with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                    found = await check()
                await asyncio.sleep(0.05)
    assert found == expected


@pytest.mark.parametrize(
    ("name", "udp_size", "scheme", "payload", "expected"),
    [
        ("hdls", None, "", 512, FEW),
        ("hundred", None, "", 4096, None),  # cut at 1232 octets
        ("hundred", 4096, "", 1232, None),  # at what it takes itself
        ("hundred", 4096, "", 4096, HUNDRED),
        ("hundred", None, "tcp@", 4096, HUNDRED),
    ],
)
def test_servers_from_a_headless_service(tmp_path, name, udp_size, scheme, payload, expected):
    async def run():
        authority = filled(Authority(ZONE))
        authority.change(None, service("hundred"), 0)
        authority.change(None, slice_("hundred", *HUNDRED), 0)
        authority.finish_sync(0)
        block = replace(block_over(authority.zone), udp_size=udp_size)
        settings = {"name": name, "scheme": scheme, "payload": payload}
        async with serving(authority, block) as server, haproxy(tmp_path, port=server.port, **settings):
            if expected is None:
                await until(lambda: truncated(tmp_path), True)
                assert await servers(tmp_path) == []
            else:
                await until(lambda: servers(tmp_path), sorted(expected))

    asyncio.run(run())
