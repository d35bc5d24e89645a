"""The policies that the documentation of Kubernetes gives as examples, and those of the well-known recipes, with what
each of them says: who reaches whom.

Written anew for one cast: in Namespace ``default`` ``web`` (app=web, ports 80 and 5000, UDP and TCP alike), ``db``
(app=db) and the clients ``front`` (role=front) and ``plain``; in ``other`` (team=ops) ``ops`` (type=monitoring) and
``guest``; beyond the cluster ``outside``. ``vip`` is the Service of ``web``, ``dns`` that of the cluster's DNS.
"""

from typing import Any, NamedTuple


class Recipe(NamedTuple):
    """Policies, and connections as ``source target[:port][/protocol]``: those that pass, and those that do not."""

    name: str
    specs: tuple[dict[str, Any], ...]
    passes: tuple[str, ...]
    fails: tuple[str, ...] = ()

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The policies as they are applied."""
        kind = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}
        return [
            {**kind, "metadata": {"name": f"policy-{number}"}, "spec": {"podSelector": {}, **spec}}
            for number, spec in enumerate(self.specs)
        ]


def pods(**labels: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": labels}}


def spaces(**labels: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": labels}}


def web(*sources: dict[str, Any], **more: Any) -> dict[str, Any]:
    """For the web: who may come in."""
    return {**pods(app="web"), "ingress": [{"from": list(sources), **more}]}


def front(*destinations: dict[str, Any], **more: Any) -> dict[str, Any]:
    """For the front: where it may go."""
    return {**pods(role="front"), "policyTypes": ["Egress"], "egress": [{"to": list(destinations), **more}]}


INGRESS, EGRESS, BOTH = (
    {"policyTypes": ["Ingress"]},
    {"policyTypes": ["Egress"]},
    {"policyTypes": ["Ingress", "Egress"]},
)
OPS = {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["ops", "dev"]}]}}
FRONT, DB, ANYWHERE = pods(role="front"), pods(app="db"), {"namespaceSelector": {}}
DNS = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
DOCUMENTED = {
    **DB,
    **BOTH,
    "ingress": [
        {
            "from": [
                {"ipBlock": {"cidr": "203.0.0.0/8", "except": ["203.0.113.0/24"]}},
                spaces(team="ops"),
                FRONT,
            ],
            "ports": [{"protocol": "TCP", "port": 80}],
        }
    ],
    "egress": [{"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"protocol": "TCP", "port": 80}]}],
}

RECIPES = [
    Recipe("no policy", (), ("plain web", "guest web", "outside web", "plain web/udp", "web outside")),
    Recipe(
        "deny all ingress by default",
        (INGRESS,),
        ("web ops", "plain ops"),
        ("plain web", "guest web", "front db", "outside web", "plain web/udp"),
    ),
    Recipe("allow all ingress", (INGRESS, {"ingress": [{}]}), ("plain web", "guest web")),
    Recipe(
        "deny all egress by default",
        (EGRESS,),
        ("guest web", "ops web:5000"),
        ("plain web", "plain ops", "web outside", "plain dns/udp"),
    ),
    Recipe("allow all egress", (EGRESS, {**EGRESS, "egress": [{}]}), ("plain ops", "web outside")),
    Recipe(
        "deny everything by default",
        (BOTH,),
        ("guest ops",),
        ("plain web", "guest web", "plain ops", "plain dns/udp"),
    ),
    Recipe(
        "deny all traffic to an application",
        ({**pods(app="web"), "ingress": []},),
        ("plain db", "web db"),
        ("plain web", "front web:5000", "guest web"),
    ),
    Recipe(
        "limit traffic to an application",
        (web(FRONT),),
        ("front web", "front web:5000", "front vip", "front vip/udp", "plain db"),
        ("plain web", "guest web", "plain vip", "plain vip/udp"),
    ),
    Recipe(
        "deny traffic from other namespaces",
        ({"ingress": [{"from": [{"podSelector": {}}]}]},),
        ("plain web", "front db"),
        ("guest web", "ops web", "outside web"),
    ),
    Recipe("allow traffic from all namespaces", (web(ANYWHERE),), ("plain web", "guest web"), ("outside web",)),
    Recipe(
        "allow all traffic from a namespace, by its label",
        (web(spaces(team="ops")),),
        ("guest web", "ops web"),
        ("plain web", "outside web"),
    ),
    Recipe(
        "target a namespace by its name",
        (web(spaces(**{"kubernetes.io/metadata.name": "other"})),),
        ("guest web",),
        ("plain web",),
    ),
    Recipe(
        "target several namespaces by an expression",
        (front(OPS),),
        ("front ops", "plain web"),
        ("front web", "front outside"),
    ),
    Recipe(
        "allow traffic from some Pods in another namespace",
        (web({**spaces(team="ops"), **pods(type="monitoring")}),),
        ("ops web",),
        ("guest web", "plain web"),
    ),
    Recipe(
        "two peers in a list: either of them",
        (web(spaces(team="ops"), FRONT),),
        ("guest web", "ops web", "front web"),
        ("plain web",),
    ),
    Recipe(
        "allow traffic from outside the cluster",
        (INGRESS, web()),
        ("outside web", "guest web"),
        ("plain db",),
    ),
    Recipe(
        "allow traffic only to a port, by its number",
        (web(FRONT, ports=[{"port": 5000}]),),
        ("front web:5000",),
        ("front web", "plain web:5000"),
    ),
    Recipe(
        "allow traffic only to a port, by its name",
        (web(ports=[{"port": "admin"}]),),
        ("plain web:5000", "guest web:5000"),
        ("plain web", "plain web:5000/udp"),
    ),
    Recipe(
        "allow traffic by several selectors",
        (web(FRONT, DB),),
        ("front web", "db web"),
        ("plain web", "guest web"),
    ),
    Recipe(
        "deny egress from an application, and let it ask DNS",
        (front(ports=DNS),),
        ("front dns/udp", "front dns", "plain web"),
        ("front web", "front ops", "front outside"),
    ),
    Recipe(
        "deny egress to anywhere outside the cluster",
        (front(ANYWHERE),),
        ("front web", "front ops", "front dns/udp"),
        ("front outside",),
    ),
    Recipe(
        "a block with an exception",
        (web({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16"]}}),),
        ("outside web",),
        ("plain web", "guest web"),
    ),
    Recipe(
        "the example of the documentation",
        (DOCUMENTED,),
        ("guest db", "front db", "db outside"),
        ("plain db", "outside db", "front db/udp", "db web"),
    ),
    Recipe(
        "a range of ports",
        (front({"podSelector": {}}, ports=[{"protocol": "TCP", "port": 4000, "endPort": 6000}]),),
        ("front web:5000",),
        ("front web", "front ops"),
    ),
    Recipe("both ends must agree", (front(pods(app="web")), web(DB)), ("db web",), ("front web", "front db")),
    Recipe("policies add up", (web(FRONT), web(DB)), ("front web", "db web"), ("plain web",)),
]
