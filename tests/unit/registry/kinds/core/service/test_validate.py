"""Every field of a Service: its default, and what is said of a value that it may not have."""
# ruff: noqa: E501 - a row of a table of refusals stays on one line, message and all

import pytest

from fairlead.model.names import ObjectKey
from fairlead.registry.status import ApiError
from fairlead.registry.store import Step, put
from tests.support.service_requests import FIRST_IP, FIRST_IP6, FIRST_PORT, HTTP, IPV4, IPV6, Cluster, document

LB = {"type": "LoadBalancer"}
NODE_PORT = {"type": "NodePort"}
ALIAS = {"type": "ExternalName", "externalName": "example.com", "ports": []}
HEADLESS = {"clusterIP": "None"}
PREFERENCES = ("PreferClose", "PreferSameZone", "PreferSameNode")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {},
            {
                "type": "ClusterIP",
                "clusterIP": FIRST_IP,
                "clusterIPs": [FIRST_IP],
                "ipFamilies": ["IPv4"],
                "ipFamilyPolicy": "SingleStack",
                "internalTrafficPolicy": "Cluster",
                "sessionAffinity": "None",
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            },
        ),
        ({"ports": [{"port": 80, "targetPort": ""}]}, {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]}),
        ({"ports": [{"port": 80, "targetPort": 0}]}, {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}]}),
        (
            {"ports": [{"port": 53, "protocol": "UDP", "targetPort": "dns", "name": "dns"}]},
            {"ports": [{"port": 53, "protocol": "UDP", "targetPort": "dns", "name": "dns"}]},
        ),
        ({"selector": {}}, {"selector": None}),
        ({"publishNotReadyAddresses": False}, {"publishNotReadyAddresses": None}),
        ({"publishNotReadyAddresses": True}, {"publishNotReadyAddresses": True}),
        ({"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 5}}}, {"sessionAffinityConfig": None}),
        ({"sessionAffinity": "ClientIP"}, {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}}),
        (
            {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {}}},
            {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}},
        ),
        (
            {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86400}}},
            {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86400}}},
        ),
        ({"externalIPs": ["192.0.2.1"]}, {"externalTrafficPolicy": "Cluster"}),
        ({}, {"externalTrafficPolicy": None}),
        (NODE_PORT, {"externalTrafficPolicy": "Cluster", "internalTrafficPolicy": "Cluster"}),
        (LB, {"allocateLoadBalancerNodePorts": True, "externalTrafficPolicy": "Cluster"}),
        (LB | {"externalTrafficPolicy": "Local"}, {"healthCheckNodePort": FIRST_PORT + 1}),
        (
            LB | {"allocateLoadBalancerNodePorts": False},
            {"ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}], "clusterIP": FIRST_IP},
        ),
        (
            ALIAS,
            {
                "clusterIP": None,
                "ipFamilies": None,
                "ipFamilyPolicy": None,
                "internalTrafficPolicy": None,
                "ports": None,
            },
        ),
        (ALIAS | {"externalName": "example.com."}, {"externalName": "example.com."}),
        (ALIAS | {"internalTrafficPolicy": "Local"}, {"internalTrafficPolicy": None}),
        (HEADLESS | {"ports": []}, {"clusterIPs": ["None"], "ports": None}),
        ({"loadBalancerIP": "anything at all"}, {"loadBalancerIP": "anything at all"}),
        (LB | {"loadBalancerSourceRanges": [" 10.0.0.0/8 "]}, {"loadBalancerSourceRanges": [" 10.0.0.0/8 "]}),
        *(({"trafficDistribution": wish}, {"trafficDistribution": wish}) for wish in PREFERENCES),
        (LB | {"loadBalancerClass": "example.com/lb"}, {"loadBalancerClass": "example.com/lb"}),
        ({"ports": [{"port": 80, "appProtocol": "kubernetes.io/h2c"}]}, {"externalTrafficPolicy": None}),
        ({"externalTrafficPolicy": ""}, {"externalTrafficPolicy": None}),
        ({"healthCheckNodePort": 0}, {"healthCheckNodePort": None}),
    ],
)
def test_defaults(spec, expected):
    stored = Cluster().service(**spec)
    assert {field: stored.get(field) for field in expected} == expected


def ports(*ports):
    return {"ports": list(ports)}


NAMED_TWICE = [{"name": "a", "port": 80}, {"name": "a", "port": 81}]
LOOPBACK = "may not be in the loopback range (127.0.0.0/8, ::1/128)"
LINK_LOCAL = "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
LINK_MULTICAST = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
NOT_AN_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
NOT_A_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
PORT_RANGE = "must be between 1 and 65535, inclusive"
TIMEOUT = "must be greater than 0 and less than 86400"


def affinity(seconds):
    return {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": seconds}}}


REFUSALS = [
    ({"type": "Magic"}, 'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'),
    (ports(), "spec.ports: Required value"),
    (NODE_PORT | ports(), "spec.ports: Required value"),
    (ports({"port": 0}), f"spec.ports[0].port: Invalid value: 0: {PORT_RANGE}"),
    (ports({"port": 65536}), f"spec.ports[0].port: Invalid value: 65536: {PORT_RANGE}"),
    (ports({"port": 80}, {"name": "b", "port": 81}), "spec.ports[0].name: Required value"),
    (ports(*NAMED_TWICE), 'spec.ports[1].name: Duplicate value: "a"'),
    (ports({"name": "A_b", "port": 80}), 'spec.ports[0].name: Invalid value: "A_b": a lowercase RFC 1123 label must consist of'),
    (ports({"port": 80, "protocol": "ICMP"}), 'spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'),
    (ports({"port": 80, "targetPort": 70000}), f"spec.ports[0].targetPort: Invalid value: 70000: {PORT_RANGE}"),
    (ports({"port": 80, "targetPort": "sixteen-letters-x"}), 'spec.ports[0].targetPort: Invalid value: "sixteen-letters-x": must be no more than 15 bytes'),
    (ports({"port": 80, "targetPort": "8080"}), 'spec.ports[0].targetPort: Invalid value: "8080": must contain at least one letter (a-z)'),
    (ports({"port": 80, "targetPort": "a--b"}), 'spec.ports[0].targetPort: Invalid value: "a--b": must not contain consecutive hyphens'),
    (ports({"port": 80, "targetPort": "a-"}), 'spec.ports[0].targetPort: Invalid value: "a-": must not begin or end with a hyphen'),
    (ports({"port": 80, "targetPort": "Http"}), 'spec.ports[0].targetPort: Invalid value: "Http": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'),
    (ports({"port": 80, "appProtocol": "a b"}), 'spec.ports[0].appProtocol: Invalid value: "a b": name part must consist of'),
    (
        ports({"name": "a", "port": 80}, {"name": "b", "port": 80}),
        'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
    ),
    (ports({"port": 80, "nodePort": 30080}), "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"),
    ({"selector": {"a b": "c"}}, 'spec.selector: Invalid value: "a b": name part must consist of'),
    ({"selector": {"a": "b c"}}, 'spec.selector: Invalid value: "b c": a valid label must be an empty string or consist of'),
    ({"internalTrafficPolicy": ""}, 'spec.internalTrafficPolicy: Unsupported value: "": supported values: "Cluster", "Local"'),
    (LB | {"loadBalancerClass": "a b"}, 'spec.loadBalancerClass: Invalid value: "a b": name part must consist of'),
    ({"externalIPs": ["::1"]}, f'spec.externalIPs[0]: Invalid value: "::1": {LOOPBACK}'),
    (affinity(-1), f"spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: -1: {TIMEOUT}"),
    ({"sessionAffinity": "Cookie"}, 'spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"'),
    (affinity(0), f"spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: {TIMEOUT}"),
    (affinity(86401), f"spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: {TIMEOUT}"),
    ({"externalTrafficPolicy": "Local"}, 'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'),
    (NODE_PORT | {"externalTrafficPolicy": "Far"}, 'spec.externalTrafficPolicy: Unsupported value: "Far": supported values: "Cluster", "Local"'),
    ({"internalTrafficPolicy": "Far"}, 'spec.internalTrafficPolicy: Unsupported value: "Far": supported values: "Cluster", "Local"'),
    (
        {"healthCheckNodePort": 30100},
        "spec.healthCheckNodePort: Invalid value: 30100: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ),
    ({"allocateLoadBalancerNodePorts": True}, "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'"),
    ({"loadBalancerClass": "x/y"}, "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'"),
    (LB | {"loadBalancerClass": ""}, 'spec.loadBalancerClass: Invalid value: "": name part must be non-empty'),
    ({"loadBalancerSourceRanges": ["10.0.0.0/8"]}, "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'"),
    (LB | {"loadBalancerSourceRanges": ["10.0.0.0"]}, f'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.0": {NOT_A_CIDR}'),
    (LB | {"loadBalancerSourceRanges": ["10.0.0.1/8"]}, 'spec.LoadBalancerSourceRanges[0]: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length'),
    ({"externalIPs": ["nowhere"]}, f'spec.externalIPs[0]: Invalid value: "nowhere": {NOT_AN_IP}'),
    ({"externalIPs": ["0.0.0.0"]}, 'spec.externalIPs[0]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0 or ::)'),
    ({"externalIPs": ["192.0.2.1", "127.0.0.1"]}, f'spec.externalIPs[1]: Invalid value: "127.0.0.1": {LOOPBACK}'),
    ({"externalIPs": ["169.254.1.1"]}, f'spec.externalIPs[0]: Invalid value: "169.254.1.1": {LINK_LOCAL}'),
    ({"externalIPs": ["ff02::1"]}, f'spec.externalIPs[0]: Invalid value: "ff02::1": {LINK_MULTICAST}'),
    ({"externalIPs": ["192.0.02.1"]}, 'spec.externalIPs[0]: Invalid value: "192.0.02.1": must not have leading 0s'),
    ({"externalIPs": ["::ffff:1.2.3.4"]}, 'spec.externalIPs[0]: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address'),
    ({"trafficDistribution": "Near"}, 'spec.trafficDistribution: Unsupported value: "Near": supported values: "PreferClose", "PreferSameNode", "PreferSameZone"'),
    (ALIAS | {"externalName": ""}, "spec.externalName: Required value"),
    (ALIAS | {"externalName": "no spaces"}, 'spec.externalName: Invalid value: "no spaces": a lowercase RFC 1123 subdomain must consist of'),
    (ALIAS | {"clusterIP": "10.96.0.9"}, "spec.clusterIPs: Forbidden: may not be set for ExternalName services"),
    (ALIAS | {"ipFamilies": ["IPv4"]}, "spec.ipFamilies: Forbidden: may not be set for ExternalName services"),
    (ALIAS | {"ipFamilyPolicy": "SingleStack"}, "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services"),
    (LB | HEADLESS, "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer services"),
    (NODE_PORT | HEADLESS, "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"),
    (LB | ports({"port": 10250}), "spec.ports[0]: Invalid value: 10250: may not expose port 10250 externally since it is used by kubelet"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "message"), REFUSALS)
def test_refusals(spec, message):
    cluster = Cluster()
    with pytest.raises(ApiError) as refusal:
        cluster.service(**spec)
    assert (refusal.value.code, refusal.value.reason) == (422, "Invalid")
    assert message in refusal.value.message
    assert cluster.held == set()


CLUSTER_IPS_REFUSALS = [
    ({"clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.8"]}, 'spec.clusterIPs: Invalid value: ["10.96.0.8"]: first value must match `clusterIP`'),
    ({"clusterIPs": ["10.96.0.8"]}, 'spec.clusterIPs: Invalid value: ["10.96.0.8"]: must be empty when `clusterIP` is not specified'),
    ({"clusterIP": "None", "clusterIPs": ["None", "10.96.0.8"]}, 'spec.clusterIPs: Invalid value: ["None","10.96.0.8"]: \'None\' must be the first and only value'),
    ({"clusterIP": "10.96.0.8", "clusterIPs": ["10.96.0.8", "fd00:10:96::8", "10.96.0.9"]}, "may only hold up to 2 values"),
    ({"clusterIP": "10.96.0.8", "clusterIPs": ["10.96.0.8", "10.96.0.9"]}, "may specify no more than one IP for each IP family"),
    ({"clusterIP": "fd00:10:96::8", "ipFamilies": ["IPv4"]}, 'spec.clusterIPs[0]: Invalid value: "fd00:10:96::8": expected an IPv4 value as indicated by `ipFamilies[0]`'),
    ({"clusterIP": "10.96.0.8", "ipFamilies": ["IPv6"]}, 'spec.clusterIPs[0]: Invalid value: "10.96.0.8": expected an IPv6 value as indicated by `ipFamilies[0]`'),
    ({"clusterIP": "10.96.0.300"}, f'spec.clusterIPs[0]: Invalid value: "10.96.0.300": {NOT_AN_IP}'),
    ({"ipFamilies": ["IPv5"]}, 'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"'),
    ({"ipFamilies": ["IPv4", "IPv4"]}, 'spec.ipFamilies[1]: Duplicate value: "IPv4"'),
    ({"ipFamilyPolicy": "Any"}, 'spec.ipFamilyPolicy: Unsupported value: "Any": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"'),
    ({"clusterIP": "10.96.0.8", "clusterIPs": ["10.96.0.8", "fd00:10:96::8"]}, "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified"),
    ({"ipFamilies": ["IPv4", "IPv6"]}, "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "message"), CLUSTER_IPS_REFUSALS)
def test_refusals_of_cluster_ips(spec, message):
    cluster = Cluster(IPV4, IPV6)
    with pytest.raises(ApiError) as refusal:
        cluster.service(**spec)
    assert refusal.value.code == 422
    assert message in refusal.value.message
    assert cluster.held == set()


SINGLE_STACK_REFUSALS = [
    ({"ipFamilyPolicy": "RequireDualStack"}, 'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services'),
    ({"ipFamilies": ["IPv6"]}, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'),
    (HEADLESS | {"selector": {"a": "b"}, "ipFamilyPolicy": "RequireDualStack"}, "this cluster is not configured for dual-stack services"),
    (HEADLESS | {"selector": {"a": "b"}, "ipFamilies": ["IPv6"]}, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'),
    ({"clusterIP": "fd00::8"}, 'spec.clusterIPs[0]: Invalid value: ["fd00::8"]: IPv6 is not configured on this cluster'),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "message"), SINGLE_STACK_REFUSALS)
def test_refusals_in_a_single_family_cluster(spec, message):
    with pytest.raises(ApiError) as refusal:
        Cluster().service(**spec)
    assert message in refusal.value.message


FIRSTS = [FIRST_IP, FIRST_IP6]


@pytest.mark.parametrize(
    ("spec", "families", "policy", "ips"),
    [
        ({}, ["IPv4"], "SingleStack", [FIRST_IP]),
        ({"ipFamilyPolicy": "PreferDualStack"}, ["IPv4", "IPv6"], "PreferDualStack", FIRSTS),
        ({"ipFamilyPolicy": "RequireDualStack"}, ["IPv4", "IPv6"], "RequireDualStack", FIRSTS),
        ({"ipFamilies": ["IPv6"]}, ["IPv6"], "SingleStack", [FIRST_IP6]),
        (
            {"ipFamilies": ["IPv6"], "ipFamilyPolicy": "PreferDualStack"},
            ["IPv6", "IPv4"],
            "PreferDualStack",
            FIRSTS[::-1],
        ),
        ({"clusterIP": "fd00:10:96::8"}, ["IPv6"], "SingleStack", ["fd00:10:96::8"]),
        (
            {"clusterIP": "10.96.0.8", "ipFamilyPolicy": "RequireDualStack"},
            ["IPv4", "IPv6"],
            "RequireDualStack",
            ["10.96.0.8", FIRST_IP6],
        ),
        (HEADLESS, ["IPv4", "IPv6"], "RequireDualStack", ["None"]),
        (HEADLESS | {"selector": {"a": "b"}}, ["IPv4"], "SingleStack", ["None"]),
    ],
)
def test_families_of_a_cluster_of_two(spec, families, policy, ips):
    stored = Cluster(IPV4, IPV6).service(**spec)
    assert (stored["ipFamilies"], stored["ipFamilyPolicy"], stored["clusterIPs"]) == (families, policy, ips)
    assert stored["clusterIP"] == ips[0]


@pytest.mark.parametrize(
    ("cidrs", "families"), [([IPV4], ["IPv4", "IPv6"]), ([IPV6], ["IPv6", "IPv4"])], ids=["IPv4", "IPv6"]
)
def test_a_headless_service_without_selector_has_both_families_on_any_cluster(cidrs, families):
    stored = Cluster(*cidrs).service(**HEADLESS)
    assert (stored["ipFamilies"], stored["ipFamilyPolicy"]) == (families, "RequireDualStack")


def test_a_headless_service_without_selector_may_have_a_family_that_the_cluster_has_not():
    stored = Cluster().service(**HEADLESS, ipFamilies=["IPv6"], ipFamilyPolicy="SingleStack")
    assert (stored["ipFamilies"], stored["clusterIPs"]) == (["IPv6"], ["None"])


def test_prefer_dual_stack_takes_what_there_is():
    stored = Cluster().service(ipFamilyPolicy="PreferDualStack")
    assert (stored["ipFamilies"], stored["clusterIPs"]) == (["IPv4"], [FIRST_IP])


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (HEADLESS | {"loadBalancerIP": "x"}, ["spec.loadBalancerIP is ignored for headless services"]),
        (HEADLESS | {"externalIPs": ["192.0.2.1"]}, ["spec.externalIPs is ignored for headless services"]),
        (HEADLESS | {"sessionAffinity": "ClientIP"}, ["spec.SessionAffinity is ignored for headless services"]),
        (
            {"externalIPs": ["192.0.2.1"]},
            ["spec.externalIPs is deprecated and may no longer be implemented in some clusters"],
        ),
        (ALIAS | {"externalIPs": ["192.0.2.1"]}, ['spec.externalIPs is ignored when spec.type is "ExternalName"']),
        ({"externalName": "x.y"}, ['spec.externalName is ignored when spec.type is not "ExternalName"']),
        (
            {"trafficDistribution": "PreferClose"},
            ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'],
        ),
        (
            {"externalIPs": ["2001:DB8::1"], "clusterIP": "None"},
            [
                "spec.externalIPs is ignored for headless services",
                'spec.externalIPs[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
            ],
        ),
        ({}, []),
    ],
)
def test_warnings(spec, expected):
    cluster = Cluster()
    cluster.service(**spec)
    assert list(cluster.warnings) == expected


MODE = "service.kubernetes.io/topology-mode"
HINTS = "service.kubernetes.io/topology-aware-hints"
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"


def test_the_deprecated_topology_annotation_warns_and_must_agree_with_the_new_one():
    cluster = Cluster()
    cluster.service("agrees", metadata={"annotations": {MODE: "Auto", HINTS: "Auto"}})
    assert list(cluster.warnings) == [f"annotation {HINTS} is deprecated, please use {MODE} instead"]
    with pytest.raises(ApiError) as refusal:
        cluster.service("differs", metadata={"annotations": {MODE: "Auto", HINTS: "Disabled"}})
    detail = (
        f'metadata.annotations[{MODE}]: Invalid value: "Auto": must match annotations[{HINTS}] when both are specified'
    )
    assert detail in refusal.value.message


@pytest.mark.parametrize(
    ("spec", "value", "message"),
    [
        (LB, "10.0.0.0/8, 192.168.0.0/16", None),
        (LB, " ", None),
        (LB, "10.0.0.0/8,foo", f'metadata.annotations[{RANGES}]: Invalid value: "foo": {NOT_A_CIDR}'),
        (
            {},
            "10.0.0.0/8",
            f"metadata.annotations[{RANGES}]: Forbidden: may only be used when `type` is 'LoadBalancer'",
        ),
    ],
)
def test_source_ranges_in_the_annotation(spec, value, message):
    cluster = Cluster()
    if message is None:
        cluster.service(metadata={"annotations": {RANGES: value}}, **spec)
        return
    with pytest.raises(ApiError) as refusal:
        cluster.service(metadata={"annotations": {RANGES: value}}, **spec)
    assert message in refusal.value.message


@pytest.mark.parametrize(
    ("name", "accepted"), [("web", True), ("9lives", True), ("a.b", False), ("-a", False), ("a" * 64, False)]
)
def test_a_name_is_a_label_and_may_begin_with_a_digit(name, accepted):
    if accepted:
        assert Cluster().service(name)
        return
    with pytest.raises(ApiError, match=r"metadata\.name: Invalid value"):
        Cluster().service(name)


def test_several_faults_are_reported_at_once_in_order():
    with pytest.raises(ApiError) as refusal:
        Cluster().service(ports=[{"port": 0}], trafficDistribution="Near", sessionAffinity="Cookie")
    fields = [cause["field"] for cause in refusal.value.details["causes"]]
    assert fields == [
        "spec.ports[0].port",
        "spec.ports[0].targetPort",
        "spec.sessionAffinity",
        "spec.trafficDistribution",
    ]
    assert refusal.value.message.startswith('Service "web" is invalid: [spec.ports[0].port: ')


def test_the_allocators_refusal_comes_before_validation():
    with pytest.raises(ApiError) as refusal:
        Cluster().service(ipFamilies=["IPv6"], sessionAffinity="Cookie")
    assert [cause["field"] for cause in refusal.value.details["causes"]] == ["spec.ipFamilies[0]"]


def status(**point):
    return {"loadBalancer": {"ingress": [point]}}


@pytest.mark.parametrize(
    ("spec", "given", "message"),
    [
        (LB, status(ip="192.0.2.1"), None),
        (LB, status(hostname="lb.example"), None),
        (LB, status(ip="2001:db8::1"), None),
        (LB, status(hostname="no spaces"), 'status.loadBalancer.ingress[0].hostname: Invalid value: "no spaces": a lowercase RFC 1123 subdomain must'),
        ({}, status(ip="192.0.2.1"), "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"),
        (LB, status(ip="x"), f'status.loadBalancer.ingress[0].ip: Invalid value: "x": {NOT_AN_IP}'),
        (LB, status(hostname="h", ipMode="VIP"), "status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` is not set"),
        (LB, status(ip="192.0.2.1", ipMode="Magic"), 'status.loadBalancer.ingress[0].ipMode: Unsupported value: "Magic": supported values: "Proxy", "VIP"'),
        (LB, status(hostname="192.0.2.1"), 'status.loadBalancer.ingress[0].hostname: Invalid value: "192.0.2.1": must be a DNS name, not an IP address'),
    ],
)  # fmt: skip
def test_status(spec, given, message):
    cluster = Cluster()
    cluster.service(**spec)
    body = cluster.stored("Service", "web") | {"status": given}
    if message is None:
        point = cluster.put(body, subresource="status")["status"]["loadBalancer"]["ingress"][0]
        assert point.get("ipMode") == ("VIP" if "ip" in point else None)
        return
    with pytest.raises(ApiError) as refusal:
        cluster.put(body, subresource="status")
    assert message in refusal.value.message


def test_a_load_balancer_may_be_a_proxy():
    cluster = Cluster()
    cluster.service(**LB)
    body = cluster.stored("Service", "web") | {"status": status(ip="192.0.2.1", ipMode="Proxy")}
    assert cluster.put(body, subresource="status")["status"] == body["status"]


def test_addresses_from_before_they_were_read_strictly_may_stay():
    cluster = Cluster()
    cluster.service(**LB, externalIPs=["192.0.2.1"])
    old = cluster.stored("Service", "web")
    old["spec"] |= {"externalIPs": ["192.0.02.1"], "loadBalancerSourceRanges": ["010.0.0.0/8"]}
    cluster.state = put(Step(cluster.state), "services", ObjectKey("default", "web"), old, {}).state
    assert cluster.edit(selector={"a": "b"})["externalIPs"] == ["192.0.02.1"]
    with pytest.raises(ApiError, match="must not have leading 0s"):
        cluster.edit(externalIPs=["192.0.02.1", "192.0.02.2"])


def test_a_status_that_a_user_sends_with_the_service_is_ignored():
    cluster = Cluster()
    body = document("Service", "web", spec=LB | {"ports": [HTTP]}, status=status(ip="192.0.2.1"))
    assert cluster.create(body)["status"] == {"loadBalancer": {}}
