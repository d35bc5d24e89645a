"""One cluster, and what every kind of name in it must answer.

The table is read twice: against the pure core, and through a real socket over UDP and TCP. A question is a name and a
type; the name is completed with ``testns.svc.cluster.local`` unless it ends in a dot. An expectation is ``NXDOMAIN``,
``NODATA``, or the record data of the answer section, in any order, separated by commas; after a bar, the data of the
additional section. Negative answers must carry the zone's SOA, which the runner checks.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from fairlead.clusterdns.authority import Authority
from fairlead.clusterdns.clusterset import (
    IMPORTED_NAME_LABEL,
    SOURCE_CLUSTER_LABEL,
    ServiceImport,
    service_of,
    slice_of,
)
from fairlead.clusterdns.zone import Outside, PodsMode, Zone
from fairlead.model.decode import decode
from fairlead.model.objects import EndpointSlice, Namespace, Object, Pod, Service
from fairlead.model.snapshot import ClusterSnapshot

SUFFIX = "testns.svc.cluster.local."
HTTP = [{"name": "http", "protocol": "TCP", "port": 80}]


def service(name: str, ips: str = "", ports: Any = HTTP, namespace: str = "testns", **spec: Any) -> Service:
    """A Service; without IPs it is headless."""
    addresses = ips.split() or ["None"]
    spec = {"clusterIP": addresses[0], "clusterIPs": addresses, "ports": ports, **spec}
    return decode(Service, {"metadata": {"name": name, "namespace": namespace}, "spec": spec})


def external(name: str, target: str) -> Service:
    spec = {"type": "ExternalName", "externalName": target}
    return decode(Service, {"metadata": {"name": name, "namespace": "testns"}, "spec": spec})


def endpoint(
    address: str, hostname: str | None = None, pod: str = "", zone: str | None = None, **conditions: Any
) -> dict[str, Any]:
    found: dict[str, Any] = {"addresses": [address], "conditions": conditions, "zone": zone}
    if hostname:
        found["hostname"] = hostname
    if pod:
        found["targetRef"] = {"kind": "Pod", "name": pod}
    return found


def slice_(owner: str, *endpoints: Any, ports: Any = HTTP, number: int = 0, family: str = "IPv4") -> EndpointSlice:
    """A slice; endpoints may be given as bare addresses."""
    full = [endpoint(e) if isinstance(e, str) else e for e in endpoints]
    labels = {"kubernetes.io/service-name": owner} if owner else {}
    document = {
        "metadata": {"name": f"{owner}-{number}", "namespace": "testns", "labels": labels},
        "addressType": family,
        "endpoints": full,
        "ports": ports,
    }
    return decode(EndpointSlice, document)


def service_import(name: str, *ips: str) -> Service:
    """What an import stands for; without IPs it is headless."""
    spec = {"type": "ClusterSetIP" if ips else "Headless", "ips": ips, "ports": HTTP}
    return service_of(decode(ServiceImport, {"metadata": {"name": name, "namespace": "testns"}, "spec": spec}))


def imported_slice(owner: str, cluster: str, *endpoints: Any) -> EndpointSlice:
    """A slice as another cluster's controller writes it, read as one of the import."""
    labels = {IMPORTED_NAME_LABEL: owner, SOURCE_CLUSTER_LABEL: cluster}
    made = slice_("", *endpoints)
    metadata = msgspec.structs.replace(made.metadata, name=f"{owner}-{cluster}", labels=labels)
    found = slice_of(msgspec.structs.replace(made, metadata=metadata))
    assert found is not None
    return found


def namespace(name: str) -> Namespace:
    return decode(Namespace, {"metadata": {"name": name}})


def pod(name: str, ip: str, phase: str = "Running", namespace: str = "testns") -> Pod:
    return decode(Pod, {"metadata": {"name": name, "namespace": namespace}, "status": {"podIP": ip, "phase": phase}})


def port(name: str, number: int, protocol: str = "TCP") -> dict[str, Any]:
    return {"name": name, "port": number, "protocol": protocol}


BIG = [f"172.16.{n // 250}.{n % 250 + 1}" for n in range(3000)]

CLUSTER: list[Object] = [
    namespace("testns"),
    namespace("emptyns"),
    namespace("default"),
    service("svc1", "10.0.0.1"),
    slice_("svc1", endpoint("172.0.0.1", "ep1a"), "172.0.0.11"),
    service("svcempty", "10.0.0.4"),
    slice_("svcempty", endpoint("172.0.0.40", ready=False)),
    service("svc6", "1234:abcd::1"),
    service("dual", "10.0.0.3 fd00:10::3"),
    service("multi", "10.0.0.2", [port("http", 80), port("dns", 53, "UDP"), port("dns-tcp", 53)]),
    service("unnamed", "10.0.0.5", [port("", 8080)]),
    service("noport", "10.0.0.9", []),
    service("hdls"),
    slice_(
        "hdls",
        endpoint("172.0.0.2", zone="us-a"),
        endpoint("172.0.0.3", pod="pod-3", zone="US-A"),
        endpoint("172.0.0.4", "dup", ready=True, zone="rack.us-b"),
        endpoint("172.0.0.5", "dup"),
        endpoint("172.0.0.6", ready=False, zone="us-c"),
        endpoint("172.0.0.7", ready=None),
        endpoint("172.0.0.8", ready=False, serving=True, terminating=True),
    ),
    service("hd0"),
    slice_("hd0", endpoint("172.0.0.90", ready=False)),
    service("pubnr"),
    slice_("pubnr", endpoint("172.0.9.1", ready=False)),
    service("hdnp", ports=[]),
    slice_("hdnp", "172.0.0.20", ports=None),
    service("hd6"),
    slice_("hd6", "fd00::1", "fd00:1:2::", family="IPv6"),
    service("hdd"),
    slice_("hdd", endpoint("172.0.0.30", "h0")),
    slice_("hdd", endpoint("fd00:30::30", "h0"), number=1, family="IPv6"),
    service("lb", "10.0.0.6", type="LoadBalancer", externalIPs=["5.6.7.8"]),
    service("np", "10.0.0.7", [{**port("http", 80), "nodePort": 30080}], type="NodePort"),
    external("ext", "www.example.com"),
    external("ext2svc", "svc1.testns.svc.cluster.local"),
    external("ext2gone", "gone.testns.svc.cluster.local"),
    external("extip", "9.9.9.9"),
    external("loopa", "loopb.testns.svc.cluster.local"),
    external("loopb", "loopa.testns.svc.cluster.local"),
    external("self", "self.testns.svc.cluster.local"),
    service("big"),
    *(slice_("big", *BIG[n * 100 : n * 100 + 100], number=n) for n in range(30)),
    service("two"),
    slice_("two", "172.0.2.1", "172.0.2.2", "172.0.2.3", ports=[port("a", 1000), port("b", 2000)]),
    service("target", ports=[{**port("http", 80), "targetPort": 8080}]),
    slice_("target", "172.0.3.1", ports=[port("http", 8080)]),
    service("twice"),
    slice_("twice", "172.0.4.1", "172.0.4.2"),
    slice_("twice", "172.0.4.1", number=1),
    slice_("ghost", "172.0.5.1"),
    slice_("", "172.0.5.2"),
    service("fqdn"),
    slice_("fqdn", "host.example.com", family="FQDN"),
    service("manual"),
    slice_("manual", endpoint("172.0.6.1", "a"), "172.0.6.2"),
    service("shared-a"),
    slice_("shared-a", endpoint("fd00:77:30::a", "x"), family="IPv6"),
    service("shared-b"),
    slice_("shared-b", "fd00:77:30::a", family="IPv6"),
    pod("alive", "10.240.0.1"),
    pod("elsewhere", "10.240.0.2", namespace="default"),
    pod("finished", "10.240.0.3", phase="Succeeded"),
    external("ext2set", "vip.testns.svc.clusterset.local"),
]

# What the clusters "cluster1" and "cluster2" export, as the Multi-Cluster Services API imports it.
IMPORTED: list[Object] = [
    service_import("hdls"),
    imported_slice("hdls", "cluster1", "172.0.0.2", endpoint("172.1.0.4", "dup"), endpoint("172.1.0.6", ready=False)),
    imported_slice("hdls", "Cluster2", endpoint("172.2.0.4", "dup")),
    service_import("vip", "10.8.0.1", "fd00:8::1"),
    imported_slice("vip", "cluster1", "172.1.0.9"),
    service_import("none"),
]


def filled(authority: Authority) -> Authority:
    """The authority with everything above, not yet told that this is all."""
    for object_ in CLUSTER:
        authority.change(None, object_, 0)
    for object_ in IMPORTED:
        authority.change(None, object_, 0, imported=True)
    return authority


def snapshot(objects: list[Object] = CLUSTER) -> ClusterSnapshot:
    cluster = ClusterSnapshot()
    for object_ in objects:
        cluster = cluster.with_object(object_)
    return cluster


ZONE = Zone(ttl=5, outside=Outside.NXDOMAIN)


@dataclass(frozen=True)
class Case:
    """Types are separated by spaces; each must answer as expected. ``options`` are settings of the zone."""

    number: int
    name: str
    types: str
    expected: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return self.name if self.name.endswith(".") else f"{self.name}.{SUFFIX}"

    def __str__(self) -> str:
        return f"{self.number}: {self.name} {self.types}"


def srv(weight: int, number: int, name: str) -> str:
    return f"0 {weight} {number} {name}.{SUFFIX}"


_HDLS_SRV = ", ".join(srv(20, 80, f"{n}.hdls") for n in ("172-0-0-2", "172-0-0-3", "dup", "172-0-0-7"))
_HDLS = "172.0.0.2, 172.0.0.3, 172.0.0.4, 172.0.0.5, 172.0.0.7"
_TWO = ", ".join(srv(16, n, f"172-0-2-{i}.two") for n in (1000, 2000) for i in (1, 2, 3))
_DISABLED = {"pods": PodsMode.DISABLED}
_VERIFIED = {"pods": PodsMode.VERIFIED}
_PODS = "testns.pod.cluster.local."
_ZONAL = {"zonal": True}
_US_A = ", ".join(srv(50, 80, f"{n}.hdls") for n in ("172-0-0-2", "172-0-0-3"))
_SET = {"clusterset": ("clusterset", "local")}
_IN_SET = "testns.svc.clusterset.local."
_SET_SOA = "ns.dns.clusterset.local. hostmaster.clusterset.local."
_SET_ENDPOINTS = ", ".join(
    f"0 33 80 {name}.hdls.{_IN_SET}" for name in ("172-0-0-2.cluster1", "dup.cluster1", "dup.cluster2")
)
_IP6 = "a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.0.0.7.7.0.0.0.0.d.f.ip6.arpa."

CASES = [
    Case(1, "svc1", "A", "10.0.0.1"),
    Case(1, "svc1", "AAAA", "NODATA"),
    Case(2, "svc1", "MX HTTPS ANY DS NS SOA TXT CNAME PTR", "NODATA"),
    Case(3, "svcempty", "A", "10.0.0.4"),
    Case(3, "svcempty", "A", "NXDOMAIN", {"ignore_empty": True}),
    Case(4, "svc6", "AAAA", "1234:abcd::1"),
    Case(4, "svc6", "A", "NODATA"),
    Case(5, "dual", "A", "10.0.0.3"),
    Case(5, "dual", "AAAA", "fd00:10::3"),
    Case(6, "dual", "SRV", f"{srv(50, 80, 'dual')} | 10.0.0.3, fd00:10::3"),
    Case(7, "_http._tcp.svc1", "SRV", f"{srv(100, 80, 'svc1')} | 10.0.0.1"),
    Case(8, "_http._udp.svc1", "SRV", "NXDOMAIN"),
    Case(8, "_nope._tcp.svc1", "SRV", "NXDOMAIN"),
    Case(9, "_dns._udp.multi", "SRV", f"{srv(100, 53, 'multi')} | 10.0.0.2"),
    Case(9, "_dns._tcp.multi", "SRV", "NXDOMAIN"),
    Case(10, "multi", "SRV", f"{srv(33, 80, 'multi')}, {srv(33, 53, 'multi')} | 10.0.0.2"),
    Case(11, "unnamed", "SRV", f"{srv(100, 8080, 'unnamed')} | 10.0.0.5"),
    Case(11, "_._tcp.unnamed", "SRV", "NXDOMAIN"),
    Case(12, "noport", "A", "10.0.0.9"),
    Case(12, "noport", "SRV", "NODATA"),
    Case(13, "_udp.multi", "SRV A", "NODATA"),
    Case(14, "_http._tcp.svc1", "A", "NODATA"),
    Case(15, "__http._tcp.svc1", "SRV", "NXDOMAIN"),
    Case(16, "ep1a.svc1", "A", "172.0.0.1"),
    Case(16, "172-0-0-11.svc1", "A", "172.0.0.11"),
    Case(16, "172-0-0-99.svc1", "A", "NXDOMAIN"),
    Case(17, "172-0-0-1.svc1", "A", "NXDOMAIN"),
    Case(18, "172-0-0-11.svc1", "SRV", f"{srv(100, 80, '172-0-0-11.svc1')} | 172.0.0.11"),
    Case(19, "svc0", "A AAAA TXT", "NXDOMAIN"),
    Case(20, "bogus.svc0", "A", "NXDOMAIN"),
    Case(20, "bogus.hdls", "A", "NXDOMAIN"),
    Case(21, "hdls", "A", _HDLS),
    Case(22, "hdls", "AAAA", "NODATA"),
    Case(23, "hdls", "SRV", f"{_HDLS_SRV} | {_HDLS}"),
    Case(23, "_http._tcp.hdls", "SRV", f"{_HDLS_SRV} | {_HDLS}"),
    Case(24, "dup.hdls", "A", "172.0.0.4, 172.0.0.5"),
    Case(25, "172-0-0-6.hdls", "A", "NXDOMAIN"),
    Case(26, "pod-3.hdls", "A", "172.0.0.3", {"endpoint_pod_names": True}),
    Case(26, "172-0-0-3.hdls", "A", "NXDOMAIN", {"endpoint_pod_names": True}),
    Case(26, "pod-3.hdls", "A", "NXDOMAIN"),
    Case(26, "172-0-0-3.hdls", "A", "172.0.0.3"),
    Case(27, "hd0", "A AAAA SRV", "NXDOMAIN"),
    Case(28, "hdnp", "A", "172.0.0.20"),
    Case(28, "172-0-0-20.hdnp", "A", "172.0.0.20"),
    Case(28, "hdnp", "SRV", "NODATA"),
    Case(29, "hd6", "AAAA", "fd00::1, fd00:1:2::"),
    Case(29, "hd6", "A", "NODATA"),
    Case(29, "fd00--1.hd6", "AAAA", "fd00::1"),
    Case(29, "fd00-1-2--0.hd6", "AAAA", "fd00:1:2::"),
    Case(30, "h0.hdd", "A", "172.0.0.30"),
    Case(30, "h0.hdd", "AAAA", "fd00:30::30"),
    Case(30, "hdd", "SRV", f"{srv(50, 80, 'h0.hdd')} | 172.0.0.30, fd00:30::30"),
    Case(31, "two", "SRV", f"{_TWO} | 172.0.2.1, 172.0.2.2, 172.0.2.3"),
    Case(32, "target", "SRV", f"{srv(100, 8080, '172-0-3-1.target')} | 172.0.3.1"),
    Case(33, "twice", "A", "172.0.4.1, 172.0.4.2"),
    Case(33, "1.4.0.172.in-addr.arpa.", "PTR", f"172-0-4-1.twice.{SUFFIX}"),
    Case(34, "ghost", "A", "NXDOMAIN"),
    Case(34, "172-0-5-1.ghost", "A", "NXDOMAIN"),
    Case(34, "1.5.0.172.in-addr.arpa.", "PTR", "NXDOMAIN"),
    Case(34, "2.5.0.172.in-addr.arpa.", "PTR", "NXDOMAIN"),
    Case(35, "fqdn", "A CNAME", "NXDOMAIN"),
    Case(36, "manual", "A", "172.0.6.1, 172.0.6.2"),
    Case(36, "a.manual", "A", "172.0.6.1"),
    Case(37, "np", "A", "10.0.0.7"),
    Case(37, "np", "SRV", f"{srv(100, 80, 'np')} | 10.0.0.7"),
    Case(37, "lb", "A", "10.0.0.6"),
    Case(40, "ext", "CNAME", "www.example.com."),
    Case(40, "ext", "SRV TXT MX", "NODATA"),
    Case(43, "endpoint.ext", "CNAME", "NXDOMAIN"),
    Case(43, "a.b.ext", "A", "NXDOMAIN"),
    Case(43, "_http._tcp.ext", "SRV", "NXDOMAIN"),
    Case(44, "ext2svc", "A", f"svc1.{SUFFIX}, 10.0.0.1"),
    Case(44, "ext2svc", "AAAA", f"NODATA svc1.{SUFFIX}"),
    Case(45, "ext2gone", "A", f"NXDOMAIN gone.{SUFFIX}"),
    Case(46, "extip", "A CNAME", "NXDOMAIN"),
    Case(47, "loopa", "A", "NODATA"),
    Case(47, "self", "A", "NODATA"),
    Case(47, "self", "CNAME", f"self.{SUFFIX}"),
    Case(48, "ext2svc", "A", f"svc1.{SUFFIX}, 10.0.0.1", {"ignore_empty": True}),
    Case(49, "svc.cluster.local.", "A NS TXT", "NODATA"),
    Case(49, "pod.cluster.local.", "A NS TXT", "NODATA"),
    Case(49, "testns.svc.cluster.local.", "A NS TXT", "NODATA"),
    Case(49, "emptyns.svc.cluster.local.", "A NS TXT", "NODATA"),
    Case(49, "testns.pod.cluster.local.", "A NS TXT", "NODATA"),
    Case(50, "nons.svc.cluster.local.", "A", "NXDOMAIN"),
    Case(50, "x.nons.svc.cluster.local.", "A", "NXDOMAIN"),
    Case(50, "nons.pod.cluster.local.", "A", "NXDOMAIN"),
    Case(50, "foo.cluster.local.", "A", "NXDOMAIN"),
    Case(52, "svc1", "A", "NXDOMAIN", {"namespaces": frozenset({"default"})}),
    Case(52, "1.0.0.10.in-addr.arpa.", "PTR", "NXDOMAIN", {"namespaces": frozenset({"default"})}),
    Case(52, "11.0.0.172.in-addr.arpa.", "PTR", "NXDOMAIN", {"namespaces": frozenset({"default"})}),
    Case(53, "*", "A", "NXDOMAIN"),
    Case(53, "*.*.svc.cluster.local.", "SRV", "NXDOMAIN"),
    Case(54, "a.b.c.svc1", "A", "NXDOMAIN"),
    Case(54, "webs.testns.pood.cluster.local.", "A", "NXDOMAIN"),
    Case(55, f"10-240-0-1.{_PODS}", "A", "NXDOMAIN", _DISABLED),
    Case(55, f"10-240-0-1.{_PODS}", "A", "10.240.0.1"),
    Case(55, f"10-240-0-1.{_PODS}", "A", "10.240.0.1", _VERIFIED),
    Case(55, f"10-240-0-2.{_PODS}", "A", "NXDOMAIN", _VERIFIED),
    Case(55, f"10-240-0-3.{_PODS}", "A", "NXDOMAIN", _VERIFIED),
    Case(55, f"10-240-0-9.{_PODS}", "A", "NXDOMAIN", _VERIFIED),
    Case(56, f"1-2-3-4.{_PODS}", "AAAA SRV", "NODATA"),
    Case(56, f"fd00--1.{_PODS}", "AAAA", "fd00::1"),
    Case(56, f"1-2-3-999.{_PODS}", "A", "NXDOMAIN"),
    Case(56, f"blah.{_PODS}", "HINFO", "NXDOMAIN"),
    Case(56, "1-2-3-4.nons.pod.cluster.local.", "A", "NXDOMAIN"),
    Case(56, f"x.1-2-3-4.{_PODS}", "A", "NXDOMAIN"),
    Case(57, "1.0.0.10.in-addr.arpa.", "PTR", f"svc1.{SUFFIX}"),
    Case(57, "1.0.0.10.in-addr.arpa.", "A", "NODATA"),
    Case(58, "11.0.0.172.in-addr.arpa.", "PTR", f"172-0-0-11.svc1.{SUFFIX}"),
    Case(58, "4.0.0.172.in-addr.arpa.", "PTR", f"dup.hdls.{SUFFIX}"),
    Case(58, "6.0.0.172.in-addr.arpa.", "PTR", "NXDOMAIN"),
    Case(59, _IP6, "PTR", f"x.shared-a.{SUFFIX}, fd00-77-30--a.shared-b.{SUFFIX}"),
    Case(60, "100.0.0.10.cluster.local.", "PTR", "NXDOMAIN"),
    Case(60, "svc1.testns.svc.0.10.in-addr.arpa.", "A", "NXDOMAIN"),
    Case(61, "0.10.in-addr.arpa.", "PTR A", "NODATA"),
    Case(61, "9.9.in-addr.arpa.", "PTR", "NXDOMAIN"),
    Case(61, "7.7.0.0.0.0.d.f.ip6.arpa.", "PTR", "NODATA"),
    Case(61, "in-addr.arpa.", "PTR", "NODATA"),
    Case(62, "dns-version.cluster.local.", "TXT", '"1.1.0"'),
    Case(62, "dns-version.cluster.local.", "A", "NODATA"),
    Case(63, "cluster.local.", "SOA", "ns.dns.cluster.local. hostmaster.cluster.local. 1 7200 1800 86400 5"),
    Case(63, "cluster.local.", "A AAAA SRV HINFO", "NODATA"),
    Case(63, "cluster.local.", "NS", "NODATA"),
    Case(63, "cluster.local.", "NS", "ns.dns.cluster.local. | 10.9.9.9", {"own_addresses": ("10.9.9.9",)}),
    Case(63, "ns.dns.cluster.local.", "A", "10.9.9.9", {"own_addresses": ("10.9.9.9",)}),
    Case(63, "dns.cluster.local.", "A", "NODATA", {"own_addresses": ("10.9.9.9",)}),
    Case(63, "dns.cluster.local.", "A", "NXDOMAIN"),  # nothing is below it: musl would end a search there
    Case(63, "ns.dns.cluster.local.", "A", "NXDOMAIN"),
    Case(64, "cluster.local.", "NS", f"svc1.{SUFFIX} | 10.0.0.1", {"own_addresses": ("172.0.0.11",)}),
    Case(64, "cluster.local.", "NS", f"172-0-0-2.hdls.{SUFFIX} | 172.0.0.2", {"own_addresses": ("172.0.0.2",)}),
    Case(64, "cluster.local.", "NS", f"fd00--1.hd6.{SUFFIX} | fd00::1", {"own_addresses": ("fd00::1",)}),
    Case(72, "us-a.pin._zone.hdls", "A", "NXDOMAIN"),
    Case(72, "us-a.prefer._zone.hdls", "A AAAA SRV", "NXDOMAIN"),
    Case(72, "_zone.hdls", "A", "NXDOMAIN"),
    Case(72, "us-a.pin._zone.hdls", "A", "172.0.0.2, 172.0.0.3", _ZONAL),
    Case(72, "us-a.pin._zone.hdls", "AAAA TXT HTTPS", "NODATA", _ZONAL),
    Case(72, "us-a.pin._zone.hdls", "SRV", f"{_US_A} | 172.0.0.2, 172.0.0.3", _ZONAL),
    Case(72, "us-c.pin._zone.hdls", "A SRV TXT", "NODATA", _ZONAL),
    Case(72, "rack.us-b.pin._zone.hdls", "A", "172.0.0.4", _ZONAL),
    Case(72, "us-a.prefer._zone.hdls", "A", "172.0.0.2, 172.0.0.3", _ZONAL),
    Case(72, "us-c.prefer._zone.hdls", "A", _HDLS, _ZONAL),
    Case(72, "us-c.prefer._zone.hdls", "SRV", f"{_HDLS_SRV} | {_HDLS}", _ZONAL),
    Case(72, "pin._zone.hdls", "A TXT", "NODATA", _ZONAL),
    Case(72, "_zone.hdls", "A", "NODATA", _ZONAL),
    Case(72, "us-a.other._zone.hdls", "A", "NXDOMAIN", _ZONAL),
    Case(72, "us-a.pin._zone.svc1", "A", "NXDOMAIN", _ZONAL),
    Case(72, "us-a.pin._zone.svc0", "A", "NXDOMAIN", _ZONAL),
    Case(72, "us-a.pin._zone.hd0", "A", "NXDOMAIN", _ZONAL),
    Case(72, "us-a.pin._zone.ext", "A", "NXDOMAIN", _ZONAL),
    Case(72, "_http._tcp.hdls", "SRV", f"{_HDLS_SRV} | {_HDLS}", _ZONAL),
    Case(73, f"172-0-0-2.cluster1.hdls.{_IN_SET}", "A", "172.0.0.2", _SET),
    Case(73, f"172-0-0-2.hdls.{_IN_SET}", "A", "NXDOMAIN", _SET),
    Case(73, f"dup.cluster1.hdls.{_IN_SET}", "A", "172.1.0.4", _SET),
    Case(73, f"dup.cluster2.hdls.{_IN_SET}", "A", "172.2.0.4", _SET),
    Case(73, f"dup.cluster3.hdls.{_IN_SET}", "A", "NXDOMAIN", _SET),
    Case(73, f"172-1-0-6.cluster1.hdls.{_IN_SET}", "A", "NXDOMAIN", _SET),
    Case(73, f"cluster1.hdls.{_IN_SET}", "A TXT", "NODATA", _SET),
    Case(73, f"hdls.{_IN_SET}", "A", "172.0.0.2, 172.1.0.4, 172.2.0.4", _SET),
    Case(73, f"_http._tcp.hdls.{_IN_SET}", "SRV", f"{_SET_ENDPOINTS} | 172.0.0.2, 172.1.0.4, 172.2.0.4", _SET),
    Case(73, f"vip.{_IN_SET}", "A", "10.8.0.1", _SET),
    Case(73, f"vip.{_IN_SET}", "AAAA", "fd00:8::1", _SET),
    Case(73, f"_http._tcp.vip.{_IN_SET}", "SRV", f"0 50 80 vip.{_IN_SET} | 10.8.0.1, fd00:8::1", _SET),
    Case(73, f"172-1-0-9.cluster1.vip.{_IN_SET}", "A", "NXDOMAIN", _SET),
    Case(73, f"cluster1.vip.{_IN_SET}", "A", "NXDOMAIN", _SET),
    Case(73, f"none.{_IN_SET}", "A", "NXDOMAIN", _SET),
    Case(73, f"svc1.{_IN_SET}", "A", "NXDOMAIN", _SET),
    Case(73, "testns.pod.clusterset.local.", "A", "NXDOMAIN", _SET),
    Case(73, _IN_SET, "A", "NODATA", _SET),
    Case(73, "nons.svc.clusterset.local.", "A", "NXDOMAIN", _SET),
    Case(73, "dns-version.clusterset.local.", "TXT", '"1.0.0"', _SET),
    Case(73, "clusterset.local.", "SOA", f"{_SET_SOA} 1 7200 1800 86400 5", _SET),
    Case(73, "1.0.8.10.in-addr.arpa.", "PTR", f"vip.{_IN_SET}", _SET),
    Case(73, "4.0.2.172.in-addr.arpa.", "PTR", f"dup.cluster2.hdls.{_IN_SET}", _SET),
    Case(73, "2.0.0.172.in-addr.arpa.", "PTR", f"172-0-0-2.hdls.{SUFFIX}", _SET),
    Case(73, "ext2set", "A", f"vip.{_IN_SET}, 10.8.0.1", _SET),
    Case(73, "172-0-0-2.cluster1.hdls", "A", "NXDOMAIN", _SET),
    Case(73, "172-0-0-2.cluster1.hdls", "A", "NXDOMAIN"),
    Case(73, "hdls.testns.svc.clusterset.local.", "A AAAA SRV", "NXDOMAIN"),
    Case(73, "172-0-0-2.cluster1.hdls.testns.svc.clusterset.local.", "A", "NXDOMAIN"),
    Case(74, "svc1", "A", "10.0.0.1", {"ttl": 0}),
]


@dataclass(frozen=True)
class Scene:
    """A question before and after a change of the cluster, and after it was taken back.

    Attributes:
        old, new: what becomes of an object; None stands for "is not there".
    """

    number: int
    name: str
    qtype: str
    old: Any
    new: Any
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.number}: {self.name} {self.qtype} becomes {self.after}"


_HD0 = slice_("hd0", endpoint("172.0.0.90", ready=False)), slice_("hd0", "172.0.0.90")
_PUBLISHED = slice_("pubnr", endpoint("172.0.9.1", ready=False)), slice_("pubnr", "172.0.9.1")
_NONS = None, namespace("nons")

SCENES = [
    # publishNotReadyAddresses reaches DNS as readiness in the slice.
    Scene(25, "172-0-9-1.pubnr", "A", *_PUBLISHED, "NXDOMAIN", "172.0.9.1"),
    Scene(25, "pubnr", "A", *_PUBLISHED, "NXDOMAIN", "172.0.9.1"),
    Scene(27, "hd0", "A", *_HD0, "NXDOMAIN", "172.0.0.90"),
    Scene(27, "hd0", "AAAA", *_HD0, "NXDOMAIN", "NODATA"),
    Scene(27, "hd0", "SRV", *_HD0, "NXDOMAIN", f"{srv(100, 80, '172-0-0-90.hd0')} | 172.0.0.90"),
    Scene(51, "nons.svc.cluster.local.", "A", *_NONS, "NXDOMAIN", "NODATA"),
    Scene(51, "nons.pod.cluster.local.", "A", *_NONS, "NXDOMAIN", "NODATA"),
    Scene(51, "x.nons.svc.cluster.local.", "A", *_NONS, "NXDOMAIN", "NXDOMAIN"),
    Scene(51, "1-2-3-4.nons.pod.cluster.local.", "A", *_NONS, "NXDOMAIN", "1.2.3.4"),
]

# Case 71: what becomes of an object, and whether the serial grows by it.
_LABELLED = service("svc1", "10.0.0.1", selector={"app": "x"}, sessionAffinity="ClientIP")
SERIALS = [
    ("selector and affinity", service("svc1", "10.0.0.1"), _LABELLED, 0),
    ("status of a Pod", pod("alive", "10.240.0.1"), pod("alive", "10.240.0.1"), 0),
    ("an endpoint", slice_("hd0", "172.0.0.90"), slice_("hd0", "172.0.0.91"), 1),
    ("readiness", *_HD0, 1),
    ("a port", service("svc1", "10.0.0.1"), service("svc1", "10.0.0.1", [port("http", 81)]), 1),
    ("an externalName", external("ext", "www.example.com"), external("ext", "www.example.org"), 1),
    ("a Service", None, service("new", "10.0.0.77"), 1),
]
