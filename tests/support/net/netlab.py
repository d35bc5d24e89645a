"""A node and its neighbours in network namespaces of their own, for sending real packets through real rules.

Each namespace is held by a worker: this very module, run as a program, that carries out one JSON command per line. The
node's worker has a user namespace of its own, so no privilege is needed and nothing of the host's network is touched;
every neighbour is a namespace joined by one routed veth pair, as Pods are: to the node's, or to that of another
neighbour, behind which it is. Everybody may have an address of either family.
"""

import contextlib
import json
import os
import select
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.net import sctp

KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
# Each family's socket option that asks for ICMP errors, and where such an error says port unreachable: origin, type
# and code (linux/errqueue.h; RFC 792, RFC 4443).
ERRORS = {
    socket.AF_INET: ((socket.IPPROTO_IP, 11), (2, 3, 3)),
    socket.AF_INET6: ((socket.IPPROTO_IPV6, 25), (3, 1, 4)),
}
# A router that sends no redirects, and no fewer ICMP errors than a test provokes.
ROUTER = {
    "ipv4/ip_forward": "1",
    "ipv4/conf/all/send_redirects": "0",
    "ipv4/conf/default/send_redirects": "0",
    "ipv4/icmp_ratelimit": "0",
    "ipv6/conf/all/forwarding": "1",
    "ipv6/icmp/ratelimit": "0",
}
NO_SUCH_HOST = """table inet router {
    chain unknown { type filter hook forward priority 0; reject with icmpx host-unreachable; }
}"""
ATTEMPT_SECONDS = 0.4  # after which a packet counts as dropped; a round trip here takes well under a millisecond
PATIENCE = 30.0  # seconds; on a busy machine those that are to answer may be late
TOTAL_RETRANS = 100  # where struct tcp_info says how many segments were sent again (linux/tcp.h)


REPOSITORY = Path(__file__).parents[3]

# --- seen from the test ----------------------------------------------------------------------------------------------


class Worker:
    """A process in a network namespace that obeys commands."""

    module = __name__  # what it runs

    def __init__(self, prefix):
        command = [*prefix, sys.executable, "-m", self.module]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=REPOSITORY, stdin=pipe, stdout=pipe, text=True)
        self.pid = self.call("pid")

    def call(self, command, **arguments):
        """The command's answer; a failed command raises what it says."""
        self.process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["answer"]

    def run(self, *argv, text=""):
        """The standard output of a program run in the namespace."""
        return self.call("run", argv=argv, text=text)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Family(NamedTuple):
    """How ip(8) is asked for a family, a host's prefix length, and the addresses of the node and others as gateways.

    ``at_once``: what makes an address ready when ip returns, without a look for others that have it.
    """

    option: str
    length: int
    node: str
    router: str
    at_once: tuple[str, ...]


def family(address):
    if ":" in address:
        return Family("-6", 128, "fe80::1", "fe80::2", ("nodad",))
    return Family("-4", 32, "169.254.1.1", "169.254.1.2", ())


class Net:
    """A node and the hosts around it.

    In a user namespace nobody has to be root, but the kernel limits the length of a transaction of rules there.
    """

    def __init__(self, addresses, in_user_namespace=True):
        self._user = ("-U", "--preserve-credentials") if in_user_namespace else ()
        self.node = Worker(["unshare", "-rn" if in_user_namespace else "-n"])
        self.hosts = {}
        self._links = {}  # host -> the name of its link's other end
        self.node.run("ip", "link", "set", "lo", "up")
        _set(self.node, ROUTER)
        for address in addresses:
            self.add_address(address)

    def add_address(self, address):
        _, length, *_, at_once = family(address)
        self.node.run("ip", "address", "replace", f"{address}/{length}", "dev", "lo", *at_once)

    def remove_address(self, address):
        self.node.run("ip", "address", "del", f"{address}/{family(address).length}", "dev", "lo")

    def add_host(self, *addresses, behind=None, link=None):
        """A neighbour with these addresses, whose default route leads to the node, or to the host that it is behind.

        ``link`` names the other end of its link.
        """
        gate = behind or self.node
        host = Worker(["nsenter", "-t", str(self.node.pid), *self._user, "-n", "unshare", "-n"])
        link = self._links[host] = link or f"host{len(self._links)}"
        gate.run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(host.pid))
        gate.run("ip", "link", "set", link, "up")
        for name in ("lo", "eth0"):
            host.run("ip", "link", "set", name, "up")
        for address in addresses:
            self._join(address, host, gate, link)
            if behind:
                self._route_behind(address, behind)
        return host

    def _join(self, address, host, gate, link):
        option, length, *gateways, at_once = family(address)
        gateway = gateways[gate is not self.node]
        gate.run("ip", option, "address", "add", f"{gateway}/{length}", "dev", link, "scope", "link", *at_once)
        host.run("ip", option, "address", "add", f"{address}/{length}", "dev", "eth0", *at_once)
        host.run("ip", option, "route", "add", gateway, "dev", "eth0")
        host.run("ip", option, "route", "add", "default", "via", gateway, "dev", "eth0", "src", address)
        gate.run("ip", option, "route", "add", f"{address}/{length}", "dev", link)
        self.hosts[address] = host

    def _route_behind(self, address, router):
        option, length, *_ = family(address)
        (via,) = (a for a, host in self.hosts.items() if host is router and family(a).option == option)
        self.node.run("ip", option, "route", "add", f"{address}/{length}", "via", via, "dev", self._links[router])

    def add_node(self, *addresses):
        """A neighbour that others can be behind."""
        node = self.add_host(*addresses)
        _set(node, ROUTER)
        return node

    def add_router(self, *addresses):
        """A neighbour that everything unknown goes to, and that answers it with: host unreachable."""
        router = self.add_node(*addresses)
        router.run("nft", "-f", "-", text=NO_SUCH_HOST)  # a route that says so is limited to an error a second
        for address in addresses:
            via = ("via", address, "dev", self._links[router])
            self.node.run("ip", family(address).option, "route", "add", "default", *via)

    def sender(self, address):
        """The worker that sends from an address; the node for its own."""
        return self.hosts.get(address, self.node)

    def start(self, *argv, host=None, **options):
        """A process in the namespaces of the node, or of a host, for the test to end."""
        inside = ("nsenter", "-t", str((host or self.node).pid), *self._user, "-n")
        return subprocess.Popen([*inside, *argv], **options)

    def close(self):
        for worker in (*self._links, self.node):
            worker.close()


def _set(worker, settings):
    for name, value in settings.items():
        worker.call("write", path=f"/proc/sys/net/{name}", text=value)


# --- inside a namespace ----------------------------------------------------------------------------------------------


def pid(_):
    return os.getpid()


def run(arguments):
    done = subprocess.run(arguments["argv"], input=arguments["text"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments['argv'])}: {done.stderr.strip()}")
    return done.stdout


def write(arguments):
    with open(arguments["path"], "w") as file:
        file.write(arguments["text"])


def serve(arguments):
    """Answer on these (protocol, port) pairs with who was asked and who seemed to ask."""
    for protocol, port in arguments["ports"]:
        target, listener = SERVERS[protocol], _open(protocol, arguments["address"], port)
        threading.Thread(target=target, args=(listener, port), daemon=True).start()


def _open(protocol, address, port):
    """A socket bound to the address, and to the port if the protocol has sockets with ports."""
    if protocol == "sctp":
        return sctp.open_raw(address)
    opened = socket.socket(_family(address), KINDS[protocol])
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(port != 0))
    opened.bind((address, port))
    return opened


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _answer_udp(listener, port):
    while True:
        _, peer = listener.recvfrom(100)
        listener.sendto(_testimony(listener, port, peer), peer)


def _answer_tcp(listener, port):
    listener.listen(1024)
    while True:
        connection, peer = listener.accept()
        threading.Thread(target=_converse, args=(connection, _testimony(listener, port, peer)), daemon=True).start()


def _answer_sctp(raw, port):
    sctp.answer(raw, port, lambda peer: _testimony(raw, port, peer))


SERVERS = {"tcp": _answer_tcp, "udp": _answer_udp, "sctp": _answer_sctp}


def _converse(connection, testimony):
    with connection, contextlib.suppress(OSError):
        connection.sendall(testimony)
        while said := connection.recv(100):
            connection.sendall(said)


def _testimony(listener, port, peer):
    return json.dumps([[listener.getsockname()[0], port], peer[:2]]).encode()


def probe(arguments):
    """What became of ``count`` connections: [who answered, whom it saw, who asked], or a word."""
    if arguments["protocol"] == "sctp":
        return [_ask_by_sctp(arguments) for _ in range(arguments["count"])]
    return _ask_at_once(arguments)


def _attempt(arguments):
    """A socket that a connection can be tried with, and that hears of ICMP errors."""
    attempt = _open(arguments["protocol"], arguments["source"], 0)
    option, _ = ERRORS[attempt.family]
    attempt.setsockopt(*option, 1)
    return attempt


def _ask_by_sctp(arguments):
    with _attempt(arguments) as raw:
        try:
            raw.connect((arguments["destination"], 0))
            cookie, own_port = sctp.ask(raw, arguments["port"], arguments.get("seconds", ATTEMPT_SECONDS))
            return [*json.loads(cookie), [arguments["source"], own_port]]
        except TimeoutError:
            return "dropped"
        except OSError:
            return "rejected" if _is_rejected(raw) else "unanswered"


def _ask_at_once(arguments):
    selector = selectors.DefaultSelector()
    results = []
    for _ in range(arguments["count"]):
        attempt = _attempt(arguments)
        attempt.setblocking(False)
        result = _start(attempt, arguments)
        if result is None:
            selector.register(attempt, selectors.EVENT_READ)
        else:
            results.append(result)
            attempt.close()
    end = time.monotonic() + arguments.get("seconds", ATTEMPT_SECONDS)
    while selector.get_map() and (left := end - time.monotonic()) > 0:
        for key, _ in selector.select(left):
            selector.unregister(key.fileobj)
            results.append(_result(key.fileobj))
            key.fileobj.close()
    for key in list(selector.get_map().values()):
        results.append("dropped")
        key.fileobj.close()
    return results


def _start(attempt, arguments):
    try:
        attempt.connect((arguments["destination"], arguments["port"]))
        if arguments["protocol"] == "udp":
            attempt.send(b"?")
    except BlockingIOError:
        return None
    except PermissionError:
        return "rejected" if _is_rejected(attempt) else "dropped"
    except OSError:
        return "unanswered"
    return None


def _result(attempt):
    if _is_rejected(attempt):
        return "rejected"
    try:
        testimony = attempt.recv(100)
        if attempt.type == socket.SOCK_STREAM and _is_lossy(attempt):
            return "dropped"
        return [*json.loads(testimony), attempt.getsockname()[:2]] if testimony else "unanswered"
    except OSError:
        return "unanswered"


HELD = {}


def hold(arguments):
    """Open a TCP connection and keep it: who answers."""
    connection = socket.create_connection((arguments["destination"], arguments["port"]), PATIENCE)
    HELD[arguments["name"]] = connection
    return json.loads(connection.recv(100))


def talk(arguments):
    """Say something on a connection that is held: the echo."""
    connection = HELD[arguments["name"]]
    connection.sendall(arguments["text"].encode())
    return connection.recv(100).decode()


class Load:
    """Connections to a virtual IP without pause: new TCP ones, and one UDP flow that never rests.

    The UDP socket takes replies from any address: one that left an endpoint just as its flow was forgotten comes
    untranslated, and is told apart from one that was lost.
    """

    def __init__(self, destination, port):
        self.counts = {"tcp": 0, "udp": 0}
        self.failures, self.udp_answers, self.untranslated = [], [], []
        self._is_over = threading.Event()
        self._destination = (destination, port)
        self._threads = [threading.Thread(target=run) for run in (self._tcp, self._udp)]
        for thread in self._threads:
            thread.start()

    def seen(self):
        return {
            "counts": self.counts,
            "failures": self.failures,
            "udp": self.udp_answers,
            "untranslated": self.untranslated,
        }

    def end(self):
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        return self.seen()

    def _tcp(self):
        while not self._is_over.wait(0.005):
            try:
                with socket.create_connection(self._destination, PATIENCE) as connection:
                    json.loads(connection.recv(100))
                    if _is_lossy(connection):
                        self.failures.append("tcp: packets were lost")
                self.counts["tcp"] += 1
            except (OSError, ValueError) as error:
                self.failures.append(f"tcp: {error!r}")

    def _udp(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flow:
            flow.settimeout(PATIENCE)  # what is lost does not come later either
            while not self._is_over.wait(0.005):
                try:
                    flow.sendto(b"?", self._destination)
                    reply, sender = flow.recvfrom(100)
                except OSError as error:
                    self.failures.append(f"udp: {error!r}")
                    continue
                if sender != self._destination:
                    self.untranslated.append(sender[0])
                    continue
                self.udp_answers.append(json.loads(reply)[0][0])
                self.counts["udp"] += 1


LOADS = []


def load(arguments):
    LOADS.append(Load(arguments["destination"], arguments["port"]))


def load_so_far(_):
    return LOADS[-1].seen()


def end_load(_):
    return LOADS.pop().end()


def _is_lossy(connection):
    """Whether packets were lost again and again: the kernel answers within a second, whatever the server does."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TOTAL_RETRANS + 4)
    return struct.unpack_from("=I", info, TOTAL_RETRANS)[0] > 1


def _is_rejected(attempt):
    """A firewall's reject is an ICMP message; a closed port of a host that was reached is a TCP reset."""
    try:
        _, ancillary, _, _ = attempt.recvmsg(100, 100, socket.MSG_ERRQUEUE)
    except BlockingIOError:
        return False
    _, port_unreachable = ERRORS[attempt.family]
    return struct.unpack_from("=4xBBB", ancillary[0][2]) == port_unreachable


COMMANDS = {
    function.__name__: function for function in (pid, run, write, serve, probe, hold, talk, load, load_so_far, end_load)
}


def obey(commands):
    """Carry out what comes on standard input until that ends."""
    while select.select([sys.stdin], [], []) and (line := sys.stdin.readline()):
        arguments = json.loads(line)
        try:
            answer = {"answer": commands[arguments["command"]](arguments)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    obey(COMMANDS)
