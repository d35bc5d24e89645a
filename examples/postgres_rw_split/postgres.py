"""One PostgreSQL server and its data folder, driven by PostgreSQL's own programs."""

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from examples.postgres_rw_split.election import Position, parse_lsn, timeline_at

FOLDER = Path("/var/lib/postgresql")  # the Pod's emptyDir: survives containers, not the Pod
DATA, INCOMING, REWINDING = FOLDER / "pg", FOLDER / "incoming", FOLDER / "rewinding"
PROGRAMS = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
SUPERUSER = "postgres"
HBA = f"""\
local   all          {SUPERUSER}               trust
host    all          all          0.0.0.0/0    scram-sha-256
host    replication  {SUPERUSER}  0.0.0.0/0    scram-sha-256
"""
SETTINGS = {
    "unix_socket_directories": str(FOLDER),
    "hba_file": str(FOLDER / "pg_hba.conf"),
    "wal_log_hints": "on",  # pg_rewind wants to know of every page that changed
    "wal_keep_size": "256MB",
    "wal_receiver_timeout": "5s",
    "wal_sender_timeout": "5s",
    "wal_retrieve_retry_interval": "200ms",
    "shared_buffers": "16MB",
    "max_connections": "50",
}


class Postgres:
    """The server of the member with this name; ``members`` are the names of all."""

    def __init__(self, name: str, members: list[str]) -> None:
        self._name = name
        quorum = ", ".join(f'"{member}"' for member in members)
        self._settings = {
            **SETTINGS,
            "listen_addresses": os.environ["POD_IP"],
            "cluster_name": name,
            "synchronous_standby_names": f"ANY 1 ({quorum})",
        }
        self._server: subprocess.Popen[bytes] | None = None
        if REWINDING.exists():  # killed in the middle of it: the data are neither the old nor the new
            remove_data()
            REWINDING.unlink()

    # Where the data come from

    def has_data(self) -> bool:
        return DATA.exists()

    def initialise(self) -> None:
        """Make an empty cluster, whose superuser has the password of the environment."""
        password = FOLDER / "password"
        password.write_text(os.environ["PGPASSWORD"])
        shutil.rmtree(INCOMING, ignore_errors=True)
        options = ["--auth=scram-sha-256", f"--pwfile={password}", "--locale=C.UTF-8", "--encoding=UTF8"]
        run("initdb", "-D", INCOMING, "-U", SUPERUSER, *options)
        password.unlink()
        INCOMING.rename(DATA)

    def copy_from(self, host: str) -> None:
        """A fresh base backup in place of whatever there is."""
        shutil.rmtree(INCOMING, ignore_errors=True)
        run("pg_basebackup", "-D", INCOMING, "-h", host, "-U", SUPERUSER, "-X", "stream", "-c", "fast")
        remove_data()
        INCOMING.rename(DATA)

    def rewind_to(self, host: str) -> None:
        """Undo what the primary does not have; a fresh base backup where that cannot be done."""
        ask(host, "CHECKPOINT")  # else a primary of a moment ago may still give its former timeline as its own
        REWINDING.touch()
        try:
            run("pg_rewind", "-D", DATA, "--source-server", f"host={host} user={SUPERUSER} dbname=postgres")
        except subprocess.CalledProcessError:
            remove_data()
            REWINDING.unlink()
            self.copy_from(host)
        else:
            REWINDING.unlink()

    # The server

    def start(self, source: str | None) -> None:
        """Start the server: without a source as primary, else as a standby of that host, or of nobody if empty."""
        (FOLDER / "pg_hba.conf").write_text(HBA)
        with (DATA / "postgresql.auto.conf").open("a") as file:
            file.write(f"primary_conninfo = '{self._conninfo(source or '')}'\n")
        if source is not None:
            (DATA / "standby.signal").touch()
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        # A process group of its own, so that fencing takes all of it.
        self._server = subprocess.Popen([PROGRAMS / "postgres", "-D", DATA, *options], process_group=0)

    def stop(self) -> None:
        """Disconnect clients, hand all WAL to the replicas that listen, and stop."""
        if self._server:
            self._server.send_signal(signal.SIGINT)
            self._server.wait()
            self._server = None

    def kill(self) -> None:
        if self._server:
            with suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGKILL)

    def is_started(self) -> bool:
        return self._server is not None

    def has_died(self) -> bool:
        return self._server is not None and self._server.poll() is not None

    def answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            return bool(self.ask("SELECT true"))
        return False

    def is_standby(self) -> bool:
        return bool(self.ask("SELECT pg_is_in_recovery()"))

    def ask(self, query: str) -> Any:
        """The first column of the first row, if there is one."""
        return ask(str(FOLDER), query)

    # A standby

    def follow(self, host: str) -> None:
        """Take WAL from this host from now on, or from nobody if it is empty."""
        self.ask(f"ALTER SYSTEM SET primary_conninfo = '{self._conninfo(host)}'")
        self.ask("SELECT pg_reload_conf()")

    def _conninfo(self, host: str) -> str:
        return f"host={host} user={SUPERUSER} application_name={self._name} connect_timeout=2" if host else ""

    def is_streaming(self) -> bool:
        return self.ask("SELECT status FROM pg_stat_wal_receiver") == "streaming"

    def position(self) -> Position | None:
        """Where the WAL ends; None while some is on its way in or has not been read yet."""
        if self.ask("SELECT pid FROM pg_stat_wal_receiver") is not None:
            return None
        # After a start the end is known when the server has read all there is and waits for more.
        waits_for = self.ask("SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'startup'")
        if waits_for != "RecoveryRetrieveRetryInterval":
            return None
        lsn = parse_lsn(self.ask("SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())"))
        newest = newest_timeline()
        history = DATA / "pg_wal" / f"{newest:08X}.history"
        return Position(timeline_at(lsn, newest, history.read_text() if history.exists() else ""), lsn)

    def promote(self, timeline: int) -> None:
        """Become primary on just this timeline.

        PostgreSQL takes the first number for which it has no history file. Left to itself it could take one that a
        primary which died at once has used too, and their WAL could not be told apart.
        """
        for skipped in range(newest_timeline() + 1, timeline):
            (DATA / "pg_wal" / f"{skipped:08X}.history").touch()
        self.ask("SELECT pg_promote(wait => false)")

    # A primary

    def prepare(self, password: str) -> None:
        """Make the role and the database of the application, unless they are there."""
        if not self.ask("SELECT true FROM pg_roles WHERE rolname = 'app'"):
            self.ask(f"CREATE ROLE app LOGIN PASSWORD '{password}' IN ROLE pg_read_all_stats")  # to see who streams
        if not self.ask("SELECT true FROM pg_database WHERE datname = 'app'"):
            self.ask("CREATE DATABASE app OWNER app")


def newest_timeline() -> int:
    """The greatest timeline of which there is any WAL."""
    names = (path.name for path in (DATA / "pg_wal").iterdir())
    return max(int(name[:8], 16) for name in names if re.fullmatch("[0-9A-F]{24}", name))


def timeline_of(host: str) -> int:
    """The timeline on which a primary writes."""
    return int(ask(host, "SELECT pg_walfile_name(pg_current_wal_lsn())")[:8], 16)


def history_of(host: str, timeline: int) -> str:
    """The history file of a primary; the first timeline has none."""
    return "" if timeline == 1 else str(ask(host, f"SELECT pg_read_file('pg_wal/{timeline:08X}.history')"))


def ask(host: str, query: str) -> Any:
    """The first column of the first row that a server answers its superuser, whose own writes wait for no replica.

    Raises:
        psycopg.Error: it does not answer, or refuses.
    """
    target = f"host={host} user={SUPERUSER} dbname=postgres connect_timeout=2 options='-c synchronous_commit=local'"
    with psycopg.connect(target, autocommit=True) as connection:
        cursor = connection.execute(query)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def remove_data() -> None:
    """Out of sight at once, so that half a folder is never taken for a whole one."""
    gone = FOLDER / "gone"
    shutil.rmtree(gone, ignore_errors=True)
    if DATA.exists():
        DATA.rename(gone)
        shutil.rmtree(gone)


def run(program: str, *arguments: "str | Path") -> None:
    subprocess.run([PROGRAMS / program, *arguments], check=True)
