"""A network namespace of a test's own, in which programs of a machine run that has an address and nobody around it."""

import os
import subprocess
from contextlib import contextmanager

ADDRESS = "192.0.2.10"
_NETWORK = f"""
link set lo up
link add eth0 type veth peer name eth1
link set eth1 up
addr add {ADDRESS}/24 dev eth0
link set eth0 up
route add default dev eth0
"""


class OwnNetwork:
    """The namespace; ``prefix`` begins the command line of what is to run in it."""

    def __init__(self, pid):
        users = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        self.prefix = ["nsenter", "--target", str(pid), "--net", *users, "--"]

    def program(self, path, command):
        """A program at a path that runs a command in the namespace."""
        path.write_text(f'#!/bin/sh\nexec {" ".join(self.prefix)} {command} "$@"\n')
        path.chmod(0o755)
        return str(path)


@contextmanager
def own_network():
    users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    holder = subprocess.Popen(
        ["unshare", "--net", *users, "sh", "-c", "echo made; exec sleep infinity"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "made\n"
        network = OwnNetwork(holder.pid)
        subprocess.run([*network.prefix, "ip", "-batch", "-"], input=_NETWORK, text=True, check=True)
        yield network
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
