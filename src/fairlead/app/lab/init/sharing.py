"""What every part of a lab needs once: PID 1 does it before it forks the parts, and they share the result.

A forked process shares the memory of its parent until one of the two writes to it. The first use of something writes
most: a module is imported, OpenSSL looks up its algorithms, msgspec reads the fields of a type, the interpreter adapts
a function to its callers (PEP 659). After the first use in PID 1, the parts neither keep that memory each nor spend
time on it.

Nothing in ``share_first_uses`` reads a secret, because the processes of Pods are forks too.
"""

import asyncio
import importlib
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fairlead.drivers.kube.client import KubeClient
from fairlead.model.decode import DecodeError, decode
from fairlead.model.objects import KubeObject

# Modules that parts import only when they first need them. What only some labs have is imported where it is planned.
SHARED_MODULES = (
    "fairlead.app.lab.init.components",
    "encodings.idna",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.auto",
)


def share_first_uses() -> None:
    """Use once what all parts use. To be called before anything is forked."""
    for name in SHARED_MODULES:
        importlib.import_module(name)
    _shake_hands()
    for kind in _kinds(KubeObject):
        with suppress(DecodeError):
            decode(kind, b"{}")
    asyncio.run(_run_task())


def share_tables(kubeconfig: Path) -> None:
    """Make a client and drop it: OpenSSL and the parsers build tables of three megabytes for the first one."""
    KubeClient.from_kubeconfig(kubeconfig)


def _shake_hands() -> None:
    """A TLS handshake in memory. It fails because neither end has a certificate, but both look up their algorithms."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(to_client, to_server, server_hostname="localhost")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server, client):
        with suppress(ssl.SSLError):
            end.do_handshake()


def _kinds(type_: type[KubeObject]) -> Iterator[type[KubeObject]]:
    yield type_
    for kind in type_.__subclasses__():
        yield from _kinds(kind)


async def _run_task() -> None:
    async with asyncio.timeout(1), asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(0))
