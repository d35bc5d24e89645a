"""The node proxy: cold start, latency of one change, and memory, by the number of Services; then traffic through it.

A stand-in for the API server, in a process of its own, answers lists and watches of generated objects over HTTP; the
proxy is the real one, with its informers, in a network namespace of its own with a real kernel. A change is one
endpoint replaced in one EndpointSlice; its latency runs from the event's being written to the watch until the kernel
has acknowledged the rules. Everything is drawn in ``bench/out/proxy.svg``.
"""

import asyncio
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench import _proxy_policies, _proxy_traffic
from bench._chart import Panel, svg
from bench._cluster import ENDPOINTS, NODE, endpoint_slice, service

CASES = (("nft", 1000), ("nft", 10000), ("nft", 30000), ("iptables", 1000))
CHANGES = 60
COLUMNS = {
    "cold start": ("cold", "{:.2f} s"),
    "of it CPU": ("spent", "{:.2f} s"),
    "change, median": ("median", "{:.1f} ms"),
    "p99": ("p99", "{:.1f} ms"),
    "of it kernel": ("kernel", "{:.1f} ms"),
    "memory": ("memory", "{:.0f} MB"),
}
PORT = 8001
PAGE = 500  # as API servers give when asked so
CHART = Path("bench/out/proxy.svg")


def main():
    print(f"node proxy, {ENDPOINTS} endpoints a Service; {CHANGES} changes, one endpoint each")
    print(" ".join(f"{title:>14}" for title in ("rules", "Services", *COLUMNS)))
    results = {case: _in_namespace(*case) for case in CASES}
    _proxy_policies.main()
    CHART.parent.mkdir(exist_ok=True)
    CHART.write_text(svg([*_panels(results), *_proxy_traffic.main()]))
    print(f"drawn in {CHART}")


def _panels(results):
    def panel(title, unit, key):
        return Panel(title, unit, [(f"{backend} {size}", r[key]) for (backend, size), r in results.items()])

    return [
        panel("one change, median, by rules and Services", "ms", "median"),
        panel("one change, p99", "ms", "p99"),
        panel("cold start", "s", "cold"),
        panel("memory", "MB", "memory"),
    ]


def _in_namespace(backend, size):
    root = [] if os.geteuid() == 0 else ["-r"]
    command = ["unshare", *root, "-n", sys.executable, "-m", "bench.proxy", backend, str(size)]
    result = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    values = (form.format(result[key]) for key, form in COLUMNS.values())
    print(" ".join(f"{value:>14}" for value in (backend, size, *values)), flush=True)
    return result


# --- the stand-in ----------------------------------------------------------------------------------------------------


def serve(size, orders):
    """Answer lists and watches until the end; each (service, version) on ``orders`` is a change of a slice."""
    asyncio.run(_serve(size, orders))


async def _serve(size, orders):
    lists = {
        "services": [service(i) for i in range(size)],
        "endpointslices": [endpoint_slice(i) for i in range(size)],
        "nodes": [NODE],
        "servicecidrs": [],  # known by a setting
    }
    bodies = {
        (kind, start): json.dumps(_page(items, start)).encode()
        for kind, items in lists.items()
        for start in range(0, len(items) or 1, PAGE)
    }
    watchers = []
    server = await asyncio.start_server(lambda r, w: _answer(r, w, bodies, watchers), "127.0.0.1", PORT)
    asyncio.get_running_loop().add_reader(orders.fileno(), lambda: _change(orders, watchers))
    orders.send("serving")
    await server.serve_forever()


def _page(items, start):
    more = {"continue": str(start + PAGE)} if start + PAGE < len(items) else {}
    return {"metadata": {"resourceVersion": "1", **more}, "items": items[start : start + PAGE]}


def _change(orders, watchers):
    i, version = orders.recv()
    event = json.dumps({"type": "MODIFIED", "object": endpoint_slice(i, version)}).encode() + b"\n"
    orders.send(time.monotonic())
    for writer in watchers:
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))


async def _answer(reader, writer, bodies, watchers):
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return
        path, _, query = head.split(b" ", 2)[1].partition(b"?")
        kind = path.decode().rpartition("/")[2]
        if b"watch=true" in query:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            if kind == "endpointslices":
                watchers.append(writer)
        else:
            start = int(query.partition(b"continue=")[2].partition(b"&")[0] or 0)
            body = bodies[kind, start]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)
        await writer.drain()


# --- the proxy -------------------------------------------------------------------------------------------------------


async def measure(backend, size, orders):
    import httpx2

    from fairlead.app.proxy.options import ProxyOptions
    from fairlead.app.proxy.process import NodeProxy
    from fairlead.dataplane.node_view import NodeSettings
    from fairlead.drivers.kube.client import KubeClient
    from fairlead.drivers.proxy import iptables, nft

    acknowledged = asyncio.Queue()
    driver, name = {"nft": (nft, "change_table"), "iptables": (iptables, "restore")}[backend]
    carry_out = getattr(driver, name)

    async def timed(*arguments):
        start = time.monotonic()
        done = await carry_out(*arguments)
        acknowledged.put_nowait((start, time.monotonic()))
        return done

    setattr(driver, name, timed)
    settings = NodeSettings(cluster_cidrs=("10.0.0.0/8",), service_cidrs=("10.96.0.0/12",))
    client = KubeClient(httpx2.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", timeout=60))
    proxy, ready = NodeProxy(ProxyOptions("node-0", settings=settings, backend=backend), client), asyncio.Event()
    start, spent = time.monotonic(), sum(os.times()[:4])
    task = asyncio.create_task(proxy.run(ready.set))
    task.add_done_callback(lambda done: done.cancelled() or done.result())
    await ready.wait()
    cold, spent = time.monotonic() - start, sum(os.times()[:4]) - spent
    await asyncio.sleep(1)  # the watches are open by then
    while not acknowledged.empty():
        acknowledged.get_nowait()
    choice, latencies, kernel = random.Random(1), [], []
    for version in range(2, CHANGES + 2):
        orders.send((choice.randrange(size), version))
        written = orders.recv()
        began, ended = await acknowledged.get()
        latencies.append(1000 * (ended - written))
        kernel.append(1000 * (ended - began))
        await asyncio.sleep(0.02)
    task.cancel()
    return {
        "cold": cold,
        "spent": spent,
        "median": statistics.median(latencies),
        "p99": statistics.quantiles(latencies, n=100)[98],
        "kernel": statistics.median(kernel),
        "memory": _memory(),
    }


def _memory():
    """Proportional set size in MB."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return int(rollup.split("Pss:")[1].split()[0]) / 1000


def run_one(backend, size):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(size, there), daemon=True)
    server.start()
    here.recv()
    print(json.dumps(asyncio.run(measure(backend, size, here))))
    server.terminate()


if __name__ == "__main__":
    run_one(sys.argv[1], int(sys.argv[2]))
