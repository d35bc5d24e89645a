"""Value types of an answer: record types, record data, record sets, origins.

Everything here is immutable. Address data is kept in wire form (4 or 16 octets), because a headless Service has
thousands of them and they are used only in messages. Numbers are those of the IANA DNS parameters registry.
"""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import NamedTuple

from fairlead.clusterdns.names import Name, to_text
from fairlead.model.names import ObjectKey


class RRType(enum.IntEnum):
    """Record types that this server has records of, or treats specially."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    HINFO = 13
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    DNAME = 39
    OPT = 41
    RRSIG = 46
    NSEC = 47
    NSEC3 = 50
    IXFR = 251
    AXFR = 252
    ANY = 255


class Rcode(enum.IntEnum):
    """Response codes (RFC 1035 section 4.1.1; BADVERS of RFC 6891 needs the OPT record's upper bits)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    BADVERS = 16

    @classmethod
    def _missing_(cls, number: object) -> "Rcode | None":
        """Codes with no meaning here, which upstream servers can still send: 12 bits (RFC 6891)."""
        if not isinstance(number, int) or not 0 <= number < 1 << 12:
            return None
        code = int.__new__(cls, number)
        code._name_, code._value_ = f"RCODE{number}", number
        return code


class Srv(NamedTuple):
    """Data of an SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: Name


class Soa(NamedTuple):
    """Data of a SOA record (RFC 1035 section 3.3.13); times in seconds."""

    mname: Name
    rname: Name
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int


class NameTarget(NamedTuple):
    """Data of a record that is one name: CNAME, NS, PTR."""

    name: Name


class Text(NamedTuple):
    """Data of a TXT record of one character string."""

    text: str


class Exchange(NamedTuple):
    """Data of an MX record (RFC 1035 section 3.3.9)."""

    preference: int
    name: Name


Data = bytes | Srv | Soa | NameTarget | Text | Exchange


class Reason(enum.Enum):
    """The reason for an answer, in a sentence for ``fairlead dns query`` and the query log."""

    CLUSTER_IP = "the virtual IP of the Service"
    HEADLESS = "the ready endpoints of the headless Service"
    ENDPOINT = "an endpoint of the Service, by host name or dashed address"
    SERVICE_PORT = "a named port of the Service"
    EXTERNAL_NAME = "the externalName of the Service"
    POD = "the address that the Pod name spells"
    POINTER = "the Service or endpoint that has this address"
    ZONE = "the zone itself"
    VERSION = "the version of the DNS specification"
    BRANCH = "nothing of its own, only names below it"
    NOT_A_SHAPE = "no name of the DNS specification has this shape"
    NO_NAMESPACE = "there is no such Namespace"
    NO_SERVICE = "there is no such Service in the Namespace"
    NO_READY_ENDPOINT = "the headless Service has no ready endpoint"
    EMPTY_SERVICE = "the Service has no ready endpoint, and empty Services are ignored"
    NO_SUCH_PORT = "the Service has no port of this name and protocol"
    NO_SUCH_ENDPOINT = "the Service has no ready endpoint of this name"
    TOPOLOGY_ZONE = "the ready endpoints of the headless Service in a topology zone"
    NOT_HEADLESS = "only headless Services answer by topology zone"
    BAD_EXTERNAL_NAME = "the externalName of the Service is not a domain name"
    BELOW_EXTERNAL_NAME = "there are no names below a Service of type ExternalName"
    CNAME_LOOP = "the externalNames lead back to where they began"
    PODS_DISABLED = "Pod names are disabled"
    NOT_A_POD_ADDRESS = "the label does not spell an IP address"
    NO_SUCH_POD = "no live Pod in the Namespace has this address"
    NO_POINTER = "no Service and no ready endpoint has this address"
    HOST = "a name that the server's configuration fixes"
    SEARCH = "what the Pod's search would end with"
    EXTERNAL = "the addresses that the Service has outside the cluster"
    CONFIGURED = "the server's configuration answers this"
    UPSTREAM = "an upstream server answered"
    LOOP = "the configuration sends the name round in circles"
    OUTSIDE = "the name lies outside the zones of this server"
    NOT_SYNCED = "the server has not yet read the whole cluster"


class Origin(NamedTuple):
    """The origin of an answer: the reason, and the Service or other object that it is about."""

    reason: Reason
    subject: ObjectKey | None = None

    def __str__(self) -> str:
        return f"{self.reason.value} ({self.subject})" if self.subject else self.reason.value


@dataclass(frozen=True, slots=True)
class RRset:
    """Records of one owner and type; the TTL is in seconds. Data in octets is sent unchanged: that of A and AAAA, and
    the data of upstream servers."""

    owner: Name
    rtype: int
    ttl: int
    data: tuple[Data, ...]
    rclass: int = 1

    def lines(self) -> Iterable[str]:
        """The records in presentation form (RFC 1035 section 5.1), one a line."""
        for data in self.data:
            yield f"{to_text(self.owner)} {self.ttl} IN {_type_text(self.rtype)} {_data_text(data, self.rtype)}"


def _type_text(rtype: int) -> str:
    return RRType(rtype).name if rtype in RRType.__members__.values() else f"TYPE{rtype}"


def _data_text(data: Data, rtype: int) -> str:
    match data:
        case bytes() if rtype in (RRType.A, RRType.AAAA):
            return str(ip_address(data))
        case bytes():
            return f"\\# {len(data)} {data.hex()}"  # RFC 3597 section 5
        case Text(text):
            return f'"{text}"'
        case NameTarget(name):
            return to_text(name)
    return " ".join(to_text(part) if isinstance(part, tuple) else str(part) for part in data)


class Tag(NamedTuple):
    """Something in the cluster that an answer depends on; when it changes, the prepared answer is dropped."""

    kind: str
    name: str
    namespace: str = ""


def service_tag(key: ObjectKey) -> Tag:
    """Everything about a Service and its EndpointSlices."""
    return Tag("service", key.name, key.namespace)


def namespace_tag(name: str) -> Tag:
    """Whether a Namespace exists."""
    return Tag("namespace", name)


def address_tag(address: str) -> Tag:
    """The owner of an address."""
    return Tag("address", address)


MOMENTARY = Tag("moment", "")  # an answer that has reached its maximum age
ANY_CHANGE = Tag("serial", "")  # the zone's serial: changes with every change


class Question(NamedTuple):
    """A question: a lower-case name and a type, which can be unknown to this server."""

    name: Name
    qtype: int


class Answer(NamedTuple):
    """The answer to a question.

    Attributes:
        origin: why.
        depends: what in the cluster the answer was read from.
        outside: a name whose records of the asked type upstream servers must supply; None if nothing is missing.
        zone: the apex of the zone that the answer is from; None when it is from outside.
        truncated: an upstream server has more records than it could send.
        authentic: an upstream server has verified it (AD, RFC 4035 section 3.2.3).
        private: built for one client or one time, so it must not be prepared for others.
        steady: records stay in their order.
        dropped: the client gets no reply.
        unanswered: no plugin knew the name.
        set_flags, clear_flags: bits of the header that the configuration wants.
        options: EDNS options, code and data.
        failure: what went wrong, for the log.
    """

    rcode: Rcode
    origin: Origin
    answer: tuple[RRset, ...] = ()
    authority: tuple[RRset, ...] = ()
    additional: tuple[RRset, ...] = ()
    depends: frozenset[Tag] = frozenset()
    outside: Name | None = None
    zone: Name | None = None
    truncated: bool = False
    authentic: bool = False
    private: bool = False
    steady: bool = False
    dropped: bool = False
    unanswered: bool = False
    set_flags: int = 0
    clear_flags: int = 0
    options: tuple[tuple[int, bytes], ...] = ()
    failure: str = ""
