"""Each plugin by a table of cases, with answers by hand from the documentation of CoreDNS's plugin of that name."""

from ipaddress import IPv6Network, ip_address

import pytest

from fairlead.clusterdns.plugins.dns64 import embedded
from fairlead.clusterdns.plugins.loadbalance import weights_of
from fairlead.clusterdns.records import Rcode, RRType, Text
from fairlead.model.decode import decode
from fairlead.model.objects import Service
from tests.support.corefiles import Asked, World, configured, owners, synced, told, ttls

WORLD = (
    "www.example.com. 60 IN A 93.184.216.34",
    "both.example.com. 60 IN A 192.0.2.4",
    "both.example.com. 60 IN AAAA 2001:db8::4",
    "mail.example.com. 60 IN MX 10 www.example.com.",
    "alias.example.com. 60 IN CNAME www.example.com.",
    "_sip._tcp.example.com. 60 IN SRV 1 2 5060 www.example.com.",
    "ftp.service.us-west-1.consul. 0 IN A 10.10.10.10",
    "a.google.com. 20 IN A 192.0.2.6",
    "google.com. 20 IN A 192.0.2.7",
    "mx.example.com. 60 IN TXT x",
)


def asked(body, zone=".", files=None, world=WORLD, authority=None) -> Asked:
    configuration = configured(f"{zone} {{\n{body}\nforward . 192.0.2.1\n}}", files)
    return Asked(configuration, World(world), authority or synced())


THEN_BOTH = "rewrite name www.example.com both.example.com"
VALUES = "answer value (.*)\\.com {1}.lan"
ROCKS = "name regex (.*)-(us-west-1)\\.coredns\\.rocks {1}.service.{2}.consul"
ROCKS_BACK = "answer name (.*)\\.service\\.(us-west-1)\\.consul {1}-{2}.coredns.rocks"


@pytest.mark.parametrize(
    ("rules", "question", "answer", "owner"),
    [
        # exact: the answer is always written back
        ("name a.b www.example.com", "a.b. A", "93.184.216.34", "a.b."),
        ("name exact A.B www.example.com", "a.b. A", "93.184.216.34", "a.b."),
        ("name a.b www.example.com", "x.a.b. A", "NXDOMAIN", None),
        (
            "stop name a.b www.example.com\nrewrite name www.example.com both.example.com",
            "a.b. A",
            "93.184.216.34",
            "a.b.",
        ),
        (
            "continue name a.b www.example.com\nrewrite name www.example.com both.example.com",
            "a.b. A",
            "192.0.2.4",
            "a.b.",
        ),
        # the others only when the rule says so
        ("name suffix .lan .com", "www.example.lan. A", "93.184.216.34", "www.example.com."),
        ("name suffix .lan .com answer auto", "www.example.lan. A", "93.184.216.34", "www.example.lan."),
        ("name suffix .schmoogle.com. .google.com. answer auto", "a.schmoogle.com. A", "192.0.2.6", "a.schmoogle.com."),
        ("name prefix dev-ww ww answer auto", "dev-www.example.com. A", "93.184.216.34", "dev-www.example.com."),
        ("name substring test example answer auto", "www.test.com. A", "93.184.216.34", "www.test.com."),
        (
            "name regex (.*)-(us-west-1)\\.example\\.org {1}.service.{2}.consul",
            "ftp-us-west-1.example.org. A",
            "10.10.10.10",
            "ftp.service.us-west-1.consul.",
        ),
        (
            f"stop {{\n{ROCKS}\n{ROCKS_BACK}\n}}",
            "ftp-us-west-1.coredns.rocks. A",
            "10.10.10.10",
            "ftp-us-west-1.coredns.rocks.",
        ),
        (
            f"{ROCKS} {ROCKS_BACK}",
            "ftp-us-west-1.coredns.rocks. A",
            "10.10.10.10",
            "ftp-us-west-1.coredns.rocks.",
        ),
        ("name regex ^(.*)\\.svc\\.$ {1}.testns.svc.cluster.local answer auto", "svc1.svc. A", "NXDOMAIN", None),
        # values
        (
            "name exact m.lan mail.example.com answer value (.*)\\.com {1}.lan",
            "m.lan. MX",
            "10 www.example.lan.",
            "m.lan.",
        ),
        (
            "name exact s.lan _sip._tcp.example.com answer value (.*)\\.com {1}.lan",
            "s.lan. SRV",
            "1 2 5060 www.example.lan.",
            "s.lan.",
        ),
        # types, classes, codes
        ("type ANY MX", "mail.example.com. ANY", "10 www.example.com.", "mail.example.com."),
        ("type A AAAA", "both.example.com. A", "2001:db8::4", "both.example.com."),
        ("rcode regex .* NXDOMAIN NOERROR", "nothing.example. A", "NODATA", None),
        ("rcode exact nothing.example 3 2", "nothing.example. A", "SERVFAIL", None),
        # where aliases lead
        ("cname exact www.example.com both.example.com", "alias.example.com. A", "both.example.com., 192.0.2.4", None),
        (
            "cname exact WWW.example.com. both.example.com.",
            "alias.example.com. AAAA",
            "both.example.com., 2001:db8::4",
            None,
        ),
        (
            "cname www.example.com both.example.com",
            "alias.example.com. CNAME",
            "both.example.com.",
            "alias.example.com.",
        ),
        (
            "cname suffix .example.com .google.com",
            "alias.example.com. A",
            "NXDOMAIN www.google.com.",
            "alias.example.com.",
        ),
        (
            "cname regex ^www\\.(.*)\\.com\\.$ both.{1}.com",
            "alias.example.com. A",
            "both.example.com., 192.0.2.4",
            None,
        ),
        (
            "cname exact other.example.com both.example.com",
            "alias.example.com. A",
            "www.example.com.",
            "alias.example.com.",
        ),
        ("cname exact www.example.com both.example.com", "www.example.com. A", "93.184.216.34", "www.example.com."),
        # a name that is none
        ("name regex ^long\\.(.*)$ " + "x" * 64 + ".{1}", "long.example.com. A", "SERVFAIL", None),
    ],
)
def test_rewrite(rules, question, answer, owner):
    name, qtype = question.split()
    found = asked(f"rewrite {rules}")(name, qtype)
    assert told(found) == answer
    assert owner is None or owners(found) == [owner]


def test_a_name_may_be_rewritten_into_the_cluster():
    """What operators ask for most: names of their own for Services."""
    rule = "rewrite name regex (.*)\\.apps\\.example\\.org {1}.testns.svc.cluster.local answer auto"
    ask = asked(f"{rule}\nkubernetes cluster.local")
    for name, qtype, answer in (
        ("svc1.apps.example.org.", "A", "10.0.0.1"),
        ("svc1.apps.example.org.", "AAAA", "NODATA"),
        ("svc1.apps.example.org.", "SRV", "0 100 80 svc1.apps.example.org."),
        ("none.apps.example.org.", "A", "NXDOMAIN"),
    ):
        assert ask.told(name, qtype) == answer
    assert owners(ask("svc1.apps.example.org.")) == ["svc1.apps.example.org."]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("ttl regex (.*)\\.example\\.com 15", {15}),
        ("ttl exact www.example.com 0", {0}),
        ("ttl www.example.com 7", {7}),
        ("ttl suffix .com 90-", {90}),
        ("ttl suffix .com -30", {30}),
        ("ttl suffix .com 30-90", {60}),
        ("ttl prefix x 15", {60}),
        ("continue {\nttl substring example 15\n}", {15}),
    ],
)
def test_rewritten_ttls(rule, expected):
    assert ttls(asked(f"rewrite {rule}")("www.example.com.")) == expected


def test_a_class_may_be_rewritten():
    assert asked("rewrite class CH IN").told("www.example.com.", qclass=3) == "93.184.216.34"
    assert asked("").told("www.example.com.", qclass=3) == "REFUSED"


IP_IN_NAME = r"""
template IN A example {
  match (^|[.])ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]example[.]$
  answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
  fallthrough
}
template IN PTR in-addr.arpa {
  match ^(?P<d>[0-9]*)[.](?P<c>[0-9]*)[.](?P<b>[0-9]*)[.](?P<a>[0-9]*)[.]in-addr[.]arpa[.]$
  answer "{{ .Name }} 60 IN PTR ip-{{ .Group.a }}-{{ .Group.b }}-{{ .Group.c }}-{{ .Group.d }}.example."
}"""


HEXADECIMAL = r"""
template IN A example {
  match "^ip0a(?P<b>[a-f0-9]{2})(?P<c>[a-f0-9]{2})(?P<d>[a-f0-9]{2})[.]example[.]$"
  answer "{{ .Name }} 60 IN A 10.{{ parseInt .Group.b 16 8 }}.{{ parseInt .Group.c 16 8 }}.{{ parseInt .Group.d 16 8 }}"
}"""
SEARCH_DOMAIN = r"""
template IN ANY example.com {
  match "example\.com\.(dc1\.example\.com\.)$"
  rcode NXDOMAIN
  authority "{{ index .Match 1 }} 60 IN SOA ns.{{ index .Match 1 }} h.{{ index .Match 1 }} (1 60 60 60 60)"
  fallthrough
}"""


@pytest.mark.parametrize(
    ("body", "question", "expected"),
    [
        ("template ANY ANY {\n rcode NXDOMAIN\n}", "x. A", "NXDOMAIN"),
        ("template ANY ANY {\n rcode NXDOMAIN\n}", "www.example.com. TXT", "NXDOMAIN"),
        ("template IN AAAA {\n}", "www.example.com. AAAA", "NODATA"),
        ("template IN AAAA {\n}", "www.example.com. A", "93.184.216.34"),
        ("template ANY ANY invalid {\n rcode NXDOMAIN\n}", "www.example.com. A", "93.184.216.34"),
        (IP_IN_NAME, "ip-10-1-2-3.example. A", "10.1.2.3"),
        (IP_IN_NAME, "x.ip-10-1-2-3.example. A", "10.1.2.3"),
        (IP_IN_NAME, "other.example. A", "NXDOMAIN"),
        (IP_IN_NAME, "3.2.1.10.in-addr.arpa. PTR", "ip-10-1-2-3.example."),
        (IP_IN_NAME, "ip-10-1-2-300.example. A", "SERVFAIL"),
        (HEXADECIMAL, "ip0a7b0c1d.example. A", "10.123.12.29"),
        ('template IN A example {\n match ^a[.]\n answer "{{ .Name }} 60 IN A 1.2.3.4"\n}', "b.example. A", "SERVFAIL"),
        (SEARCH_DOMAIN, "x.example.com.dc1.example.com. A", "NXDOMAIN"),
        (
            'template IN ANY foogle.com {\n match "^foogle\\.com\\.$"\n answer "foogle.com 60 IN CNAME google.com"\n}',
            "foogle.com. A",
            "google.com., 192.0.2.7",
        ),
        ('template IN A a {\n answer "{{ .Name }} 60 IN A 192.0.2.1"\n}', "x.a. A", "192.0.2.1"),
        ('template IN A a {\n answer "{{ .Name }} 60 {{ .Class }} {{ .Type }} 192.0.2.1"\n}', "x.a. A", "192.0.2.1"),
        ('template IN TXT a {\n answer "{{ .Zone }} 60 IN TXT \\"{{ .Remote }}\\""\n}', "x.a. TXT", None),
    ],
)
def test_template(body, question, expected):
    name, qtype = question.split()
    found = asked(body)(name, qtype)
    if expected is None:
        assert (found.private, bytes(found.answer[0].data[0])) == (True, b"\n192.0.2.99")
    else:
        assert told(found) == expected


def test_a_template_says_why_and_gives_its_authority():
    lines = ("rcode NXDOMAIN", 'authority "invalid. 60 IN SOA ns. h. (1 60 60 60 60)"', 'ederror 21 "no"')
    body = "template ANY ANY invalid {{\n{}\n}}".format("\n".join(lines))
    found = asked(body)("x.invalid.")
    assert (found.rcode, found.options) == (Rcode.NXDOMAIN, ((15, b"\x00\x15no"),))
    assert [rrset.rtype for rrset in found.authority] == [RRType.SOA]


HOSTS = """\
127.0.0.1 localhost
192.168.1.10 example.com example # both
192.168.1.10 *.wild.example.com
192.168.1.12 b.wild.example.com
fdfc::1 example.com
"""


@pytest.mark.parametrize(
    ("body", "question", "expected"),
    [
        ("hosts names", "example.com. A", "192.168.1.10"),
        ("hosts names", "example. A", "192.168.1.10"),
        ("hosts names", "example.com. AAAA", "fdfc::1"),
        ("hosts names", "example. AAAA", "NODATA"),
        ("hosts names", "example.com. MX", "NODATA"),
        ("hosts names", "www.example.com. A", "SERVFAIL"),
        ("hosts names {\n fallthrough\n}", "www.example.com. A", "93.184.216.34"),
        ("hosts names {\n fallthrough com\n}", "www.example.com. A", "93.184.216.34"),
        ("hosts names {\n fallthrough org\n}", "www.example.com. A", "SERVFAIL"),
        ("hosts names org", "example.com. A", "NXDOMAIN"),
        ("hosts names", "10.1.168.192.in-addr.arpa. PTR", "example.com., example."),
        ("hosts names {\n no_reverse\n}", "10.1.168.192.in-addr.arpa. PTR", "NXDOMAIN"),
        ("hosts names {\n fallthrough\n}", "apps.wild.example.com. A", "192.168.1.10"),
        ("hosts names {\n fallthrough\n}", "b.wild.example.com. A", "192.168.1.12"),
        ("hosts names {\n fallthrough\n}", "x.apps.wild.example.com. A", "NXDOMAIN"),
        ("hosts names {\n 10.0.0.9 inline.lan\n}", "inline.lan. A", "10.0.0.9"),
        ("hosts gone {\n 10.0.0.9 inline.lan\n}", "inline.lan. A", "10.0.0.9"),
        ("hosts {\n 10.0.0.9 inline.lan\n}", "localhost. A", "127.0.0.1"),
    ],
)
def test_hosts(body, question, expected):
    name, qtype = question.split()
    assert asked(body, files={"names": HOSTS}).told(name, qtype) == expected


def test_the_ttl_of_hosts():
    assert ttls(asked("hosts names", files={"names": HOSTS})("example.com.")) == {3600}
    assert ttls(asked("hosts names {\n ttl 60\n}", files={"names": HOSTS})("example.com.")) == {60}


def balanced(name, ips=(), external=(), namespace="testns", hostname="", **spec):
    points = [{"ip": ip} for ip in ips] + ([{"hostname": hostname}] if hostname else [])
    document = {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "clusterIP": "10.0.9.9",
            "externalIPs": list(external),
            "ports": [{"name": "http", "port": 80}],
            **spec,
        },
        "status": {"loadBalancer": {"ingress": points}},
    }
    return decode(Service, document)


def outside_cluster():
    authority = synced()
    for service in (
        balanced("lb1", ["1.2.3.4"], ["5.6.7.8"]),
        balanced("lb6", ["2001:db8::9"]),
        balanced("named", hostname="elb.example.com"),
    ):
        authority.change(None, service, 0)
    return authority


EXTERNAL = "kubernetes cluster.local\nk8s_external example.org {{\n {} \n}}"


@pytest.mark.parametrize(
    ("options", "question", "expected"),
    [
        ("", "lb1.testns.example.org. A", "5.6.7.8, 1.2.3.4"),
        ("", "lb1.testns.example.org. AAAA", "NODATA"),
        ("", "lb6.testns.example.org. AAAA", "2001:db8::9"),
        ("", "lb1.testns.example.org. SRV", "0 50 80 lb1.testns.example.org."),
        ("", "_http._tcp.lb1.testns.example.org. SRV", "0 50 80 lb1.testns.example.org."),
        ("", "_http._udp.lb1.testns.example.org. SRV", "NXDOMAIN"),
        ("", "lb1.testns.example.org. MX", "NODATA"),
        ("", "svc1.testns.example.org. A", "NXDOMAIN"),  # it has no address outside
        ("", "gone.testns.example.org. A", "NXDOMAIN"),
        ("", "testns.example.org. A", "NODATA"),
        ("", "nons.example.org. A", "NXDOMAIN"),
        ("", "named.testns.example.org. A", "elb.example.com."),
        ("", "example.org. NS", "ns1.dns.example.org."),
        ("", "ns1.dns.example.org. A", "10.9.9.9"),
        ("", "dns.example.org. A", "NODATA"),
        ("apex me", "ns1.me.example.org. A", "10.9.9.9"),
        ("", "4.3.2.1.in-addr.arpa. PTR", "lb1.testns.example.org."),
        ("", "hdls.testns.example.org. A", "NXDOMAIN"),
        ("headless", "hd6.testns.example.org. AAAA", "fd00::1, fd00:1:2::"),
        ("headless", "dup.hdls.testns.example.org. A", "172.0.0.4, 172.0.0.5"),
        ("", "lb1.testns.svc.cluster.local. A", "10.0.9.9"),
        ("fallthrough", "gone.testns.example.org. A", "NXDOMAIN"),
    ],
)
def test_k8s_external(options, question, expected):
    name, qtype = question.split()
    ask = asked(EXTERNAL.format(options), authority=outside_cluster())
    assert ask.told(name, qtype) == expected


def test_k8s_external_has_a_soa_and_a_ttl():
    found = asked(EXTERNAL.format("ttl 42"), authority=outside_cluster())("lb1.testns.example.org.", "MX")
    assert ttls(found) == {42}
    assert told(asked(EXTERNAL.format(""))("example.org.", "SOA")).startswith(
        "ns1.dns.example.org. hostmaster.example.org."
    )


@pytest.mark.parametrize(
    ("prefix", "ipv4", "expected"),
    [  # the table of RFC 6052 section 2.4
        ("2001:db8::/32", "192.0.2.33", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "192.0.2.33", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "192.0.2.33", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "192.0.2.33", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "192.0.2.33", "2001:db8:122:344:c0:2:2100::"),
        ("2001:db8:122:344::/96", "192.0.2.33", "2001:db8:122:344::c000:221"),
        ("64:ff9b::/96", "192.0.2.33", "64:ff9b::c000:221"),
    ],
)
def test_an_ipv4_address_within_a_prefix(prefix, ipv4, expected):
    assert embedded(IPv6Network(prefix), ip_address(ipv4).packed) == ip_address(expected).packed


@pytest.mark.parametrize(
    ("body", "client", "question", "expected"),
    [
        ("dns64", "2001:db8::1", "www.example.com. AAAA", "64:ff9b::5db8:d822"),
        ("dns64", "192.0.2.9", "www.example.com. AAAA", "NODATA"),
        ("dns64 {\n allow_ipv4\n}", "192.0.2.9", "www.example.com. AAAA", "64:ff9b::5db8:d822"),
        ("dns64 64:1337::/96", "2001:db8::1", "www.example.com. AAAA", "64:1337::5db8:d822"),
        ("dns64 {\n prefix 64:1337::/96\n}", "2001:db8::1", "www.example.com. AAAA", "64:1337::5db8:d822"),
        ("dns64", "2001:db8::1", "both.example.com. AAAA", "2001:db8::4"),
        ("dns64 {\n translate_all\n}", "2001:db8::1", "both.example.com. AAAA", "64:ff9b::c000:204"),
        ("dns64", "2001:db8::1", "gone.example.com. AAAA", "NXDOMAIN"),
        ("dns64", "2001:db8::1", "www.example.com. A", "93.184.216.34"),
        ("dns64\nkubernetes cluster.local", "2001:db8::1", "svc1.testns.svc.cluster.local. AAAA", "64:ff9b::a00:1"),
    ],
)
def test_dns64(body, client, question, expected):
    name, qtype = question.split()
    assert asked(body).told(name, qtype, client=client) == expected


@pytest.mark.parametrize(
    ("rules", "client", "qtype", "expected"),
    [
        ("block type A net 192.168.0.0/16", "192.168.1.1", "A", "REFUSED"),
        ("block type A net 192.168.0.0/16", "192.168.1.1", "MX", "NXDOMAIN"),
        ("block type A net 192.168.0.0/16", "10.0.0.1", "A", "93.184.216.34"),
        ("filter type A net 192.168.0.0/16", "192.168.1.1", "A", "NODATA"),
        ("allow net 192.168.1.0/24\nblock net 192.168.0.0/16", "192.168.1.1", "A", "93.184.216.34"),
        ("allow net 192.168.1.0/24\nblock net 192.168.0.0/16", "192.168.2.1", "A", "REFUSED"),
        ("allow net 192.168.0.0/24 192.168.1.0/24\nblock", "192.168.1.1", "A", "93.184.216.34"),
        ("allow net 192.168.0.0/24 192.168.1.0/24\nblock", "2001:db8::1", "A", "REFUSED"),
        ("block type * net *", "10.0.0.1", "A", "REFUSED"),
        ("block net 10.0.0.1", "10.0.0.1", "A", "REFUSED"),
    ],
)
def test_acl(rules, client, qtype, expected):
    world = (*WORLD[:1], "mx. 60 IN TXT x")
    name = "www.example.com." if qtype == "A" else "none."
    found = asked(f"acl {{\n{rules}\n}}", world=world)(name, qtype, client=client)
    assert (told(found), found.private) == (expected, True)


def test_an_acl_for_some_zones_and_one_that_says_nothing_at_all():
    ask = asked("acl example.com {\n block\n}")
    assert (ask.told("www.example.com."), ask.told("google.com.")) == ("REFUSED", "192.0.2.7")
    assert asked("acl {\n drop\n}")("google.com.").dropped


ZONE_FILE = """\
$TTL 300
@   SOA ns1 host 7 3600 600 86400 120
    NS ns1
    MX 10 mail
ns1 A 192.0.2.53
mail A 192.0.2.25
www CNAME web
web A 192.0.2.80
out CNAME www.example.com.
loop CNAME pool
pool CNAME loop
*.wild A 192.0.2.99
a.b.c TXT "deep"
sub NS ns.sub
ns.sub A 192.0.2.54
"""


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("web.example.org. A", "192.0.2.80"),
        ("WEB.example.org. A", "192.0.2.80"),
        ("www.example.org. A", "web.example.org., 192.0.2.80"),
        ("www.example.org. CNAME", "web.example.org."),
        ("www.example.org. AAAA", "web.example.org."),
        ("out.example.org. A", "www.example.com., 93.184.216.34"),
        ("loop.example.org. A", "pool.example.org."),
        ("x.wild.example.org. A", "192.0.2.99"),
        ("x.y.wild.example.org. A", "192.0.2.99"),
        ("x.wild.example.org. MX", "NODATA"),
        ("b.c.example.org. A", "NODATA"),
        ("gone.example.org. A", "NXDOMAIN"),
        ("example.org. MX", "10 mail.example.org."),
        ("example.org. SOA", "ns1.example.org. host.example.org. 7 3600 600 86400 120"),
        ("www.example.com. A", "93.184.216.34"),
    ],
)
def test_file(question, expected):
    name, qtype = question.split()
    assert asked("file db example.org", files={"db": ZONE_FILE}).told(name, qtype) == expected


def test_a_zone_file_delegates_and_denies_with_its_own_soa():
    ask = asked("file db", zone="example.org", files={"db": ZONE_FILE})
    referral = ask("x.sub.example.org.")
    assert [(r.owner, r.rtype) for r in referral.authority] == [(("sub", "example", "org"), RRType.NS)]
    assert [r.owner for r in referral.additional] == [("ns", "sub", "example", "org")]
    assert ttls(ask("gone.example.org.")) == {120}
    assert [r.owner for r in ask("example.org.", "MX").additional] == [("mail", "example", "org")]


@pytest.mark.parametrize(
    ("text", "message"),
    [("web 60 A 192.0.2.1\n", "no SOA record"), ("@ SOA ns host 1\n", "db:"), ("@ BOGUS x\n", "db:")],
)
def test_a_zone_file_that_is_none(text, message):
    with pytest.raises(ValueError, match=message):
        asked("file db example.org", files={"db": text})


def test_header_minimal_and_any():
    found = asked("header {\n set ra aa\n clear rd\n}")("www.example.com.")
    assert (found.set_flags, found.clear_flags) == (0x0480, 0x0100)
    body = "minimal\nkubernetes cluster.local"
    assert asked(body)("svc1.testns.svc.cluster.local.", "SRV").additional == ()
    assert asked(body)("gone.testns.svc.cluster.local.").authority
    assert asked("any").told("www.example.com.", "ANY").startswith("\\# 27 0d414e59")
    assert asked("any").told("www.example.com.", "A") == "93.184.216.34"


@pytest.mark.parametrize(
    ("name", "data"),
    [("version.bind.", "v1"), ("version.server.", "v1"), ("hostname.bind.", "node-1"), ("id.server.", "node-1")],
)
def test_chaos(name, data):
    found = asked("chaos v1 me you")(name, "TXT", qclass=3)
    assert [(rrset.rclass, rrset.data) for rrset in found.answer] == [(3, (Text(data),))]
    assert len(asked("chaos v1 me you")("authors.bind.", "TXT", qclass=3).answer[0].data) == 2


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("localhost. A", "127.0.0.1"),
        ("localhost. AAAA", "::1"),
        ("localhost. MX", "NODATA"),
        ("localhost.testns.svc.cluster.local. A", "127.0.0.1"),
        ("1.0.0.127.in-addr.arpa. PTR", "localhost."),
        ("9.0.0.127.in-addr.arpa. PTR", "NODATA"),
        ("255.255.255.255.in-addr.arpa. PTR", "NODATA"),
        ("www.example.com. A", "93.184.216.34"),
    ],
)
def test_local(question, expected):
    assert asked("local").told(*question.split()) == expected


def test_without_loadbalance_records_stay_in_their_order_and_with_it_they_turn():
    steady = asked("kubernetes cluster.local")("hdls.testns.svc.cluster.local.")
    turning = asked("loadbalance\nkubernetes cluster.local")("hdls.testns.svc.cluster.local.")
    assert (steady.steady, turning.steady, turning.private) == (True, False, False)


def test_loadbalance_by_weights():
    files = {"weights": "# comment\nhdls.testns.svc.cluster.local\n172.0.0.2 8\n172.0.0.3 3\n"}
    ask = asked("loadbalance weighted weights\nkubernetes cluster.local", files=files)
    firsts = [ask.told("hdls.testns.svc.cluster.local.", lot=lot).split(", ")[0] for lot in range(14)]
    assert {address: firsts.count(address) for address in firsts} == {
        "172.0.0.2": 8,
        "172.0.0.3": 3,
        "172.0.0.4": 1,
        "172.0.0.5": 1,
        "172.0.0.7": 1,
    }


def test_loadbalance_with_fewer_answers():
    ask = asked("loadbalance round_robin {\n limit_answers 2\n}\nkubernetes cluster.local")
    seen = [ask.told("hdls.testns.svc.cluster.local.", lot=lot) for lot in range(5)]
    assert all(len(answer.split(", ")) == 2 for answer in seen)
    assert len({answer.split(", ")[0] for answer in seen}) == 5


@pytest.mark.parametrize("text", ["172.0.0.2 8", "a.b\n172.0.0.2 0", "a.b\n172.0.0.2 256", "a.b\nx y z"])
def test_weights_that_are_none(text):
    with pytest.raises(ValueError, match="weight"):
        weights_of(text)


def test_forward_leaves_out_what_is_excepted_and_goes_on_where_it_says():
    text = ". {\n forward . 192.0.2.1 {\n  except internal.example\n  next NXDOMAIN\n }\n forward . 192.0.2.2\n}"
    by_server = {"192.0.2.1:53": ("a.example. 1 IN A 192.0.2.10",), "192.0.2.2:53": ("b.example. 1 IN A 192.0.2.20",)}
    ask = Asked(configured(text), World(by_server=by_server))
    assert [ask.told(f"{name}.example.") for name in ("a", "b", "c")] == ["192.0.2.10", "192.0.2.20", "NXDOMAIN"]
    assert ask.told("x.internal.example.") == "NXDOMAIN"
    assert ask.world.asked[-1].startswith("192.0.2.2:53 x.internal")


def test_names_that_lead_round_in_circles_end():
    there, back = (f'template IN ANY {a} {{\n answer "x.{a} 60 IN CNAME x.{b}"\n}}' for a, b in ("ab", "ba"))
    assert asked(f"{there}\n{back}")("x.a.").answer
