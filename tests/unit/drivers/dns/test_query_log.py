"""Log lines about failures: each at once, or similar ones together after an interval."""

import asyncio

import dns.message

from fairlead.clusterdns.responder import Responder
from fairlead.clusterdns.server_blocks import ServerBlocks
from fairlead.drivers.dns.query_log import QueryLog
from tests.support.corefiles import configured, synced

TEXT = """\
. {
    errors {
        consolidate 1ms ^template: warning
    }
    template IN A down
    template IN A broken {
        match ^nothing$
    }
    hosts /none lost {
        192.0.2.1 x.lost
    }
}
"""


def test_similar_failures_are_reported_together():
    lines = []

    async def run():
        told = asyncio.Event()

        def write(line):
            lines.append(line)
            if "WARNING" in line:
                told.set()

        log, responder = QueryLog(write), Responder(ServerBlocks(configured(TEXT).blocks, synced()))
        for name in ("a.broken.", "b.broken.", "a.lost."):
            responder.respond(dns.message.make_query(name, "A").to_wire())
        for noted in responder.noted:
            log(noted, 0.0)
        await told.wait()

    asyncio.run(run())
    assert lines == [
        "[ERROR] plugin/errors: 2 a.lost. A: hosts: no entry, and no fallthrough",
        "[WARNING] plugin/errors: 2 errors like '^template:' occurred in last 0.001s",
    ]
