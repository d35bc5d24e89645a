"""An application that writes orders at one address and reads them at another."""

import psycopg


class Orders:
    """Orders in a database; each address is a host and a port."""

    def __init__(self, write: tuple[str, int], read: tuple[str, int]) -> None:
        self._write, self._read = write, read

    def prepare(self) -> None:
        with _connected(self._write) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS orders (item text)")

    def add(self, item: str) -> None:
        with _connected(self._write) as connection:
            connection.execute("INSERT INTO orders VALUES (%s)", (item,))

    def is_read_at_a_replica(self) -> bool:
        with _connected(self._read) as connection:
            row = connection.execute("SELECT current_setting('default_transaction_read_only')::bool").fetchone()
        return row == (True,)


def _connected(address: tuple[str, int]) -> psycopg.Connection:
    return psycopg.connect(host=address[0], port=address[1], user="app", dbname="postgres", connect_timeout=10)
