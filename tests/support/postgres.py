"""A PostgreSQL server on an address of loopback, and replicas of it, run by an ordinary user."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.support.labs import eventually
from tests.support.users import users

USER = users()[-1]  # PostgreSQL refuses to run as root


def program(name):
    return str(max(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))


class Postgres:
    """One server over one folder."""

    def __init__(self, folder, address, port):
        self.folder, self.address, self.port = folder, address, port
        self._process = None

    def initialize(self):
        self._run("initdb", "-D", self.folder, "-U", "postgres", "-A", "trust", "--no-sync")

    def copy_from(self, primary):
        """Become a streaming replica."""
        where = ["-h", primary.address, "-p", primary.port, "-U", "postgres"]
        self._run("pg_basebackup", *where, "-D", self.folder, "-R", "-c", "fast", "--no-sync")

    def start(self):
        settings = ["unix_socket_directories=", "fsync=off", "wal_receiver_timeout=5s"]
        options = [word for setting in settings for word in ("-c", setting)]
        command = [program("postgres"), "-D", self.folder, "-h", self.address, "-p", str(self.port), *options]
        log = Path(self.folder).with_suffix(".log")
        with log.open("w") as output:
            self._process = subprocess.Popen(USER.command(*command), stdout=output, stderr=subprocess.STDOUT)
        try:
            eventually(lambda: self._run("pg_isready", "-h", self.address, "-p", self.port) or True, 60)
        except AssertionError as error:
            raise AssertionError(log.read_text()) from error

    def kill(self):
        """As a crash: no process of it gets to say anything."""
        (number, *_) = (Path(self.folder) / "postmaster.pid").read_text().split()
        os.kill(int(number), signal.SIGKILL)
        self._process.wait(60)
        self._process = None

    def stop(self):
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(60)

    def promote(self):
        self._run("pg_ctl", "promote", "-D", self.folder)

    def _run(self, name, *arguments):
        command = USER.command(program(name), *map(str, arguments))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"


@contextlib.contextmanager
def servers(*addresses, port):
    """A primary at the first address and replicas at the others."""
    base = Path(tempfile.mkdtemp(prefix="fairlead-postgres-", dir="/var/tmp"))
    os.chmod(base, 0o755)
    started = []
    try:
        for address in addresses:
            folder = base / address
            folder.mkdir(mode=0o700)
            if USER.uid != os.geteuid():
                os.chown(folder, USER.uid, USER.uid)
            server = Postgres(str(folder), address, port)
            started.append(server)
            if server is started[0]:
                server.initialize()
            else:
                server.copy_from(started[0])
            server.start()
        yield started
    finally:
        for server in started:
            server.stop()
        shutil.rmtree(base)
