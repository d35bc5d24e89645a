"""A StatefulSet behind its headless Service: order, names that stay, scaling, and an update that stops half-way."""

from examples.lab import HERE, Step, run

NAME = "db.default.svc.cluster.local"
EVENTS = (
    "kubectl get events --field-selector involvedObject.kind=StatefulSet,reason={} "
    "--sort-by=.metadata.resourceVersion -o custom-columns=:.message --no-headers"
)
PODS = (
    "kubectl get pods -l app=db -o custom-columns='"
    "NAME:.metadata.name,VERSION:.spec.containers[0].env[0].value,IP:.status.podIP,"
    "READY:.status.containerStatuses[0].ready,DELETED:.metadata.deletionTimestamp'"
)
# kubectl waits until no Pod has the name. When the next one of that name comes at once, kubectl may wait for its end.
DELETE = "kubectl delete pod {} --wait=false"
NAMES = "for n in 0 1 2 3 4; do echo db-$n: $(dig +short +search db-$n.db); done"


def partition(ordinal: int) -> Step:
    spec = f'{{"spec": {{"updateStrategy": {{"rollingUpdate": {{"partition": {ordinal}}}}}}}}}'
    return Step(HERE, f"kubectl patch statefulset db -p '{spec}'")


STEPS = (
    Step(
        HERE,
        EVENTS.format("SuccessfulCreate"),
        "One after the other: each only when the one before it was ready.",
        "db-2",
    ),
    Step(
        "client",
        "dig +short +search db",
        "The governing Service is headless: the addresses of all ready Pods.",
        r"(10\..*\n){3}",
    ),
    Step(
        "client",
        NAMES,
        "And each Pod has a name of its own below it, as long as it is ready.",
        r"(db-\d: 10\..*\n){3}",
    ),
    Step(
        "client",
        f"dig +noall +answer +additional SRV _http._tcp.{NAME}",
        "SRV records list those names, with the port: all that a client needs to know the members by name.",
    ),
    Step("db-1", "hostname; hostname -f", "The Pod knows its name too."),
    Step("client", "curl -sS http://db-1.db/hostname", "Who wants db-1 gets db-1.", "^db-1$"),
    Step(HERE, DELETE.format("db-1")),
    Step(
        HERE,
        PODS,
        "It comes back under its name, at another address. Clients that kept the address have lost it.",
        r"^db-1 .*true +<none>$(?s:.*)^db-2 .*true +<none>$",
    ),
    Step("client", "curl -sS http://db-1.db/hostname", "The name leads to the new Pod.", "^db-1$"),
    Step("db-1", "touch /tmp/unready", "Now it says that it is not ready."),
    Step(
        "client",
        "dig +search db-1.db | grep status",
        "A Pod that is not ready has no name, unless the Service says publishNotReadyAddresses.",
        "NXDOMAIN",
    ),
    Step("db-1", "rm /tmp/unready"),
    Step(HERE, "kubectl scale statefulset db --replicas=5 && kubectl rollout status statefulset db"),
    Step("client", NAMES, "Upwards in order, behind those that are there.", r"(db-\d: 10\..*\n){5}"),
    Step(HERE, "kubectl scale statefulset db --replicas=3"),
    Step(HERE, EVENTS.format("SuccessfulDelete"), "Downwards from the top, one at a time.", "db-3"),
    partition(2),
    Step(HERE, "kubectl set env statefulset/db VERSION=2"),
    Step(
        HERE,
        PODS,
        "A canary: the update goes from the top down and stops at the partition.",
        r"^db-2 +2 .*true +<none>$",
    ),
    Step(HERE, DELETE.format("db-0")),
    Step(HERE, PODS, "Below the partition a Pod that is lost comes back as it was.", r"^db-0 +1 .*true +<none>$"),
    partition(0),
    Step(HERE, "kubectl rollout status statefulset db"),
    Step(HERE, PODS, "With the partition at 0 the rest follows, one at a time.", r"^db-0 +2 .*true +<none>$"),
)
IDEAS = (
    "kubectl rollout undo statefulset db",
    "kubectl get pods -l app=db -w",
    "fairlead node stop --name statefulset node-2  # db-1 stays away: two of one name would be worse than none",
    "fairlead node stop --name statefulset --out-of-service node-2  # certainly off: db-1 comes back elsewhere",
)

if __name__ == "__main__":
    run("statefulset", STEPS, IDEAS)
