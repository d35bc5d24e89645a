"""A client that writes to the primary by name and reads from the replicas; when its standard input ends, the balance.

    fairlead run -- python -m examples.postgres_rw_split.load

Every write is made again until it is acknowledged, and at the end all that were are looked for. A read goes to a
replica among the Pods behind the headless Service, and when that one fails, to the next.

Arguments, if not by the names of the Services: the host to write to, and the addresses to read from.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import NamedTuple

import psycopg

from fairlead.client import Balancer, Dns, Endpoint, NoEndpoints, Roles, Static

PRIMARY, MEMBERS, PORT = "db-primary", "db", 5432
LOGIN = {"user": "app", "dbname": "app", "tcp_user_timeout": "2000"}
SOON, WHENEVER = 2, 60  # seconds for a connection: with others to try, and without
HANG = 3.0  # seconds after which an answer is no longer waited for
PAUSE = 0.04  # seconds between two requests of one client
READERS = 2
RUN = f"{time.time():.0f}"


class Writer:
    """Writes 1, 2, 3, … each when the one before is acknowledged.

    Attributes:
        acknowledged: when, on this machine's clock; the first is that of write 1.
        repeated: how many attempts ended without an answer.
    """

    def __init__(self, primary: str) -> None:
        self._primary = primary
        self._connection: psycopg.Connection | None = None
        self.acknowledged: list[float] = []
        self.repeated = 0

    def step(self) -> None:
        try:
            self._connection = self._connection or connect(self._primary)
            with hung_up_after(HANG, self._connection):
                self._write(self._connection, len(self.acknowledged) + 1)
            self.acknowledged.append(time.monotonic())
        except psycopg.Error:
            self.repeated += 1
            close(self._connection)
            self._connection = None

    def _write(self, connection: psycopg.Connection, number: int) -> None:
        # The second attempt has to write as well (so not DO NOTHING): a transaction that wrote nothing is acknowledged
        # without a replica, although what the first one wrote may not have reached any.
        connection.execute(
            "INSERT INTO writes (run, number) VALUES (%s, %s) ON CONFLICT (run, number) DO UPDATE SET again = true",
            (RUN, number),
        )


class Reader:
    """Asks the replicas in turn for the last write.

    Attributes:
        answered: when.
        failed: reads that nobody answered.
        behind: seconds for which a write had been acknowledged, when a question was asked whose answer lacked it; most.
        servers: addresses that have answered.
    """

    def __init__(self, members: Balancer, acknowledged: list[float]) -> None:
        self._members, self._acknowledged = members, acknowledged
        self._connections: dict[str, psycopg.Connection] = {}
        self.answered: list[float] = []
        self.failed = 0
        self.behind = 0.0
        self.servers: set[str] = set()

    def step(self) -> None:
        asked, known = time.monotonic(), len(self._acknowledged)
        try:
            last = self._last_write()
        except (psycopg.Error, NoEndpoints) as error:
            print(f"a read failed: {error}", flush=True)
            self.failed += 1
            return
        self.answered.append(time.monotonic())
        if last < known:
            self.behind = max(self.behind, asked - self._acknowledged[last])

    def _last_write(self) -> int:
        """Of a replica that gets all there is; else of one that waits for a primary; else of the primary itself."""
        for wanted in ("replica", "waiting"):
            with suppress(NoEndpoints):
                return self._members.call(self._read, role=wanted)
        return self._members.call(self._read, role="primary")

    def _read(self, endpoint: Endpoint) -> int:
        connection = self._connections.pop(endpoint.address, None) or connect(endpoint.address)
        with hung_up_after(HANG, connection):
            query = "SELECT coalesce(max(number), 0) FROM writes WHERE run = %s"
            (last,) = connection.execute(query, (RUN,)).fetchone()
        self._connections[endpoint.address] = connection  # only one that has answered is used again
        self.servers.add(endpoint.address)
        return last


def role(endpoint: Endpoint) -> str:
    """What a member is just now."""
    with connect(endpoint.address) as connection, hung_up_after(HANG, connection):
        query = "SELECT pg_is_in_recovery(), (SELECT status FROM pg_stat_wal_receiver)"
        is_standby, status = connection.execute(query).fetchone()
    if not is_standby:
        return "primary"
    return "replica" if status == "streaming" else "waiting"


class Balance(NamedTuple):
    """What is printed at the end."""

    written: int
    lost: int
    repeated: int
    write_gap: float
    read: int
    servers: int
    failed: int
    read_gap: float
    behind: float

    def __str__(self) -> str:
        return (
            f"{self.written} writes acknowledged, {self.lost} of them lost; "
            f"{self.repeated} attempts without an answer; "
            f"longest time between two acknowledgements {self.write_gap:.2f} s\n"
            f"{self.read} reads answered by {self.servers} servers, {self.failed} failed; "
            f"longest time without an answer {self.read_gap:.2f} s; at most {self.behind:.2f} s behind"
        )


def main() -> None:
    primary, *addresses = sys.argv[1:] or [PRIMARY]
    source = Static(Endpoint(address, PORT) for address in addresses) if addresses else Dns(MEMBERS, PORT)
    with connect(primary, WHENEVER) as connection:
        connection.execute("SET synchronous_commit = remote_apply")  # so that a replica has it when the readers start
        connection.execute(
            "CREATE TABLE IF NOT EXISTS writes (run text, number int, again bool, PRIMARY KEY (run, number))"
        )
    writer = Writer(primary)
    with Balancer(source, roles=Roles(role, every=1.0), failures=(psycopg.Error,)) as members:
        readers = [Reader(members, writer.acknowledged) for _ in range(READERS)]
        until_told_to_end([writer.step, *(reader.step for reader in readers)])
    print(balance(primary, writer, readers), flush=True)


def until_told_to_end(steps: list[Callable[[], None]]) -> None:
    """Take each step again and again, in a thread of its own."""
    end = threading.Event()

    def repeat(step: Callable[[], None]) -> None:
        while not end.wait(PAUSE):
            step()

    threads = [threading.Thread(target=repeat, args=[step]) for step in steps]
    for thread in threads:
        thread.start()
    print("reading and writing", flush=True)
    sys.stdin.read()
    end.set()
    for thread in threads:
        thread.join()


def balance(primary: str, writer: Writer, readers: list[Reader]) -> Balance:
    with connect(primary, WHENEVER) as connection:
        found = {number for (number,) in connection.execute("SELECT number FROM writes WHERE run = %s", (RUN,))}
    written = set(range(1, len(writer.acknowledged) + 1))
    return Balance(
        len(written),
        len(written - found),
        writer.repeated,
        longest_gap(writer.acknowledged),
        sum(len(reader.answered) for reader in readers),
        len(set().union(*(reader.servers for reader in readers))),
        sum(reader.failed for reader in readers),
        max(longest_gap(reader.answered) for reader in readers),
        max(reader.behind for reader in readers),
    )


def longest_gap(times: list[float]) -> float:
    return max((later - earlier for earlier, later in pairwise(times)), default=0.0)


def connect(host: str, seconds: int = SOON) -> psycopg.Connection:
    """Raises psycopg.OperationalError when that takes longer."""
    password = os.environ.get("APP_PASSWORD", "for-everyone")  # as in manifests.yaml
    return psycopg.connect(host=host, password=password, autocommit=True, connect_timeout=seconds, **LOGIN)


@contextmanager
def hung_up_after(seconds: float, connection: psycopg.Connection) -> Iterator[None]:
    """End the connection when the body takes longer.

    By hanging up and not by cancelling: PostgreSQL acknowledges a write that is cancelled while it waits for a replica.
    """
    line = socket.socket(fileno=os.dup(connection.fileno()))
    timer = threading.Timer(seconds, line.shutdown, [socket.SHUT_RDWR])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        line.close()


def close(connection: psycopg.Connection | None) -> None:
    if connection:
        connection.close()


if __name__ == "__main__":
    main()
