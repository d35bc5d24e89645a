"""Random clusters, and connections in them, with the cast of ``proxy_flows``."""

from hypothesis import strategies as st

from fairlead.dataplane.node_view import NodeSettings
from tests.support.proxy_flows import (
    BLOCKED,
    CLUSTER_IP,
    EXTERNAL_IP,
    LB,
    NODE,
    NODE2,
    NODE_PORT,
    OTHER_CLUSTER_IP,
    OTHER_NODE,
    OTHER_POD,
    OUTSIDE,
    POD,
    POD_CIDR,
    SERVICE_CIDR,
    UNALLOCATED,
    Flow,
    World,
    here,
    there,
)
from tests.support.proxy_objects import endpoint_slice, service

states = st.sampled_from(["ready", "ready", "unready", "draining", "dying"])
hints = st.sampled_from(
    [{}, {"forZones": [{"name": "a"}]}, {"forZones": [{"name": "b"}]}, {"forNodes": [{"name": "here"}]}]
)


def endpoints(number):
    make = here if number < 5 else there
    return st.builds(lambda state, h: make(number, state, hints=h), states, hints)


def services(name, ip, node_port):
    policies = st.sampled_from(["Cluster", "Local"])
    return st.builds(
        lambda **fields: service(
            name,
            ip,
            (("http", 80, "TCP", node_port), ("udp", 80, "UDP")),
            status={"loadBalancer": {"ingress": [{"ip": LB}] if name == "web" else []}},
            type="LoadBalancer",
            externalIPs=[EXTERNAL_IP] if name == "web" else [],
            **fields,
        ),
        externalTrafficPolicy=policies,
        internalTrafficPolicy=policies,
        sessionAffinity=st.sampled_from(["None", "None", "ClientIP"]),
        loadBalancerSourceRanges=st.sampled_from([[], ["203.0.113.0/25"], ["192.168.0.0/16"], ["0.0.0.0/0"]]),
    )


@st.composite
def worlds(draw):
    pair = (draw(services("web", CLUSTER_IP, NODE_PORT)), draw(services("other", OTHER_CLUSTER_IP, 0)))
    slices = []
    for owner in ("web", "other"):
        numbers = draw(st.sets(st.integers(1, 7), max_size=4))
        listed = [draw(endpoints(number)) for number in sorted(numbers)]
        slices.append(endpoint_slice(listed, owner, (("http", 8080), ("udp", 53, "UDP"))))
    chosen = NodeSettings(
        cluster_cidrs=draw(st.sampled_from([(), (POD_CIDR,)])),
        service_cidrs=draw(st.sampled_from([(), (SERVICE_CIDR,)])),
        masquerade_all=draw(st.booleans()),
    )
    return World(pair, tuple(slices), draw(st.sampled_from([None, "a"])), chosen)


flows = st.builds(
    Flow,
    number=st.just(0),
    name=st.just("random"),
    world=worlds(),
    source=st.sampled_from([POD, NODE, NODE2, OTHER_NODE, OTHER_POD, OUTSIDE, BLOCKED, "10.180.0.1", "10.180.0.5"]),
    destination=st.sampled_from([CLUSTER_IP, OTHER_CLUSTER_IP, UNALLOCATED, EXTERNAL_IP, LB, NODE, NODE2]),
    expected=st.none(),
    port=st.sampled_from([80, 80, 443, NODE_PORT]),
    protocol=st.sampled_from(["tcp", "udp"]),
)
