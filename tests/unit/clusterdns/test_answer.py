"""The answers for each kind of name, from the pure core; the table is in ``tests/support/dns_cases.py``."""

from dataclasses import replace

import dns.rdatatype
import pytest

from fairlead.clusterdns.answer import answer, unsynced_answer
from fairlead.clusterdns.changes import addresses
from fairlead.clusterdns.found import ZoneView
from fairlead.clusterdns.names import to_name, to_text
from fairlead.clusterdns.records import Answer, Question, Rcode, RRset, RRType
from fairlead.clusterdns.reverse import count_nodes
from fairlead.clusterdns.transfer import zone_records
from fairlead.clusterdns.zone import Outside, Zone, ZoneError
from fairlead.model.snapshot import ClusterSnapshot
from tests.support.dns_cases import (
    BIG,
    CASES,
    CLUSTER,
    IMPORTED,
    SUFFIX,
    ZONE,
    Case,
    endpoint,
    external,
    namespace,
    service,
    slice_,
    snapshot,
)

SNAPSHOT = snapshot()
IMPORTED_SNAPSHOT = snapshot([*map(namespace, ("testns", "emptyns", "default")), *IMPORTED])


def with_reverse_nodes(zone: Zone, objects=CLUSTER) -> Zone:
    nodes = zone.reverse_nodes
    for object_ in objects:
        nodes = count_nodes(nodes, (), addresses(object_))
    return replace(zone, reverse_nodes=nodes)


COMPLETE_ZONE = with_reverse_nodes(ZONE)


def ask(name: str, qtype: str, cluster: ClusterSnapshot = SNAPSHOT, zone: Zone = COMPLETE_ZONE) -> Answer:
    full = name if name.endswith(".") else f"{name}.{SUFFIX}"
    clusterset = ZoneView(IMPORTED_SNAPSHOT, zone.imported()) if zone.clusterset else None
    return answer(Question(to_name(full), int(dns.rdatatype.from_text(qtype))), ZoneView(cluster, zone, clusterset))


def data(rrsets: tuple[RRset, ...]) -> list[str]:
    """Record data in presentation form, sorted."""
    return sorted(line.split(" ", 4)[4] for rrset in rrsets for line in rrset.lines())


def described(found: Answer) -> str:
    """An answer in the notation of the table."""
    words = ", ".join(data(found.answer))
    if not any(rrset.rtype is not RRType.CNAME for rrset in found.answer) and found.authority:
        assert data(found.authority)[0].startswith(("ns.dns.cluster.local. hostmaster.", "ns.dns.clusterset.local. "))
        assert found.authority[0].owner == found.zone
        verdict = "NODATA" if found.rcode is Rcode.NOERROR else found.rcode.name
        return f"{verdict} {words}".rstrip()
    return words + (" | " + ", ".join(data(found.additional)) if found.additional else "")


def normal(expected: str) -> str:
    return " | ".join(", ".join(sorted(part.split(", "))) for part in expected.split(" | "))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_names_answer_as_the_table_says(case: Case):
    zone = replace(COMPLETE_ZONE, **case.options)
    for qtype in case.types.split():
        found = ask(case.full_name, qtype, zone=zone)
        assert described(found) == normal(case.expected), f"{case} gave {found}"


def test_a_headless_service_of_3000_gives_all_its_addresses():
    assert data(ask("big", "A").answer) == sorted(BIG)


def test_an_endpoint_that_turns_ready_appears_at_once():
    ready = SNAPSHOT.with_object(slice_("hd0", "172.0.0.90"))
    assert described(ask("hd0", "A", ready)) == "172.0.0.90"
    assert described(ask("172-0-0-90.hd0", "A", ready)) == "172.0.0.90"


def test_a_namespace_comes_and_goes():
    name = "nons.svc.cluster.local."
    there = SNAPSHOT.with_object(namespace("nons"))
    assert described(ask(name, "A", there)) == "NODATA"
    assert described(ask(name, "A", there.without_object(namespace("nons")))) == "NXDOMAIN"


def test_an_alias_leaves_the_zone_for_upstream():
    zone = replace(COMPLETE_ZONE, outside=Outside.FORWARD)
    found = ask("ext", "A", zone=zone)
    assert (found.rcode, found.outside) == (Rcode.NOERROR, ("www", "example", "com"))
    assert data(found.answer) == ["www.example.com."]


@pytest.mark.parametrize(
    ("outside", "rcode"), [(Outside.NXDOMAIN, Rcode.NXDOMAIN), (Outside.REFUSE, Rcode.NOERROR)], ids=str
)
def test_an_alias_without_an_upstream_server(outside, rcode):
    found = ask("ext", "A", zone=replace(COMPLETE_ZONE, outside=outside))
    assert (found.rcode, found.outside, data(found.answer)) == (rcode, None, ["www.example.com."])


def test_a_long_chain_of_aliases_is_cut():
    links = [external(f"link{n}", f"link{n + 1}.{SUFFIX}") for n in range(20)]
    assert described(ask("link0", "A", snapshot([*CLUSTER, *links]))) == "NODATA"


@pytest.mark.parametrize(
    ("outside", "rcode"), [(Outside.NXDOMAIN, Rcode.NXDOMAIN), (Outside.REFUSE, Rcode.REFUSED)], ids=str
)
def test_names_outside(outside, rcode):
    found = ask("www.example.com.", "A", zone=replace(COMPLETE_ZONE, outside=outside))
    assert found.rcode is rcode


def test_the_lab_denies_the_world_with_the_soa_of_the_root():
    assert ask("www.example.com.", "A").authority[0].owner == ()


def test_an_unknown_address_falls_through_to_upstream():
    zone = replace(COMPLETE_ZONE, outside=Outside.FORWARD)
    assert ask("8.8.8.8.in-addr.arpa.", "PTR", zone=zone).outside == to_name("8.8.8.8.in-addr.arpa")
    assert ask("nothing", "A", zone=zone).outside is None


@pytest.mark.parametrize("name", ["svc0", "svc1", "1.0.0.10.in-addr.arpa.", "cluster.example.cluster.local."])
def test_an_unsynced_server_never_denies(name):
    full = name if name.endswith(".") else f"{name}.{SUFFIX}"
    found = unsynced_answer(Question(to_name(full), RRType.A), ZoneView(ClusterSnapshot(), ZONE))
    assert found.rcode is Rcode.SERVFAIL
    assert found.authority[0].rtype is RRType.SOA


def test_the_apex_is_known_before_the_cluster_is():
    found = unsynced_answer(Question(ZONE.origin, RRType.SOA), ZoneView(ClusterSnapshot(), ZONE))
    assert [to_text(rrset.owner) for rrset in found.answer] == ["cluster.local."]


@pytest.mark.parametrize(("ttl", "soa_ttl"), [(0, 0), (30, 30), (3600, 300)])
def test_time_to_live(ttl, soa_ttl):
    zone = replace(COMPLETE_ZONE, ttl=ttl)
    assert ask("svc1", "A", zone=zone).answer[0].ttl == ttl
    negative = ask("svc1", "MX", zone=zone).authority[0]
    assert (negative.ttl, negative.data[0][-1]) == (soa_ttl, ttl)


@pytest.mark.parametrize("ttl", [-1, 3601])
def test_a_time_to_live_out_of_range_is_refused(ttl):
    with pytest.raises(ZoneError, match="ttl"):
        Zone(ttl=ttl)


def test_the_number_of_a_port_in_a_slice_may_be_absent():
    cluster = SNAPSHOT.with_object(service("all")).with_object(slice_("all", "172.0.7.1", ports=[{"name": "http"}]))
    assert described(ask("all", "SRV", cluster)) == "NODATA"


def test_a_pod_name_too_long_for_a_label_gives_way_to_the_address():
    cluster = SNAPSHOT.with_object(slice_("hd0", endpoint("172.0.0.90", pod="p" * 64)))
    zone = replace(COMPLETE_ZONE, endpoint_pod_names=True)
    assert described(ask("172-0-0-90.hd0", "A", cluster, zone)) == "172.0.0.90"


def test_a_transfer_has_the_records_of_all_names():
    records = list(zone_records(SNAPSHOT, COMPLETE_ZONE))
    assert records[0] == records[-1] == COMPLETE_ZONE.soa(ZONE.origin)
    by_name: dict = {}
    for rrset in records[1:-1]:
        by_name.setdefault((rrset.owner, rrset.rtype), []).extend(rrset.data)
    for (owner, rtype), listed in by_name.items():
        answered = answer(Question(owner, rtype), ZoneView(SNAPSHOT, COMPLETE_ZONE)).answer
        assert listed == list(answered[0].data), f"{to_text(owner)} {rtype.name}"
    wanted = {(to_name(f"{name}.{SUFFIX}"), rtype) for name, rtype in (("svc1", RRType.A), ("_a._tcp.two", RRType.SRV))}
    assert wanted <= by_name.keys()


def test_the_host_name_of_a_pod_comes_first_among_its_names():
    """Erlang's distribution, and so RabbitMQ, takes the first name of its address for its own; the order is steady."""
    shared = "10.1.9.1"
    objects = [
        namespace("testns"),
        service("aaa", "10.0.7.1"),
        service("rabbit-nodes", ""),
        service("zzz", "10.0.7.2"),
        slice_("aaa", shared),
        slice_("rabbit-nodes", endpoint(shared, "rabbit-0")),
        slice_("zzz", shared),
    ]
    for order in (objects, objects[::-1]):
        found = ask("1.9.1.10.in-addr.arpa.", "PTR", snapshot(order))
        assert [to_text(target.name) for target in found.answer[0].data] == [
            f"rabbit-0.rabbit-nodes.{SUFFIX}",
            f"10-1-9-1.aaa.{SUFFIX}",
            f"10-1-9-1.zzz.{SUFFIX}",
        ]


@pytest.mark.parametrize("label", ["fe80--1%eth0", "fe80--1%25eth0", "1-2-3-4%1"])
def test_a_zone_id_spells_no_address(label):
    assert ask(f"{label}.testns.pod.cluster.local.", "AAAA").rcode is Rcode.NXDOMAIN


def test_only_the_first_address_of_an_endpoint_is_published():
    """The API says of the others that they mean nothing, and node proxies do not look at them."""
    both = {**endpoint("10.1.9.1"), "addresses": ["10.1.9.1", "10.1.9.2"]}
    cluster = snapshot([namespace("testns"), service("two", ""), slice_("two", both)])
    assert data(ask("two", "A", cluster).answer) == ["10.1.9.1"]
