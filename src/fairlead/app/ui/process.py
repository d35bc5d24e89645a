"""The page's process: wires the cluster, the views and the server, and serves until it is cancelled."""

import socket
from collections.abc import Callable
from contextlib import suppress

from fairlead.app.ui import exports, lookups, tracing, views
from fairlead.app.ui.changes import views_of
from fairlead.app.ui.doctor import Doctor
from fairlead.app.ui.fixes import fixing
from fairlead.app.ui.handlers import handler_of
from fairlead.app.ui.live import Live
from fairlead.app.ui.options import UiOptions
from fairlead.app.ui.world import World
from fairlead.drivers.lab.run_folder import root
from fairlead.drivers.ui.application import Application
from fairlead.drivers.ui.exchange import PageReply, PageRequest, Routes, json_reply
from fairlead.drivers.ui.gate import PageGate
from fairlead.drivers.ui.http_server import listen, serve
from fairlead.drivers.ui.key_file import kept_key

USUAL_PORT = 7474


async def run(options: UiOptions, ready: Callable[[str], None]) -> None:
    """Serve until cancelled; ``ready`` is called with the address to open.

    Raises:
        OSError: the port is taken, or there is no private folder for the key. Unusable: that folder belongs to another
            user.
    """
    key = kept_key(root())
    sock = _listening(options.port)
    port = sock.getsockname()[1]
    gate = PageGate(key, port)
    world = World(options)
    application = Application(gate, routes(world))
    await serve(application, [sock], lambda: ready(f"http://127.0.0.1:{port}/#token={gate.token}"))


def _listening(port: int | None) -> socket.socket:
    if port is not None:
        return listen(port)
    with suppress(OSError):
        return listen(USUAL_PORT)
    return listen(0)


def routes(world: World) -> Routes:
    """The routes of the page's server."""
    live = Live(world, Doctor(world.wake))
    show_change, save_change = views_of(world.changes)
    return {
        ("GET", "/api/session"): _session,
        ("GET", "/api/live"): live.handle,
        ("GET", "/api/explain"): handler_of(world, views.explain),
        ("GET", "/api/trace"): handler_of(world, tracing.trace),
        ("POST", "/api/send"): handler_of(world, tracing.send_some),
        ("GET", "/api/names"): handler_of(world, lookups.names),
        ("GET", "/api/rules"): handler_of(world, lookups.rules),
        ("GET", "/api/timeline"): handler_of(world, show_change),
        ("GET", "/api/export/changes"): handler_of(world, save_change),
        ("POST", "/api/fix"): fixing(world),
        ("GET", "/api/export"): handler_of(world, exports.handle),
    }


async def _session(_: PageRequest) -> PageReply:
    """Tells a page whose stream has broken whether it is still let in."""
    return json_reply({})
