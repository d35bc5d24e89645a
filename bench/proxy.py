"""The node proxy: cold start, latency of one change, and memory, by the number of Services.

A stand-in for the API server, in a process of its own, answers lists and watches of generated objects over HTTP; the
proxy is the real one, with its informers, in a network namespace of its own with a real kernel. A change is one
endpoint replaced in one EndpointSlice; its latency runs from the event's being written to the watch until nft has
acknowledged the rules.
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

SIZES = (1000, 10000, 30000)
ENDPOINTS = 4
CHANGES = 60
COLUMNS = {
    "cold start": ("cold", "{:.2f} s"),
    "of it CPU": ("spent", "{:.2f} s"),
    "change, median": ("median", "{:.1f} ms"),
    "p99": ("p99", "{:.1f} ms"),
    "of it nft": ("nft", "{:.1f} ms"),
    "memory": ("memory", "{:.0f} MB"),
}
PORT = 8001
PAGE = 500  # as API servers give when asked so


def main():
    print(f"node proxy, {ENDPOINTS} endpoints a Service; {CHANGES} changes, one endpoint each")
    print(" ".join(f"{title:>14}" for title in ("Services", *COLUMNS)))
    results = {size: _in_namespace(size) for size in SIZES}
    longest = max(result["median"] for result in results.values())
    for size, result in results.items():
        print(f"{size:>14} {'#' * round(40 * result['median'] / longest)} {result['median']:.1f} ms")


def _in_namespace(size):
    root = [] if os.geteuid() == 0 else ["-r"]
    command = ["unshare", *root, "-n", sys.executable, "-m", "bench.proxy", str(size)]
    result = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    print(f"{size:>14}", *(f"{form.format(result[key]):>14}" for key, form in COLUMNS.values()), flush=True)
    return result


# --- objects ---------------------------------------------------------------------------------------------------------


def address(number, copy):
    return f"10.{copy}.{number // 250 % 250}.{number % 250 + 1}"


def service(i):
    ip = f"10.{96 + i // 62500}.{i // 250 % 250}.{i % 250 + 1}"
    spec = {"clusterIP": ip, "clusterIPs": [ip], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}
    return {"metadata": {"name": f"svc-{i}", "namespace": "default", "resourceVersion": "1"}, "spec": spec}


def endpoint_slice(i, version=1):
    """The first endpoint of a Service has another address in each version of its slice."""
    ends = [
        {"addresses": [address(i, n or 10 + version)], "nodeName": f"node-{(i + n) % 50}"} for n in range(ENDPOINTS)
    ]
    return {
        "metadata": {
            "name": f"svc-{i}-1",
            "namespace": "default",
            "resourceVersion": str(version),
            "labels": {"kubernetes.io/service-name": f"svc-{i}"},
        },
        "addressType": "IPv4",
        "endpoints": ends,
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


NODE = {
    "metadata": {"name": "node-0", "resourceVersion": "1"},
    "status": {"addresses": [{"type": "InternalIP", "address": "192.168.0.2"}]},
}


# --- the stand-in ----------------------------------------------------------------------------------------------------


def serve(size, orders):
    """Answer lists and watches for ever; each (service, version) that comes on ``orders`` is a change of a slice."""
    asyncio.run(_serve(size, orders))


async def _serve(size, orders):
    lists = {
        "services": [service(i) for i in range(size)],
        "endpointslices": [endpoint_slice(i) for i in range(size)],
        "nodes": [NODE],
    }
    bodies = {
        (kind, start): json.dumps(_page(items, start)).encode()
        for kind, items in lists.items()
        for start in range(0, len(items), PAGE)
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


async def measure(size, orders):
    import httpx2

    from fairlead.app.proxy import NodeProxy, ProxyOptions
    from fairlead.dataplane.node_view import NodeSettings
    from fairlead.drivers import nft_exec
    from fairlead.drivers.kube_client import KubeClient

    acknowledged = asyncio.Queue()
    change_table = nft_exec.change_table

    async def timed(*arguments):
        start = time.monotonic()
        steps = await change_table(*arguments)
        acknowledged.put_nowait((start, time.monotonic()))
        return steps

    nft_exec.change_table = timed
    settings = NodeSettings(cluster_cidrs=("10.0.0.0/8",), service_cidrs=("10.96.0.0/12",))
    client = KubeClient(httpx2.AsyncClient(base_url=f"http://127.0.0.1:{PORT}", timeout=60))
    proxy, ready = NodeProxy(ProxyOptions("node-0", settings=settings), client), asyncio.Event()
    start, spent = time.monotonic(), sum(os.times()[:4])
    task = asyncio.create_task(proxy.run(ready.set))
    task.add_done_callback(lambda done: done.cancelled() or done.result())
    await ready.wait()
    cold, spent = time.monotonic() - start, sum(os.times()[:4]) - spent
    await asyncio.sleep(1)  # the watches are open by then
    while not acknowledged.empty():
        acknowledged.get_nowait()
    choice, latencies, nft = random.Random(1), [], []
    for version in range(2, CHANGES + 2):
        orders.send((choice.randrange(size), version))
        written = orders.recv()
        began, ended = await acknowledged.get()
        latencies.append(1000 * (ended - written))
        nft.append(1000 * (ended - began))
        await asyncio.sleep(0.02)
    task.cancel()
    return {
        "cold": cold,
        "spent": spent,
        "median": statistics.median(latencies),
        "p99": statistics.quantiles(latencies, n=100)[98],
        "nft": statistics.median(nft),
        "memory": _memory(),
    }


def _memory():
    """Proportional set size in MB."""
    rollup = Path("/proc/self/smaps_rollup").read_text()
    return int(rollup.split("Pss:")[1].split()[0]) / 1000


def run_one(size):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(size, there), daemon=True)
    server.start()
    here.recv()
    print(json.dumps(asyncio.run(measure(size, here))))
    server.terminate()


if __name__ == "__main__":
    run_one(int(sys.argv[1]))
