"""ExternalName: what a client of an alias sees, inside the cluster and outside it, and what changes with the alias."""

from examples.lab import HERE, Step, run

STEPS = (
    Step(
        HERE,
        "kubectl get services orders payments by-address",
        "An alias has no virtual IP and no endpoints; it is nothing but a name.",
    ),
    Step(
        "client",
        "dig +search +noall +answer orders",
        "A CNAME to the real name and, since that is in the cluster, its address in the same reply.",
        until=r"CNAME(?s:.*)10\.96\.",
    ),
    Step(
        "client",
        "curl -sS http://orders/",
        "The Pod answers. See `host`: the server is called by the alias; certificates and virtual hosts must know it.",
        until="pod: ",
    ),
    Step(
        "node/node-1",
        "nft list ruleset | grep -c -e default/orders -e default/payments",
        "No rule on any node is about an alias; the one that forwarded is backend/orders'.",
    ),
    Step(
        "client",
        "dig +noall +comments +answer payments.default.svc.cluster.local | grep -E 'status|CNAME'",
        "A name outside the cluster: the alias is there (CNAME), its target is not, for a lab knows no names outside. "
        "With `fairlead dns --forward` the answer of an upstream server follows the CNAME.",
    ),
    Step(
        HERE,
        """kubectl patch service orders -p '{"spec": {"externalName": "orders-headless.backend.svc.cluster.local"}}'""",
        "The alias now names a headless Service.",
    ),
    Step(
        "client",
        "dig +search +noall +answer orders",
        "A new answer at once, now the Pod's own address; who keeps answers sees it when the TTL, 30 s, is over.",
        until="orders-headless",
    ),
    Step(
        "client",
        "curl -sS --max-time 5 http://orders:8080/",
        "Ports mean nothing to an alias: the client must use one that the target has.",
    ),
    Step(
        HERE,
        """kubectl patch service orders -p '{"spec": {"externalName": "gone.backend.svc.cluster.local"}}'""",
        "Nobody checks that the target exists.",
    ),
    Step(
        "client",
        "dig +noall +comments +answer orders.default.svc.cluster.local | grep -E 'status|CNAME'",
        "A dangling alias: CNAME and NXDOMAIN (RFC 6604).",
        until="gone",
    ),
    Step(
        "client",
        "dig +noall +comments +answer by-address.default.svc.cluster.local | grep -E 'status|CNAME'",
        "The API accepts an address as externalName, but it is no name: NXDOMAIN without CNAME. For an address, "
        "write a Service without selector and an EndpointSlice.",
    ),
)
IDEAS = (
    'kubectl patch service payments -p \'{"spec": {"externalName": "orders.backend.svc.cluster.local"}}\'',
    "fairlead exec --name externalname client -- getent hosts payments",
    "fairlead dns query orders --from client",
)

if __name__ == "__main__":
    run("externalname", STEPS, IDEAS)
