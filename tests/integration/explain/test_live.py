"""Packets that are really sent in a lab, whose nodes have the rules of both back ends: prediction, connection tracking
and the kernel's own trace of the rules agree. One in five of the cases runs by default.
"""

from pathlib import Path

import pytest

from fairlead.cli.flags.sources import ClusterSource, read_source
from fairlead.cli.proxying import proxying_of
from fairlead.drivers.sources.lab_journeys import try_out
from fairlead.explain.journey.ends import parse_goal, parse_start
from fairlead.explain.journey.rulebook import Rulebook
from fairlead.explain.statements import Verdict
from fairlead.model.names import ObjectKey
from tests.support.full import one_in
from tests.support.labs import Lab, eventually
from tests.support.users import users

MANIFESTS = Path(__file__).with_name("live.yaml")
CONFIG = "nodes: [{proxyMode: nftables}, {proxyMode: iptables}]\n"
INSIDE = ("pod/client-1", "pod/client-2", "node/node-1", "node/node-2")
SERVICES = ("web", "local", "near", "loyal", "balanced", "nobody", "closed")
ENDPOINTS = {"web": 2, "local": 1, "near": 1, "loyal": 2, "balanced": 2, "fenced": 2, "nobody": 0, "closed": 1}
OUTSIDE_PORTS = (30080, 30081, 30099)  # the last is nobody's
CASES = [
    *((start, f"svc/{name}:80", "tcp") for start in INSIDE for name in SERVICES),
    *((start, goal, "udp") for start in INSIDE for goal in ("svc/web:80", "dns:53")),
    *((f"outside by {n}", f"{n}:{port}", "tcp") for n in ("node-1", "node-2") for port in OUTSIDE_PORTS),
    *((f"outside by {n}", f"{n}:30080", "udp") for n in ("node-1", "node-2")),
    *((f"outside by {n}", f"lb/{name}:80", "tcp") for n in ("node-1", "node-2") for name in ("balanced", "fenced")),
    *((f"node/{n}", f"{n}:{port}", "tcp") for n in ("node-1", "node-2") for port in OUTSIDE_PORTS),
    *((f"pod/client-{n}", f"node-{n}:30081", "tcp") for n in (1, 2)),
    *((start, "pod/closed:8080", "tcp") for start in ("pod/friend-1", "pod/client-2", "node/node-2", "node/node-1")),
    *((f"pod/web-{n}", "svc/web:80", "tcp") for n in (1, 2)),  # an endpoint that may meet itself
]


@pytest.fixture(scope="module")
def lab():
    """A lab with both back ends, as the commands of this process find it."""
    lab = Lab(users()[0], "-f", str(MANIFESTS))
    lab.configure(CONFIG)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_RUNTIME_DIR", lab.environment["XDG_RUNTIME_DIR"])
        try:
            lab.up()
            yield lab
        finally:
            lab.close()


@pytest.fixture(scope="module")
def rulebook(lab):
    """The lab once it has settled: every Service has its endpoints, and every load balancer its address."""
    source = ClusterSource((), lab.name, None, None, "default", "cluster.local")

    def settled():
        cluster = read_source(source, into_pods=False)
        balancers = [s for s in cluster.snapshot.services.values() if s.spec.type == "LoadBalancer"]
        served = {name: ready_endpoints(cluster, name) for name in ENDPOINTS}
        return served == ENDPOINTS and all(s.status.load_balancer.ingress for s in balancers) and cluster

    cluster = eventually(settled, 60)
    return Rulebook(
        cluster, proxying_of(cluster, {"backend": "nft", "cluster_cidr": "", "nodeport_addresses": "primary"})
    )


def ready_endpoints(cluster, service):
    """How many a Service of the default namespace has."""
    slices = cluster.snapshot.slices.get(ObjectKey("default", service), {}).values()
    return sum(endpoint.is_ready for slice_ in slices for endpoint in slice_.endpoints or ())


def address_of(cluster, goal):
    """``svc/web:80`` and the like as an address and a port."""
    name, _, port = goal.rpartition(":")
    kind, _, rest = name.rpartition("/")
    services = {s.name: s for s in cluster.snapshot.services.values()}
    found = {
        "svc": lambda: services[rest].cluster_ips[0],
        "lb": lambda: services[rest].status.load_balancer.ingress[0].ip,
        "pod": lambda: next(p.ips[0] for p in cluster.snapshot.pods.values() if p.name == rest),
        "": lambda: (
            services["kube-dns"].cluster_ips[0] if name == "dns" else cluster.snapshot.nodes[name].internal_ips[0]
        ),
    }[kind]()
    return f"{found}:{port}"


@pytest.mark.parametrize(("start", "goal", "protocol"), one_in(5, CASES), ids=lambda value: value.replace("/", "-"))
def test_kernel_and_prediction_agree(lab, rulebook, start, goal, protocol):
    cluster = rulebook.cluster
    who, _, via = start.partition(" by ")
    first = parse_start(cluster, who, "default", via or None)
    last = parse_goal(address_of(cluster, goal), protocol)

    def agreed():
        """Again while the kernel, which limits how many ICMP errors it sends, seems to drop what it refuses."""
        told = try_out(lab.name, cluster, rulebook, first, last).statements
        doubtful = [each.text for each in told if each.outcome is not Verdict.CHECKED]
        assert [text for text in doubtful if "came by another node" not in text] == [], told
        return True

    eventually(agreed, 60)
