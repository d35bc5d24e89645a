"""A change sends only what it changes, and leads to what a fresh start would have made."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.dataplane import nft_rules, nft_skeleton
from fairlead.dataplane.incremental import advance, build
from fairlead.dataplane.node_view import NodeSettings, view_node
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.netfilter.ruleset import Table, Target
from fairlead.netfilter.transaction import apply, diff
from tests.unit.proxy_objects import endpoint, endpoint_slice, node, service, snapshot

VIEW = view_node(
    NodeSettings(cluster_cidrs=("10.0.0.0/8",), service_cidrs=("10.96.0.0/16",)), "here", node(), (), IPFamily.IPV4
)
BASE = nft_skeleton.skeleton(VIEW)

ports = st.sampled_from([(("http", 80),), (("http", 80, "TCP", 30080), ("dns", 53, "UDP"))])
services = st.builds(
    service,
    name=st.sampled_from("ab"),
    ip=st.sampled_from(["10.96.0.1", "10.96.0.2", "None"]),
    ports=ports,
    externalIPs=st.lists(st.sampled_from(["1.1.1.1", "1.1.1.2"]), max_size=2, unique=True),
    sessionAffinity=st.sampled_from(["None", "ClientIP"]),
    externalTrafficPolicy=st.sampled_from(["Cluster", "Local"]),
    internalTrafficPolicy=st.sampled_from(["Cluster", "Local"]),
)
endpoints = st.builds(
    endpoint,
    st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
    st.sampled_from(["here", "there"]),
    state=st.sampled_from(["ready", "unready", "draining"]),
)
slices = st.builds(
    endpoint_slice,
    st.lists(endpoints, max_size=3),
    owner=st.sampled_from("ab"),
    ports=st.just((("http", 8080), ("dns", 53, "UDP"))),
)
changes = st.lists(st.tuples(st.booleans(), services | slices), max_size=6)


def changed_by(object_):
    return object_.service_key if hasattr(object_, "service_key") else object_.key


@given(changes, changes)
@settings(max_examples=60, deadline=None)
def test_step_by_step_leads_to_what_a_fresh_start_makes(before, after):
    state = snapshot(*(object_ for _, object_ in before))
    table, applied = build(state, VIEW, BASE, nft_rules.service_part)
    for put, object_ in after:
        state = state.with_object(object_) if put else state.without_object(object_)
        transaction, applied, *_ = advance(applied, state, {changed_by(object_)}, nft_rules.service_part)
        table = apply(transaction, table)
        fresh, applied_fresh = build(state, VIEW, BASE, nft_rules.service_part)
        assert table == fresh
        assert applied == applied_fresh
        assert advance(applied, state, {changed_by(object_)}, nft_rules.service_part)[0] == ()


@given(changes, changes)
@settings(max_examples=60, deadline=None)
def test_a_difference_leads_from_one_table_to_the_other(before, after):
    old, _ = build(snapshot(*(o for _, o in before)), VIEW, BASE, nft_rules.service_part)
    new, _ = build(snapshot(*(o for _, o in after)), VIEW, BASE, nft_rules.service_part)
    timeouts_agree = all(new.sets[n] == s for n, s in old.sets.items() if n in new.sets)
    assert timeouts_agree
    assert apply(diff(old, new), old) == new
    assert apply(diff(Table(), new), Table()) == new
    assert diff(new, new) == ()


def many_services(count):
    objects = []
    for i in range(count):
        objects.append(service(f"s{i}", f"10.96.{i // 250}.{i % 250 + 1}"))
        addresses = [endpoint(f"10.1.{i // 250}.{i % 250}"), endpoint(f"10.2.{i // 250}.{i % 250}", "there")]
        objects.append(endpoint_slice(addresses[: 2 - (i == 0)], f"s{i}"))
    return snapshot(*objects)


# what changes in Service s5 -> how many operations, and of what
COSTS = [
    ("nothing", lambda s: s, 0),
    # where the port leads (replaced: 2), the second slot deleted; a Service that draws from one already is there
    ("an endpoint elsewhere gone", lambda s: s.with_object(endpoint_slice([endpoint("10.1.0.5")], "s5")), 3),
    # the same, and the other endpoint moves up, and it is a hairpin no more
    ("an endpoint here gone", lambda s: s.with_object(endpoint_slice([endpoint("10.2.0.5", "there")], "s5")), 6),
    # one slot replaced, one hairpin replaced
    (
        "another endpoint here",
        lambda s: s.with_object(endpoint_slice([endpoint("10.1.9.9"), endpoint("10.2.0.5", "there")], "s5")),
        4,
    ),
    # lead, two slots and a hairpin deleted, a refusal added
    ("all endpoints gone", lambda s: s.with_object(endpoint_slice([], "s5")), 5),
    # lead, two slots, the hairpin, the cluster IP
    ("the Service gone", lambda s: s.without_object(s.services[ObjectKey("ns", "s5")]), 5),
]


def test_the_cost_of_a_change_does_not_depend_on_how_many_services_there_are():
    for count in (10, 300):
        state = many_services(count)
        _, applied = build(state, VIEW, BASE, nft_rules.service_part)
        for name, change, cost in COSTS:
            transaction, *_ = advance(applied, change(state), {ObjectKey("ns", "s5")}, nft_rules.service_part)
            assert len(transaction) == cost, (name, transaction)


def test_the_first_service_by_name_has_an_external_ip_that_two_claim():
    claimants = [service(name, ip, externalIPs=["1.1.1.1"]) for name, ip in (("a", "10.96.0.1"), ("b", "10.96.0.2"))]
    state = snapshot(*claimants)
    table, applied = build(state, VIEW, BASE, nft_rules.service_part)
    id_ = ("unserved-ports", ("1.1.1.1", "tcp", 80))
    assert table.elements[id_].origin.subject == "ns/a:http"

    later = state.without_object(claimants[0])
    transaction, *_ = advance(applied, later, {ObjectKey("ns", "a")}, nft_rules.service_part)
    assert apply(transaction, table).elements[id_].origin.subject == "ns/b:http"


def test_clients_are_let_go_of_the_endpoint_that_went_and_of_no_other():
    def state(*octets):
        sticky = service(sessionAffinity="ClientIP")
        return snapshot(sticky, endpoint_slice([endpoint(f"10.0.0.{n}") for n in octets]))

    _, applied = build(state(1, 2), VIEW, BASE, nft_rules.service_part)
    change = advance(applied, state(2, 3), {ObjectKey("ns", "web")}, nft_rules.service_part)
    assert change.gone == {("clients-of-service/ns/web/tcp/http", Target("10.0.0.1", 8080))}
    change = advance(applied, snapshot(), {ObjectKey("ns", "web")}, nft_rules.service_part)
    assert change.gone == set()  # the map goes with the Service
