"""A change sends only what it changes, and leads to what a fresh start would have made."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.dataplane import iptables_rules, nft_rules, nft_skeleton
from fairlead.dataplane.balancing import BALANCING_ANNOTATION, WEIGHTS_ANNOTATION
from fairlead.dataplane.conntrack import Flow
from fairlead.dataplane.forwarding import plan_service
from fairlead.dataplane.incremental import advance, build
from fairlead.dataplane.node_view import NodeSettings, view_node
from fairlead.dataplane.service_ports import forwarded_ports
from fairlead.model.addresses import IPFamily
from fairlead.model.names import ObjectKey
from fairlead.model.objects import PROXY_NAME_LABEL
from fairlead.model.snapshot import ClusterSnapshot
from fairlead.netfilter.iptables_text import render_difference
from fairlead.netfilter.ruleset import (
    Chain,
    ChainHook,
    Drop,
    Element,
    Field,
    Goto,
    Hook,
    InSet,
    Jump,
    Lookup,
    NamedSet,
    Rule,
    SetKind,
    Table,
    Target,
    TranslateAsRemembered,
)
from fairlead.netfilter.transaction import apply, diff
from tests.support.proxy_objects import endpoint, endpoint_slice, node, service, snapshot

VIEW = view_node(
    NodeSettings(cluster_cidrs=("10.0.0.0/8",), service_cidrs=("10.96.0.0/16",)), "here", node(), (), IPFamily.IPV4
)
BASE = nft_skeleton.skeleton(VIEW)

# Every field of a Service that may change and that rules depend on.
WEB_PORT = ("http", 80)
ports = st.sampled_from(
    [
        (WEB_PORT,),
        (("http", 80, "TCP", 30080), ("dns", 53, "UDP")),
        (("http", 81, "TCP", 30081),),
        (("dns", 53, "UDP"),),
    ]
)
timeouts = st.sampled_from([1, 60, 10800, 86400])
load_balancers = st.lists(
    st.fixed_dictionaries({"ip": st.sampled_from(["1.2.3.4", "1.1.1.1"]), "ipMode": st.sampled_from(["VIP", "Proxy"])}),
    max_size=2,
)
services = st.builds(
    service,
    name=st.sampled_from("ab"),
    ip=st.sampled_from(["10.96.0.1", "10.96.0.2", "None"]),
    ports=ports,
    type=st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer"]),
    externalIPs=st.lists(st.sampled_from(["1.1.1.1", "1.1.1.2", "10.96.0.1"]), max_size=2, unique=True),
    loadBalancerSourceRanges=st.sampled_from([[], ["10.0.0.0/8"], ["192.168.0.0/16", "1.0.0.0/8"]]),
    sessionAffinity=st.sampled_from(["None", "ClientIP", "ClientIP"]),
    sessionAffinityConfig=timeouts.map(lambda seconds: {"clientIP": {"timeoutSeconds": seconds}}),
    externalTrafficPolicy=st.sampled_from(["Cluster", "Local"]),
    internalTrafficPolicy=st.sampled_from(["Cluster", "Local"]),
    status=load_balancers.map(lambda ingress: {"loadBalancer": {"ingress": ingress}}),
    labels=st.sampled_from([{}, {}, {}, {PROXY_NAME_LABEL: "other"}]),
    annotations=st.sampled_from([{}, {BALANCING_ANNOTATION: "source-hash"}, {WEIGHTS_ANNOTATION: "10.0.0.1=3"}]),
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
@settings(max_examples=60)
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
@settings(max_examples=60)
def test_a_difference_leads_from_one_table_to_the_other(before, after):
    old, _ = build(snapshot(*(o for _, o in before)), VIEW, BASE, nft_rules.service_part)
    new, _ = build(snapshot(*(o for _, o in after)), VIEW, BASE, nft_rules.service_part)
    assert apply(diff(old, new), old) == new
    assert apply(diff(Table(), new), Table()) == new
    assert diff(new, new) == ()


DECLARATIONS = {
    "timeout": NamedSet("m", (Field.SOURCE,), SetKind.TARGET_MAP, timeout=5),
    "another timeout": NamedSet("m", (Field.SOURCE,), SetKind.TARGET_MAP, timeout=6),
    "a set": NamedSet("m", (Field.SOURCE,)),
    "verdicts": NamedSet("m", (Field.SOURCE,), SetKind.VERDICT_MAP),
}
HOOKS = {
    "none": None,
    "filter": ChainHook("filter", Hook.INPUT, 0),
    "nat": ChainHook("nat", Hook.PREROUTING, -100),
}


def table_of(declaration, hook):
    """A set that a rule refers to, and a chain that a rule and an element lead to, unless it has a hook."""
    set_, attachment = DECLARATIONS[declaration], HOOKS[hook]
    uses = {
        "a set": Rule((InSet((Field.SOURCE,), "m"),), (Drop(),)),
        "verdicts": Rule((), (Lookup((Field.SOURCE,), "m"),)),
    }.get(declaration, Rule((), (TranslateAsRemembered("m"),)))
    leads = () if attachment else (Rule((), (Jump("moves"),)),)
    chains = [Chain("moves", (uses,), attachment), Chain("stays", (uses, *leads))]
    element = {"a set": Element(), "verdicts": Element(Drop() if attachment else Goto("moves"))}.get(declaration)
    elements = {("m", ("1.1.1.1",)): element} if element else {}
    return Table({chain.name: chain for chain in chains}, {"m": set_}, elements)


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(itertools.product(DECLARATIONS, HOOKS), 2)))
def test_each_declaration_can_become_each_other(before, after):
    old, new = table_of(*before), table_of(*after)
    assert apply(diff(old, new), old) == new


DNS = (("http", 80), ("dns", 53, "UDP"))


def many_services(count):
    """Services s0, s1 and so on with an endpoint here and one elsewhere; s0 has one only, s6 has a UDP port too."""
    objects = []
    for i in range(count):
        ports = DNS if i == 6 else DNS[:1]
        objects.append(service(f"s{i}", f"10.96.{i // 250}.{i % 250 + 1}", ports))
        addresses = [endpoint(f"10.1.{i // 250}.{i % 250}"), endpoint(f"10.2.{i // 250}.{i % 250}", "there")]
        objects.append(endpoint_slice(addresses[: 2 - (i == 0)], f"s{i}", (("http", 8080), ("dns", 5353, "UDP"))))
    return ClusterSnapshot.of(objects)


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
        lambda s: s.with_object(endpoint_slice([endpoint("10.0.9.9"), endpoint("10.2.0.5", "there")], "s5")),
        4,
    ),
    # lead, two slots and a hairpin deleted, a refusal added
    ("all endpoints gone", lambda s: s.with_object(endpoint_slice([], "s5")), 5),
    # lead, two slots, the hairpin, the cluster IP
    ("the Service gone", lambda s: s.without_object(s.services[ObjectKey("ns", "s5")]), 5),
]


SIZES = (10, 10_000)  # Services


@pytest.fixture(scope="module", params=SIZES, ids="{} Services".format)
def cluster(request):
    return many_services(request.param)


@pytest.fixture(scope="module")
def applied(cluster):
    return build(cluster, VIEW, BASE, nft_rules.service_part)[1]


@pytest.mark.parametrize(("change", "cost"), [c[1:] for c in COSTS], ids=[c[0] for c in COSTS])
def test_with_nft_a_change_costs_the_same_in_a_cluster_of_any_size(cluster, applied, change, cost):
    planned = []

    def emit(plans, view):
        planned.append(plans)
        return nft_rules.service_part(plans, view)

    transaction, *_ = advance(applied, change(cluster), {ObjectKey("ns", "s5")}, emit)
    assert len(transaction) == cost, transaction
    assert len(planned) == 2  # the Service as it was and as it is; no other is looked at


def test_a_change_deletes_only_the_flows_of_removed_endpoints(cluster, applied):
    """Each pattern is one command to conntrack: here the UDP port's one address, and its one endpoint that goes."""
    later = cluster.with_object(endpoint_slice([endpoint("10.1.0.6")], "s6", (("http", 8080), ("dns", 5353, "UDP"))))
    stale = advance(applied, later, {ObjectKey("ns", "s6")}, nft_rules.service_part).stale
    assert stale == {Flow("10.96.0.7", 53, Target("10.2.0.6", 5353))}
    tcp_only = cluster.with_object(endpoint_slice([endpoint("10.1.0.5")], "s5"))
    assert not advance(applied, tcp_only, {ObjectKey("ns", "s5")}, nft_rules.service_part).stale


# what changes in Service s5 -> how many lines of iptables-restore, without those that begin and end a table
IPTABLES_COSTS = [
    ("nothing", lambda s: s, 0),
    # the service's chain (declared, the masquerade rule, one jump), the endpoint's chain emptied and deleted
    ("an endpoint gone", lambda s: s.with_object(endpoint_slice([endpoint("10.1.0.5")], "s5")), 5),
    # the service's chain with two jumps; one endpoint's chain with its two rules, the other's emptied and deleted
    (
        "another endpoint",
        lambda s: s.with_object(endpoint_slice([endpoint("10.0.9.9"), endpoint("10.2.0.5", "there")], "s5")),
        9,
    ),
]


@pytest.fixture(scope="module")
def contributions(cluster):
    return {key: contribution(cluster, key) for key in sorted(cluster.services)}


def contribution(state, key):
    return iptables_rules.contribute(plan_service(state, key, VIEW), VIEW)


@pytest.mark.parametrize(("change", "cost"), [c[1:] for c in IPTABLES_COSTS], ids=[c[0] for c in IPTABLES_COSTS])
def test_with_iptables_too(cluster, contributions, change, cost):
    key = ObjectKey("ns", "s5")
    changed = {**contributions, key: contribution(change(cluster), key)}
    old, new = (iptables_rules.assemble(parts.values(), VIEW) for parts in (contributions, changed))
    lines = render_difference(old, new).splitlines()
    assert len([line for line in lines if line[0] in ":-"]) == cost, lines


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


def test_a_clients_endpoint_is_found_by_as_many_look_ups_whatever_endpoints_there_are():
    def rules_on_the_way(count):
        listed = endpoint_slice([endpoint(f"10.0.0.{n}") for n in range(1, count + 1)])
        table, _ = build(snapshot(service(sessionAffinity="ClientIP"), listed), VIEW, BASE, nft_rules.service_part)
        return max(len(chain.rules) for name, chain in table.chains.items() if name not in BASE.chains)

    assert rules_on_the_way(100) == rules_on_the_way(2)


def breaking(is_broken):
    """An emitter that cannot do certain service ports."""

    def emit(plans, view):
        if any(is_broken(plan.port) for plan in plans):
            raise LookupError("a fault put here")
        return nft_rules.service_part(plans, view)

    return emit


def asks_for_a_minute(port):
    return port.affinity_seconds == 60


@given(changes, changes)
@settings(max_examples=100)
def test_services_that_cannot_be_planned_stay_as_they_were_and_heal(before, after):
    """Those that ask for an affinity of a minute; when that can be planned, all is as if nothing had been."""
    state, broken = snapshot(), breaking(asks_for_a_minute)
    table, applied = build(state, VIEW, BASE, broken)
    for put, object_ in (*before, *after):
        state = state.with_object(object_) if put else state.without_object(object_)
        standing = {key: applied.snapshot_of(key) for key in applied.held}
        transaction, applied, *_ = advance(applied, state, {changed_by(object_), *applied.held}, broken)
        table = apply(transaction, table)
        cannot = {k for k, s in state.services.items() if any(map(asks_for_a_minute, forwarded_ports(s, VIEW.family)))}
        assert set(applied.held) == cannot
        assert all(applied.snapshot_of(key) is standing[key] for key in cannot & standing.keys())
    transaction, applied, *_ = advance(applied, state, set(applied.held), nft_rules.service_part)
    assert (apply(transaction, table), applied) == build(state, VIEW, BASE, nft_rules.service_part)


def is_s5(port):
    return port.name.service.name == "s5"


def test_a_service_that_cannot_be_planned_at_a_start_is_left_out_and_no_other():
    whole, _ = build(many_services(10), VIEW, BASE, nft_rules.service_part)
    table, applied = build(many_services(10), VIEW, BASE, breaking(is_s5))
    assert set(applied.held) == {ObjectKey("ns", "s5")}
    missing = whole.elements.keys() - table.elements.keys()
    assert missing
    assert {whole.elements[id_].origin.subject.partition(":")[0] for id_ in missing} == {"ns/s5"}
    again, _ = build(many_services(10), VIEW, BASE, breaking(is_s5), before=applied)
    assert again == table


def test_a_service_that_cannot_be_planned_any_more_stays_when_everything_is_looked_at():
    whole, applied = build(many_services(10), VIEW, BASE, nft_rules.service_part)
    calls = iter([True])

    def once(plans, view):
        if any(is_s5(plan.port) for plan in plans) and next(calls, False):
            raise LookupError("a fault put here")
        return nft_rules.service_part(plans, view)

    table, later = build(many_services(10), VIEW, BASE, once, before=applied)
    assert table == whole
    assert set(later.held) == {ObjectKey("ns", "s5")}
