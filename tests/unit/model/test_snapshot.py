"""The snapshot's indexes always say what its objects say, whatever came and went before."""

from hypothesis import given
from hypothesis import strategies as st

from fairlead.model.decode import decode
from fairlead.model.objects import EndpointSlice, Service
from fairlead.model.snapshot import ClusterSnapshot

ADDRESSES = ["10.0.0.1", "10.0.0.2", "fd00::1"]


def service(name: str, ips: list[str]) -> Service:
    return decode(Service, {"metadata": {"name": name, "namespace": "ns"}, "spec": {"clusterIPs": ips}})


def endpoint_slice(name: str, owner: str, addresses: list[str]) -> EndpointSlice:
    labels = {"kubernetes.io/service-name": owner} if owner else {}
    endpoints = [{"addresses": [a]} for a in addresses]
    metadata = {"name": name, "namespace": "ns", "labels": labels}
    return decode(EndpointSlice, {"metadata": metadata, "addressType": "IPv4", "endpoints": endpoints})


names = st.sampled_from(["a", "b"])
addresses = st.lists(st.sampled_from(ADDRESSES), max_size=3)
objects = st.builds(service, names, addresses) | st.builds(
    endpoint_slice, names, st.sampled_from(["", "a", "b"]), addresses
)


@given(st.lists(st.tuples(st.booleans(), objects), max_size=20))
def test_indexes_follow_the_objects(changes):
    snapshot = ClusterSnapshot()
    for put, object_ in changes:
        snapshot = snapshot.with_object(object_) if put else snapshot.without_object(object_)

    by_ip: dict = {}
    for s in snapshot.services.values():
        for ip in s.cluster_ips:
            by_ip.setdefault(ip, set()).add(s.key)
    assert {ip: set(keys) for ip, keys in snapshot.services_by_ip.items()} == by_ip

    by_endpoint: dict = {}
    for owner, slices in snapshot.slices.items():
        for slice_ in slices.values():
            for address in {a for e in slice_.endpoints or () for a in e.addresses}:
                counts = by_endpoint.setdefault(address, {})
                counts[owner] = counts.get(owner, 0) + 1
    assert {a: dict(counts) for a, counts in snapshot.services_by_endpoint.items()} == by_endpoint


@given(st.lists(objects, max_size=10, unique_by=lambda o: (type(o), o.key)))
def test_many_objects_at_once_make_what_they_make_one_by_one(added):
    snapshot = ClusterSnapshot()
    for object_ in added:
        snapshot = snapshot.with_object(object_)
    assert ClusterSnapshot.of(added) == snapshot


@given(st.lists(objects, max_size=10))
def test_removing_everything_leaves_nothing(added):
    snapshot = ClusterSnapshot()
    for object_ in added:
        snapshot = snapshot.with_object(object_)
    for object_ in added:
        snapshot = snapshot.without_object(object_)
    assert snapshot == ClusterSnapshot()


def test_a_change_does_not_modify_the_earlier_snapshot():
    before = ClusterSnapshot().with_object(service("a", ["10.0.0.1"]))
    after = before.with_object(service("a", ["10.0.0.2"]))
    assert list(before.services_by_ip) == ["10.0.0.1"]
    assert list(after.services_by_ip) == ["10.0.0.2"]
