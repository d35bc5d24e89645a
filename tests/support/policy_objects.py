"""Short spellings of the objects that NetworkPolicies are about, and random ones."""

from hypothesis import strategies as st

from fairlead.model.decode import decode
from fairlead.model.network_policies import NetworkPolicy
from fairlead.model.objects import Namespace, Pod

NAMED = ("web", "dns", "sig")  # what Pods call their ports


def pod(name, *addresses, namespace="ns", labels=None, node="here", phase="Running", ports=(), **fields):
    """A Pod; ``ports`` are (name, number[, protocol]), ``host_network`` and metadata such as times are other fields."""
    listed = [dict(zip(("name", "containerPort", "protocol"), port, strict=False)) for port in ports]
    spec = {
        "nodeName": node,
        "hostNetwork": fields.pop("host_network", False),
        "containers": [{"name": "main", "ports": listed}],
    }
    status = {"phase": phase, "podIP": addresses[0] if addresses else "", "podIPs": [{"ip": a} for a in addresses]}
    metadata = {"name": name, "namespace": namespace, "labels": labels or {}, **fields}
    return decode(Pod, {"metadata": metadata, "spec": spec, "status": status})


def namespace(name, **labels):
    return decode(Namespace, {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name, **labels}}})


def policy(name, selector=None, namespace="ns", **spec):
    """A NetworkPolicy for the Pods with these labels, or that a whole selector says."""
    selector = selector or {}
    whole = selector if {"matchLabels", "matchExpressions"} & selector.keys() else {"matchLabels": selector}
    return decode(
        NetworkPolicy,
        {
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"podSelector": whole if selector else {}, **spec},
        },
    )


# --- random ones ------------------------------------------------------------------------------------------------------

SPACES = ("ns", "team-a", "team-b")
_LABELS = {"app": ("web", "db"), "tier": ("front", "back")}

label_maps = st.fixed_dictionaries({}, optional={key: st.sampled_from(values) for key, values in _LABELS.items()})
_terms = st.one_of(
    st.builds(
        lambda key, operator: {"key": key, "operator": operator},
        st.sampled_from([*_LABELS]),
        st.sampled_from(["Exists", "DoesNotExist"]),
    ),
    st.builds(
        lambda pair, operator: {"key": pair[0], "operator": operator, "values": pair[1]},
        st.sampled_from([("app", ["web"]), ("app", ["web", "db"]), ("tier", ["back", "other"])]),
        st.sampled_from(["In", "NotIn"]),
    ),
)
selectors = st.one_of(
    st.just({}),
    label_maps.map(lambda labels: {"matchLabels": labels}),
    st.lists(_terms, min_size=1, max_size=2).map(lambda terms: {"matchExpressions": terms}),
)
_space_selectors = st.one_of(
    st.just({}),
    st.sampled_from(SPACES).map(lambda name: {"matchLabels": {"kubernetes.io/metadata.name": name}}),
    st.just({"matchLabels": {"team": "a"}}),
    st.just({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}),
)


def blocks(cidrs):
    """An ipBlock made of some of these networks, the greater of them first."""

    def block(chosen, excepts):
        return {"cidr": chosen, **({"except": excepts} if excepts else {})}

    lists = st.lists(st.sampled_from(cidrs), max_size=2, unique=True)
    return st.builds(block, st.sampled_from(cidrs), lists)


def peers(cidrs):
    return st.one_of(
        st.builds(lambda pods: {"podSelector": pods}, selectors),
        st.builds(lambda spaces: {"namespaceSelector": spaces}, _space_selectors),
        st.builds(lambda spaces, pods: {"namespaceSelector": spaces, "podSelector": pods}, _space_selectors, selectors),
        blocks(cidrs).map(lambda block: {"ipBlock": block}),
    )


ports = st.one_of(
    st.builds(lambda protocol: {"protocol": protocol}, st.sampled_from(["TCP", "UDP", "SCTP"])),
    st.sampled_from([80, 8080, 53]).map(lambda port: {"port": port}),
    st.sampled_from([(80, 8080), (8000, 9000), (1, 79)]).map(lambda pair: {"port": pair[0], "endPort": pair[1]}),
    st.sampled_from([{"protocol": "UDP", "port": 53}, {"protocol": "SCTP", "port": 53}]),
    st.builds(
        lambda name, protocol: {"port": name, "protocol": protocol},
        st.sampled_from(NAMED),
        st.sampled_from(["TCP", "UDP"]),
    ),
)


def rules(side, cidrs):
    return st.fixed_dictionaries(
        {}, optional={side: st.lists(peers(cidrs), max_size=3), "ports": st.lists(ports, max_size=3)}
    )


def policies(names, cidrs):
    """Policies with these names, about the peers and networks that there are."""
    return st.builds(
        lambda name, space, selector, given_types, ingress, egress: policy(
            name,
            namespace=space,
            podSelector=selector,
            **({"policyTypes": given_types} if given_types else {}),
            **({"ingress": ingress} if ingress is not None else {}),
            **({"egress": egress} if egress is not None else {}),
        ),
        st.sampled_from(names),
        st.sampled_from(SPACES),
        selectors,
        st.sampled_from([[], ["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
        st.none() | st.lists(rules("from", cidrs), max_size=2),
        st.none() | st.lists(rules("to", cidrs), max_size=2),
    )


def pods(number, addresses, node):
    """A Pod with these addresses, which is now and then one that policies leave alone."""
    return st.builds(
        lambda space, labels, phase, port, is_host: pod(
            f"pod-{number}",
            *addresses,
            namespace=space,
            labels=labels,
            node=node,
            phase=phase,
            ports=port,
            host_network=is_host,
        ),
        st.sampled_from(SPACES),
        label_maps,
        st.sampled_from(["Running", "Running", "Running", "Running", "Pending", "Succeeded"]),
        st.lists(
            st.sampled_from([("web", 80), ("web", 8080), ("dns", 53, "UDP"), ("dns", 53), ("sig", 53, "SCTP")]),
            max_size=2,
            unique_by=lambda port: port[0],
        ),
        st.sampled_from([False] * 9 + [True]),
    )


_LABELS_OF_SPACES = st.sampled_from([None, {}, {"team": "a"}, {"team": "b"}])
namespaces = st.tuples(*(_LABELS_OF_SPACES for _ in SPACES)).map(
    lambda drawn: tuple(namespace(n, **labels) for n, labels in zip(SPACES, drawn, strict=True) if labels is not None)
)
