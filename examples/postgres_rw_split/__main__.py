"""PostgreSQL with a read/write split: a primary and two replicas, killed under load, and what their clients notice."""

import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager

from examples.lab import CHECKOUT, FAIRLEAD, HERE, Lab, Step, heading, lab_of

LAB = "postgres-rw-split"
PODS = "kubectl get pods -l app=db -L role -o wide --no-headers"
ALL_READY = r"(.* 1/1 .*\n){3}"
BOTH_STREAM = r"(.* streaming .*\n){2}"
KILL = "kill -9 -1"  # every process in the Pod
SUPERVISOR = "$(awk '/^PPid/ {print $2}' /proc/$(head -1 /var/lib/postgresql/pg/postmaster.pid)/status)"
PSQL = f"PGPASSWORD=for-everyone fairlead run --name {LAB} -- psql -h %s -U app -c '%s'"
IDEAS = (
    "kubectl get pods -L role -w",
    PSQL % ("db-primary", "SELECT count(*) FROM writes"),
    "kubectl delete pod db-0 --force                                  # comes back empty, and copies the primary",
    f"fairlead run --name {LAB} -- python -m examples.postgres_rw_split.load     # until Ctrl-D",
)


def main() -> None:
    places = {
        "PYTHON": sys.base_prefix,
        "PACKAGES": sysconfig.get_path("purelib"),
        "EXAMPLES": str(CHECKOUT / "examples"),
    }
    with lab_of("postgres_rw_split", IDEAS, **places) as lab:
        show_cluster(lab)
        kill_replica(lab)
        kill_primary(lab)
        stop_supervisor(lab)


def show_cluster(lab: Lab) -> None:
    lab.show(Step(HERE, PODS, "The first of the three has made the database, the others a copy of it.", ALL_READY))
    names = "dig +short +search db; echo; dig +short +search db-primary"
    lab.show(
        Step(
            HERE,
            f"fairlead run --name {LAB} -- sh -c '{names}'",
            "The headless Service gives all three Pods; db-primary is one virtual IP for the Pod labelled as primary.",
            r"(10\.244\..*\n){3}\n10\.96\.",
        )
    )
    show_replicas(lab, "A write is acknowledged when one of the two replicas has it on disk (quorum).")


def kill_replica(lab: Lab) -> None:
    replica = next(name for name in ("db-2", "db-1") if name != primary(lab))
    with under_load(lab, "Nobody notices: a read that fails at one replica is answered by the other."):
        lab.show(Step(replica, KILL))
        await_restart(lab, replica)
        show_replicas(lab, "It follows the primary again.")


def kill_primary(lab: Lab) -> None:
    meaning = (
        "Writes wait for the new primary: the longest time between two acknowledgements is the time to failover. No "
        "write that was acknowledged is lost. Reads go on: while nobody leads, nothing newer is acknowledged."
    )
    old = primary(lab)
    with under_load(lab, meaning):
        lab.show(Step(old, KILL))
        await_other_primary(lab, old)
        await_restart(lab, old)
        show_replicas(lab, "The former primary follows the new one.")


def stop_supervisor(lab: Lab) -> None:
    meaning = (
        "Two servers believed to be primary, and still no acknowledged write is lost: the old one could not have any "
        "acknowledged, for both replicas had left it before the new one was elected."
    )
    old = primary(lab)
    with under_load(lab, meaning):
        lab.show(Step(old, f"kill -STOP {SUPERVISOR}", "The Lease is no longer renewed, but PostgreSQL runs on."))
        await_other_primary(lab, old)
        recovery = "psql -h /var/lib/postgresql -U postgres -Atc 'SELECT pg_is_in_recovery()'"
        lab.show(Step(old, recovery, "f: the old primary does not know yet that it is none."))
        lab.show(
            Step(old, f"kill -CONT {SUPERVISOR}", "It wakes, finds its time over, and kills PostgreSQL (fencing).")
        )
        await_restart(lab, old)
        show_replicas(lab, "What only it had is undone (pg_rewind), and it follows the new one.")


def show_replicas(lab: Lab, meaning: str) -> None:
    query = "SELECT application_name, state, sync_state FROM pg_stat_replication ORDER BY 1"
    lab.show(Step(HERE, PSQL % ("db-primary", query), meaning, BOTH_STREAM))


def await_restart(lab: Lab, pod: str) -> None:
    lab.show(Step(HERE, PODS, until=rf"{pod} .* Running +[1-9]"))


def await_other_primary(lab: Lab, old: str) -> None:
    lab.show(Step(HERE, "kubectl get pods -l role=primary", "Another one leads.", rf"^db-\d(?<!{old}) +1/1"))


def primary(lab: Lab) -> str:
    return lab.output(HERE, "kubectl get pods -l role=primary -o name").strip().removeprefix("pod/")


@contextmanager
def under_load(lab: Lab, meaning: str) -> Iterator[None]:
    """Clients at work during the context's body, and after it what they have seen."""
    command = [FAIRLEAD, "run", "--name", LAB, "--", sys.executable, "-m", "examples.postgres_rw_split.load"]
    environment = {**lab.environment, "PYTHONPATH": str(CHECKOUT)}
    heading(f"$ fairlead run --name {LAB} -- python -m examples.postgres_rw_split.load &")
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as clients:
        assert clients.stdout
        print(clients.stdout.readline(), end="")
        yield
        balance, _ = clients.communicate("")
    heading("$ fg")
    print(balance, end="")
    print(f"=> {meaning}", flush=True)


if __name__ == "__main__":
    main()
