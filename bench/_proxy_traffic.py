"""Connections through a virtual IP, by the number of Services, against direct ones and against kube-proxy's layout.

A client and a server in network namespaces of their own are joined by a node that forwards, as two Pods are. The node
gets the rules of so many Services, each with four endpoints; the client connects to the virtual IP of the last, whose
endpoint is the server, and to the server itself, in turns: direct connections through the same node are the limit. The
layout of kube-proxy's nftables mode, with a chain and an anonymous map for each Service, is written here to compare.
"""

import asyncio
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

from bench._chart import Panel
from bench._cluster import endpoint_slice, service

CLUSTER_CIDR, SERVICE_CIDR = "10.0.0.0/8", "10.96.0.0/12"
CLIENT, SERVER, PORT = "10.200.0.1", "10.200.0.2", 8080
# layout, Services
CASES = (
    ("none", 0),
    ("nft", 1000),
    ("nft", 10000),
    ("nft", 30000),
    ("kube-proxy's nft layout", 1000),
    ("iptables", 1000),
)
CONNECTIONS, ROUNDS = 1000, 5
STREAMS, STREAM_SECONDS = 5, 0.5
COLUMNS = {
    "connections/s": ("rate", "{:.0f}"),
    "connect, median": ("median", "{:.0f} µs"),
    "p99": ("p99", "{:.0f} µs"),
    "one stream": ("stream", "{:.1f} Gbit/s"),
}


def main():
    from tests.support.net.netlab import Net

    print(f"\ntraffic by virtual IP / direct in turns: {ROUNDS} times {CONNECTIONS} connections, one after the other")
    print(f"{'rules':>23} {'Services':>8}", *(f"{title:>23}" for title in COLUMNS))
    net = Net(["192.168.0.2"], in_user_namespace=os.geteuid() != 0)
    try:
        client, server = net.add_host(CLIENT), net.add_host(SERVER)
        command = (sys.executable, "-m", "bench._proxy_traffic", "serve", SERVER)
        serving = net.start(*command, host=server, stdout=subprocess.PIPE)
        serving.stdout.readline()
        results = {case: _case(net, client, *case) for case in CASES}
        serving.terminate()
        serving.wait()
    finally:
        net.close()
    return _panels(results)


def _case(net, client, layout, size):
    """What is measured by virtual IP, and directly beside the same rules."""
    net.node.run("nft", "flush", "ruleset")
    target = (SERVER, str(PORT))
    if size:
        net.node.run(sys.executable, "-m", "bench._proxy_traffic", "load", layout, str(size))
        target = (service(size - 1)["spec"]["clusterIP"], "80")
    output = client.run(sys.executable, "-m", "bench._proxy_traffic", "connect", *target)
    result = json.loads(output)
    pairs = (" / ".join(form.format(way[key]) for way in result.values()) for key, form in COLUMNS.values())
    print(f"{layout:>23} {size:>8}", *(f"{pair:>23}" for pair in pairs), flush=True)
    return result


def _panels(results):
    def panel(title, unit, key):
        bars = [(f"{layout} {size or ''}: {way}", r[way][key]) for (layout, size), r in results.items() for way in r]
        return Panel(title, unit, bars)

    return [panel("connect through the node, median", "µs", "median"), panel("one stream", "Gbit/s", "stream")]


# --- in the server's namespace ---------------------------------------------------------------------------------------


def serve(address):
    """Say one octet to each client, then read what it sends, until the end."""
    listener = socket.create_server((address, PORT), backlog=1024)
    print("serving", flush=True)
    while True:
        connection, _ = listener.accept()
        connection.sendall(b"!")
        # Who only connects is gone by the time that it is read; who streams gets a thread of its own.
        if _is_stream(connection):
            threading.Thread(target=_drain, args=(connection,), daemon=True).start()
        else:
            connection.close()


def _is_stream(connection):
    try:
        return bool(connection.recv(1))
    except ConnectionResetError:
        return False


def _drain(connection):
    buffer = bytearray(1 << 20)
    total = 0
    with connection:
        while count := connection.recv_into(buffer):
            total += count
        connection.sendall(struct.pack("!Q", total))


# --- in the client's namespace ---------------------------------------------------------------------------------------


def connect(address, port):
    """Print what is measured with the address, and with the server itself in turns: both see the same machine."""
    ways = {"by virtual IP": (address, int(port)), "direct": (SERVER, PORT)}
    for target in ways.values():
        _connections(target, 200)  # neighbours are resolved by then, and the processor is awake
    rounds = [{way: _connections(target, CONNECTIONS) for way, target in ways.items()} for _ in range(ROUNDS)]
    streams = [{way: _stream(target) for way, target in ways.items()} for _ in range(STREAMS)]
    print(json.dumps({way: _summary([r[way] for r in rounds], [s[way] for s in streams]) for way in ways}))


def _summary(rounds, streams):
    times = [1e6 * seconds for _, each in rounds for seconds in each]
    return {
        "rate": statistics.median(CONNECTIONS / seconds for seconds, _ in rounds),
        "median": statistics.median(times),
        "p99": statistics.quantiles(times, n=100)[98],
        "stream": statistics.median(streams),
    }


def _connections(target, count):
    """Seconds for all, and for the connect of each: until the server's first answer, through all rules."""
    times, begin = [], time.perf_counter()
    for _ in range(count):
        with socket.socket() as connection:
            # Close by a reset: the ports of ended connections to one address would be kept for a minute, and the
            # kernel looks through them all for a free one, which takes milliseconds once most are taken.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            start = time.perf_counter()
            connection.connect(target)
            times.append(time.perf_counter() - start)
            connection.recv(1)
    return time.perf_counter() - begin, times


def _stream(target):
    """Gigabits per second that the server has read."""
    chunk = bytes(1 << 20)
    with socket.create_connection(target) as stream:
        stream.recv(1)
        begin = time.perf_counter()
        while time.perf_counter() < begin + STREAM_SECONDS:
            stream.sendall(chunk)
        stream.shutdown(socket.SHUT_WR)
        (total,) = struct.unpack("!Q", stream.recv(8))
        return 8 * total / (time.perf_counter() - begin) / 1e9


# --- in the node's namespace -----------------------------------------------------------------------------------------


def load(layout, size):
    """Put the rules of so many Services in place, the last of which is served by the server."""
    asyncio.run(LAYOUTS[layout](int(size)))


def _snapshot(size):
    from fairlead.model.decode import decode
    from fairlead.model.objects import EndpointSlice, Service
    from fairlead.model.snapshot import ClusterSnapshot

    slices = [endpoint_slice(i) for i in range(size)]
    slices[-1]["endpoints"] = [{"addresses": [SERVER], "nodeName": "node-1"}]
    objects = [decode(Service, service(i)) for i in range(size)]
    return ClusterSnapshot.of([*objects, *(decode(EndpointSlice, slice_) for slice_ in slices)])


def _view():
    from fairlead.dataplane.node_view import NodeSettings, view_node
    from fairlead.model.addresses import IPFamily

    settings = NodeSettings(cluster_cidrs=(CLUSTER_CIDR,), service_cidrs=(SERVICE_CIDR,))
    return view_node(settings, "node-0", None, (), IPFamily.IPV4)


async def _load_nft(size):
    from fairlead.dataplane import nft_rules, nft_skeleton
    from fairlead.dataplane.incremental import build
    from fairlead.drivers.proxy.nft import replace_table

    view = _view()
    table, _ = build(_snapshot(size), view, nft_skeleton.skeleton(view), nft_rules.service_part)
    await replace_table(nft_skeleton.table_name(view.family), table)


async def _load_iptables(size):
    from fairlead.dataplane import iptables_rules
    from fairlead.dataplane.forwarding import plan_service
    from fairlead.drivers.proxy.iptables import restore
    from fairlead.netfilter.iptables_text import render_restore

    view, snapshot = _view(), _snapshot(size)
    parts = (iptables_rules.contribute(plan_service(snapshot, k, view), view) for k in sorted(snapshot.services))
    await restore(view.family, render_restore(iptables_rules.assemble(parts, view)))


KUBE_PROXY_BASE = """\
table ip kube-proxy {
  set cluster-ips { type ipv4_addr; }
  map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
  chain services {
    ip daddr @cluster-ips ip saddr != 10.0.0.0/8 meta mark set meta mark | 0x4000
    ip daddr . meta l4proto . th dport vmap @service-ips
  }
  chain nat-prerouting { type nat hook prerouting priority -100; jump services; }
  chain nat-output { type nat hook output priority -100; jump services; }
  chain nat-postrouting { type nat hook postrouting priority 100; meta mark & 0x4000 != 0 masquerade fully-random; }
}
"""


async def _load_kube_proxys_layout(size):
    _nft(KUBE_PROXY_BASE)
    commands = [_of_one_service(i, is_served=i == size - 1) for i in range(size)]
    for start in range(0, size, 100):  # more in one transaction is more than a socket holds in a user namespace
        _nft("".join(commands[start : start + 100]))


def _of_one_service(i, is_served):
    ip, name = service(i)["spec"]["clusterIP"], f"service-{i}"
    addresses = [SERVER] if is_served else [e["addresses"][0] for e in endpoint_slice(i)["endpoints"]]
    targets = ", ".join(f"{slot} : {address} . {PORT}" for slot, address in enumerate(addresses))
    draw = f"numgen random mod {len(addresses)} map {{ {targets} }}"
    return (
        f"add chain ip kube-proxy {name}\n"
        f"add rule ip kube-proxy {name} meta l4proto tcp dnat ip addr . port to {draw}\n"
        f"add element ip kube-proxy cluster-ips {{ {ip} }}\n"
        f"add element ip kube-proxy service-ips {{ {ip} . tcp . 80 : goto {name} }}\n"
    )


def _nft(commands):
    subprocess.run(["nft", "-f", "-"], input=commands, text=True, check=True)


LAYOUTS = {"nft": _load_nft, "iptables": _load_iptables, "kube-proxy's nft layout": _load_kube_proxys_layout}
ROLES = {"serve": serve, "connect": connect, "load": load}

if __name__ == "__main__":
    ROLES[sys.argv[1]](*sys.argv[2:])
