"""Do writes reach the primary alone, and reads the replica? With real PostgreSQL servers, that of this machine.

The replica is one in so far as the application can tell: it takes no writes.
"""

import glob
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from orders import Orders

SERVICES = Path(__file__).with_name("services.yaml").read_text()
PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
MAKE = "initdb -D /data/db -U app -A trust --no-sync >/dev/null && echo host all all all trust >> /data/db/pg_hba.conf"
SERVE = (
    "exec postgres -D /data/db -c listen_addresses='*' -c unix_socket_directories=/data -c fsync=off "
    "-c default_transaction_read_only=$READ_ONLY"
)


def server(name: str, role: str) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "db", "role": role}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsUser": 999, "runAsGroup": 999, "fsGroup": 999},
            "volumes": [{"name": "data", "emptyDir": {}}],
            "containers": [
                {
                    "name": "postgres",
                    "image": "busybox",
                    "command": ["sh", "-c", f"{MAKE} && {SERVE}"],
                    "env": [
                        {"name": "READ_ONLY", "value": "on" if role == "replica" else "off"},
                        {"name": "PATH", "value": ":".join([*PROGRAMS, "/usr/bin:/bin"])},
                    ],
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                    "readinessProbe": {"tcpSocket": {"port": 5432}, "periodSeconds": 1},
                }
            ],
        },
    }


@pytest.fixture(scope="module")
def databases(lab):
    """One namespace with both servers for all tests: to make a database takes seconds."""
    with lab.namespace(prefix="orders-") as namespace:
        namespace.apply(server("db-0", "primary"), server("db-1", "replica"))
        namespace.wait_ready()
        yield namespace


@pytest.mark.parametrize(
    "services",
    [SERVICES, SERVICES.replace("{app: db}", "{app: db, role: primary}")],
    ids=["as written", "by role"],
)
def test_writes_reach_the_primary(databases, services):
    databases.apply(services)
    databases.settled()
    with databases.forward("db-write", 5432) as write, databases.forward("db-read", 5432) as read:
        orders = Orders(("127.0.0.1", write.port), ("127.0.0.1", read.port))
        for _ in range(12):
            orders.prepare()
            orders.add("a book")
        assert orders.is_read_at_a_replica()
