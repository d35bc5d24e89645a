"""Memory of the DNS process and time to its first answer with 10,000 Services and 100,000 endpoints.

The process is the real ``fairlead dns``; the API server is a stand-in that hands out prepared lists by pages, so that
what is measured is reading a large cluster, not serving one. Memory is the kernel's: PSS of the process when it has
read everything and answered once. A change of one endpoint in a headless Service of 3,000 is timed in the same cluster.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import dns.exception
import dns.message
import dns.query
import dns.rcode

SERVICES = 10_000
BIG = 3_000  # endpoints of the one large headless Service; all others share the rest evenly
ENDPOINTS = 100_000
PER_SLICE = 100
PORT = 15453
CHANGES = 50

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: bench
contexts: [{{name: bench, context: {{cluster: bench, user: bench}}}}]
clusters: [{{name: bench, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: bench, user: {{}}}}]
"""


def services() -> list[dict]:
    return [service("big"), *(service(f"svc-{number}") for number in range(1, SERVICES))]


def service(name: str) -> dict:
    ports = [{"name": "http", "port": 80}]
    spec = {"clusterIP": "None", "clusterIPs": ["None"], "selector": {"app": name}, "ports": ports}
    return {"metadata": {"name": name, "namespace": "default", "resourceVersion": "1"}, "spec": spec}


def slices() -> list[dict]:
    found = [slice_("big", number, number * PER_SLICE, PER_SLICE) for number in range(BIG // PER_SLICE)]
    each, more = divmod(ENDPOINTS - BIG, SERVICES - 1)
    first = BIG
    for number in range(1, SERVICES):
        count = each + (number <= more)
        found.append(slice_(f"svc-{number}", 0, first, count))
        first += count
    return found


def slice_(owner: str, number: int, first: int, count: int, version: str = "1") -> dict:
    return {
        "metadata": {
            "name": f"{owner}-{number}",
            "namespace": "default",
            "resourceVersion": version,
            "labels": {"kubernetes.io/service-name": owner},
        },
        "addressType": "IPv4",
        "endpoints": [endpoint(n) for n in range(first, first + count)],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


def endpoint(number: int) -> dict:
    return {
        "addresses": [address(number)],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "nodeName": f"node-{number % 100}",
        "targetRef": {"kind": "Pod", "namespace": "default", "name": f"pod-{number}", "uid": f"{number:08x}-0000-0000"},
    }


def address(number: int) -> str:
    return f"10.{64 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"


class StandIn:
    """An API server for lists and watches of prepared collections."""

    def __init__(self) -> None:
        namespaces = [{"metadata": {"name": "default", "resourceVersion": "1"}}]
        made = {"namespaces": namespaces, "services": services(), "endpointslices": slices()}
        self.items = {name: [json.dumps(item) for item in items] for name, items in made.items()}
        self.watches: dict[str, asyncio.StreamWriter] = {}
        self.port = 0
        self.loop = asyncio.new_event_loop()

    def start(self) -> None:
        ready = threading.Event()

        async def serve() -> None:
            server = await asyncio.start_server(self.converse, "127.0.0.1", 0)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await server.serve_forever()

        threading.Thread(target=self.loop.run_until_complete, args=(serve(),), daemon=True).start()
        ready.wait()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                request = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            url = urlsplit(request.split(b" ")[1].decode())
            query = parse_qs(url.query)
            name = url.path.rsplit("/", 1)[1]
            if "watch" in query:
                self.watches[name] = writer
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
                continue
            body = self.page(name, int(query["limit"][0]), int(query.get("continue", ["0"])[0]))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
            writer.write(body)

    def page(self, name: str, limit: int, first: int) -> bytes:
        items = self.items[name][first : first + limit]
        more = str(first + limit) if first + limit < len(self.items[name]) else ""
        metadata = json.dumps({"resourceVersion": "1", "continue": more})
        return f'{{"metadata": {metadata}, "items": [{",".join(items)}]}}'.encode()

    def send(self, name: str, changed: dict) -> None:
        frame = json.dumps({"type": "MODIFIED", "object": changed}).encode() + b"\n"
        chunk = b"%x\r\n%s\r\n" % (len(frame), frame)
        self.loop.call_soon_threadsafe(self.watches[name].write, chunk)


def ask(name: str) -> dns.message.Message:
    query = dns.message.make_query(f"{name}.default.svc.cluster.local.", "A")
    return dns.query.udp(query, "127.0.0.1", port=PORT, timeout=1, ignore_unexpected=True)


def answered(name: str) -> bool:
    try:
        return bool(ask(name).answer)
    except (OSError, dns.exception.Timeout):
        return False


def until(probe) -> float:
    """Seconds until the probe holds."""
    started = time.monotonic()
    while not probe():
        time.sleep(0.001)
    return time.monotonic() - started


def pss(pid: int) -> float:
    """Proportional set size in MB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel gives no Pss")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def change_times(api: StandIn) -> list[float]:
    """Seconds from the API's event to the new answer, for one endpoint of the large Service at a time."""
    found = []
    for number in range(CHANGES):
        changed = slice_("big", 0, 0, PER_SLICE, version=str(number + 2))
        moved = 60_000 + ENDPOINTS + number
        changed["endpoints"][0]["addresses"] = [address(moved)]
        api.send("endpointslices", changed)
        found.append(until(lambda n=moved: answered(address(n).replace(".", "-") + ".big")))
    return found


def main() -> None:
    api = StandIn()
    api.start()
    print(f"\nDNS: {SERVICES} Services, {ENDPOINTS} endpoints, one headless Service of {BIG}")
    with tempfile.TemporaryDirectory() as scratch:
        kubeconfig = Path(scratch, "kubeconfig")
        kubeconfig.write_text(KUBECONFIG.format(port=api.port))
        command = [str(Path(sys.executable).parent / "fairlead"), "dns", "--kubeconfig", str(kubeconfig)]
        command += ["--address", "127.0.0.1", "--port", str(PORT), "--health-port", "0"]
        command += ["--ready-port", "0", "--metrics-port", "0"]
        server = subprocess.Popen([*command, "--lameduck", "0"])
        try:
            first = until(lambda: answered(f"svc-{SERVICES - 1}"))
            until(lambda: ask("big").rcode() == dns.rcode.NOERROR)
            print(f"{'time from start to first answer':<48}{first:>8.2f} s")
            print(f"{'CPU time until then':<48}{cpu_seconds(server.pid):>8.2f} s")
            print(f"{'memory (PSS)':<48}{pss(server.pid):>8.1f} MB")
            times = change_times(api)
            print(
                f"{'one of 3,000 endpoints changed: median until seen':<48}{statistics.median(times) * 1000:>8.1f} ms"
            )
            print(f"{'memory after the changes (PSS)':<48}{pss(server.pid):>8.1f} MB")
        finally:
            server.terminate()
            server.wait(10)
