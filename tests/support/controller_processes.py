"""The controllers as a process, and namespaces for tests to use them in."""

import json
import signal
import subprocess
import sys
from contextlib import contextmanager


class Controllers:
    """The controllers' process; may be killed and started again."""

    def __init__(self, kubeconfig, flags=()):
        self.kubeconfig, self.flags = kubeconfig, flags
        self.process = None

    def start(self, *until):
        command = [sys.executable, "-m", "fairlead", "controllers", "--kubeconfig", self.kubeconfig, *self.flags]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.read_until(*(until or ("ready",)))

    def read_until(self, *texts):
        """Wait for a line with one of the texts on standard error."""
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if any(text in line for text in texts):
                return
        raise AssertionError(f"ended before it said {' or '.join(texts)}: {''.join(lines)}")

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.wait(60)
        self.process.stderr.close()


@contextmanager
def running_controllers(server):
    controllers = Controllers(server.kubeconfig)
    controllers.start()
    try:
        yield controllers
    finally:
        controllers.end()


def node(name):
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


def add_ready_node(kubectl, name):
    kubectl("create", "-f", "-", stdin=node(name))
    set_status(kubectl, "node", name, {"conditions": [{"type": "Ready", "status": "True"}]})


def set_status(kubectl, kind, name, status):
    kubectl("patch", kind, name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


class Namespaced:
    """A kubectl that asks about one namespace."""

    def __init__(self, kubectl, name):
        self._kubectl, self.name = kubectl, name

    def __call__(self, *arguments, **options):
        return self._kubectl("-n", self.name, *arguments, **options)

    def despite_warnings(self, *arguments, **options):
        """Standard output of a run that must succeed, whatever the server warns of."""
        code, out, err = self._kubectl.try_("-n", self.name, *arguments, **options)
        assert code == 0, err
        return out

    def items(self, *arguments):
        return json.loads(self("get", *arguments, "-o", "json"))["items"]


def namespaced(kubectl, test_name):
    """A kubectl in a new namespace of a test's own."""
    name = test_name.replace("_", "-").replace("[", "-").rstrip("]")[-40:].strip("-")
    kubectl("create", "namespace", name)

    return Namespaced(kubectl, name)
