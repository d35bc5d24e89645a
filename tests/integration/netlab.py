"""A node and its neighbours in network namespaces of their own, for sending real packets through real rules.

Each namespace is held by a worker: this very file, run as a program, that carries out one JSON command per line. The
node's worker has a user namespace of its own, so no privilege is needed and nothing of the host's network is touched;
every neighbour is a namespace joined to the node's by one routed veth pair, as Pods are.
"""

import contextlib
import itertools
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

GATEWAY = "169.254.1.1"
KINDS = {"tcp": (socket.SOCK_STREAM, 0), "udp": (socket.SOCK_DGRAM, 0), "sctp": (socket.SOCK_STREAM, 132)}
IP_RECVERR = 11
ICMP_ORIGIN, UNREACHABLE, PORT_UNREACHABLE = 2, 3, 3  # linux/errqueue.h, RFC 792
# A router that sends no redirects, and no fewer ICMP errors than a test provokes.
SETTINGS = {
    "ip_forward": "1",
    "conf/all/send_redirects": "0",
    "conf/default/send_redirects": "0",
    "icmp_ratelimit": "0",
}
ATTEMPT_SECONDS = 0.4  # after which a packet counts as dropped; a round trip here takes well under a millisecond


# --- seen from the test ----------------------------------------------------------------------------------------------


class Worker:
    """A process in a network namespace that obeys commands."""

    def __init__(self, prefix):
        self.process = subprocess.Popen(
            [*prefix, sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
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


class Net:
    """A node and the hosts around it."""

    def __init__(self, addresses):
        self.node = Worker(["unshare", "-rn"])
        self.hosts = {}
        self._numbers = itertools.count()
        self.node.run("ip", "link", "set", "lo", "up")
        for name, value in SETTINGS.items():
            self.node.call("write", path=f"/proc/sys/net/ipv4/{name}", text=value)
        for address in addresses:
            self.add_address(address)

    def add_address(self, address):
        self.node.run("ip", "address", "replace", f"{address}/32", "dev", "lo")

    def remove_address(self, address):
        self.node.run("ip", "address", "del", f"{address}/32", "dev", "lo")

    def add_host(self, address):
        """A neighbour with this address; one default route leads to the node."""
        host = Worker(["nsenter", "-t", str(self.node.pid), "-U", "--preserve-credentials", "unshare", "-n"])
        name = f"host{next(self._numbers)}"
        self.node.run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(host.pid))
        self.node.run("ip", "address", "add", f"{GATEWAY}/32", "dev", name, "scope", "link")
        self.node.run("ip", "link", "set", name, "up")
        host.run("ip", "link", "set", "lo", "up")
        host.run("ip", "link", "set", "eth0", "up")
        host.run("ip", "address", "add", f"{address}/32", "dev", "eth0")
        host.run("ip", "route", "add", GATEWAY, "dev", "eth0")
        host.run("ip", "route", "add", "default", "via", GATEWAY, "src", address)
        self.node.run("ip", "route", "add", f"{address}/32", "dev", name)
        self.hosts[address] = host
        return host

    def add_router(self, address, *behind):
        """A neighbour that everything unknown goes to; the addresses behind it are there, but serve nothing."""
        router = self.add_host(address)
        router.call("write", path="/proc/sys/net/ipv4/ip_forward", text="1")
        router.call("write", path="/proc/sys/net/ipv4/icmp_ratelimit", text="0")
        for known in self.hosts:
            router.run("ip", "route", "add", f"{known}/32", "via", GATEWAY, "dev", "eth0")
        for there in behind:
            router.run("ip", "address", "add", f"{there}/32", "dev", "lo")
        self.node.run("ip", "route", "add", "default", "via", address)

    def sender(self, address):
        """The worker that sends from an address; the node for its own."""
        return self.hosts.get(address, self.node)

    def start(self, *argv, **options):
        """A process in the node's namespaces, for the test to end."""
        inside = ("nsenter", "-t", str(self.node.pid), "-U", "--preserve-credentials", "-n")
        return subprocess.Popen([*inside, *argv], **options)

    def close(self):
        for worker in (*self.hosts.values(), self.node):
            worker.close()


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
        listener = socket.socket(socket.AF_INET, *KINDS[protocol])
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((arguments["address"], port))
        threading.Thread(target=_answer, args=(listener, protocol), daemon=True).start()


def _answer(listener, protocol):
    if protocol != "udp":
        listener.listen(1024)
    while True:
        if protocol == "udp":
            _, peer = listener.recvfrom(100)
            listener.sendto(_testimony(listener, peer), peer)
        else:
            connection, peer = listener.accept()
            threading.Thread(target=_converse, args=(connection, _testimony(listener, peer)), daemon=True).start()


def _converse(connection, testimony):
    with connection, contextlib.suppress(OSError):
        connection.sendall(testimony)
        while said := connection.recv(100):
            connection.sendall(said)


def _testimony(listener, peer):
    return json.dumps([listener.getsockname(), peer]).encode()


def probe(arguments):
    """What became of ``count`` connections made at once: [who answered, whom it saw, who asked], or a word."""
    selector = selectors.DefaultSelector()
    kind, ip_protocol = KINDS[arguments["protocol"]]
    results = []
    for _ in range(arguments["count"]):
        attempt = socket.socket(socket.AF_INET, kind, ip_protocol)
        attempt.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        attempt.setblocking(False)
        attempt.bind((arguments["source"], 0))
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
        return [*json.loads(testimony), attempt.getsockname()] if testimony else "unanswered"
    except OSError:
        return "unanswered"


HELD = {}


def hold(arguments):
    """Open a TCP connection and keep it: who answers."""
    connection = socket.create_connection((arguments["destination"], arguments["port"]), ATTEMPT_SECONDS)
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
                with socket.create_connection(self._destination, 2) as connection:
                    json.loads(connection.recv(100))
                self.counts["tcp"] += 1
            except (OSError, ValueError) as error:
                self.failures.append(f"tcp: {error!r}")

    def _udp(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flow:
            flow.settimeout(1)
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


def _is_rejected(attempt):
    """A firewall's reject is an ICMP message; a closed port of a host that was reached is a TCP reset."""
    try:
        _, ancillary, _, _ = attempt.recvmsg(100, 100, socket.MSG_ERRQUEUE)
    except BlockingIOError:
        return False
    return struct.unpack_from("=4xBBB", ancillary[0][2]) == (ICMP_ORIGIN, UNREACHABLE, PORT_UNREACHABLE)


COMMANDS = {
    function.__name__: function for function in (pid, run, write, serve, probe, hold, talk, load, load_so_far, end_load)
}


def main():
    while select.select([sys.stdin], [], []) and (line := sys.stdin.readline()):
        arguments = json.loads(line)
        try:
            answer = {"answer": COMMANDS[arguments["command"]](arguments)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
