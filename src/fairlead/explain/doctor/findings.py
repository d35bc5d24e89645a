"""A finding: the problem, its evidence, and its fix.

The table ``CODES`` is in causal order: an earlier code can explain a later one, so it is reported first.
"""

import enum
import json
import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from fairlead.explain.cluster import Ref
from fairlead.explain.statements import Evidence

DOCS = "docs/doctor.md"


class Severity(enum.StrEnum):
    """``error``: something does not work. ``warning``: something will fail for some client, or soon."""

    ERROR = "error"
    WARNING = "warning"


class Code(NamedTuple):
    """A kind of finding: its severity, and a sentence for the documents."""

    severity: Severity
    meaning: str


_E, _W = Severity.ERROR, Severity.WARNING
CODES: Mapping[str, Code] = {
    "dns-not-there": Code(_E, "the cluster has no DNS Service"),
    "dns-down": Code(_E, "no server is behind the DNS Service, or none is ready or synced"),
    "dns-failing": Code(
        _E, "the DNS server answers SERVFAIL: it cannot reach what it forwards to, or forwards to itself"
    ),
    "dns-other-server": Code(_E, "a Pod asks another name server than the cluster's"),
    "node-not-ready": Code(_E, "a Node is not Ready, so none of its Pods is"),
    "proxy-down": Code(_E, "the proxy of a node does not run"),
    "proxy-leftovers": Code(_W, "two proxies have rules on one node"),
    "proxy-behind": Code(_E, "the rules of a node lack a Service or its endpoints"),
    "firewall-blocks": Code(_E, "a rule of the host drops what the proxy would forward"),
    "cluster-ip-clash": Code(_E, "two Services have one virtual IP, or a Service's is out of its range"),
    "node-port-clash": Code(_E, "two Services have one node port"),
    "external-ip-taken": Code(_E, "an external IP belongs to another Service or to a node"),
    "selector-elsewhere": Code(_E, "the Pods that the selector means are in another Namespace"),
    "selector-nothing": Code(_E, "the selector matches no Pod"),
    "no-pods": Code(_E, "the workload behind the Service has no Pods"),
    "stateful-service-missing": Code(_E, "the Service that a StatefulSet names is not there"),
    "stateful-service-not-headless": Code(_E, "the Service that a StatefulSet names is not headless"),
    "stateful-service-other": Code(_E, "the Service that a StatefulSet names selects other Pods"),
    "peers-unpublished": Code(_E, "Pods must find each other before they are ready, and are not published until then"),
    "pods-not-ready": Code(_E, "Pods behind the Service are not ready"),
    "pods-failing": Code(_W, "some Pods behind the Service fail"),
    "target-port-unnamed": Code(_E, "no container has a port of the name that targetPort gives"),
    "protocol-mismatch": Code(_E, "the container's port is of another protocol"),
    "listens-on-loopback": Code(_E, "the process listens on 127.0.0.1 only"),
    "listens-elsewhere": Code(_E, "no process listens on the target port"),
    "target-port-undeclared": Code(_W, "targetPort is none of the ports that the containers declare"),
    "slice-unlabelled": Code(_E, "a slice that is meant for the Service lacks its label"),
    "slice-port-mismatch": Code(_E, "the ports of a slice do not fit those of the Service"),
    "slice-bad-address": Code(_E, "an address of a slice can be nobody's endpoint"),
    "slice-orphan": Code(_W, "a slice belongs to a Service that is not there"),
    "no-endpoints-written": Code(_E, "the Service has no selector, and nobody has written endpoints for it"),
    "slices-behind": Code(_E, "ready Pods are missing from the slices: nobody updates them"),
    "family-missing": Code(_E, "the Service has two IP families, and endpoints in one only"),
    "mixed-applications": Code(_E, "Pods of two applications are behind one selector"),
    "foreign-proxy": Code(_E, "a label gives the Service to a proxy that does not run"),
    "local-policy-nowhere": Code(_W, "a traffic policy Local turns clients away on nodes without endpoints"),
    "load-balancer-pending": Code(_E, "the load balancer has no address"),
    "load-balancer-unannounced": Code(_E, "no node may announce the load balancer's address"),
    "bgp-session-down": Code(_E, "a node has no BGP session with a router that it is to tell of addresses"),
    "policy-isolates": Code(_E, "NetworkPolicies let nobody reach the target port"),
    "policy-blocks-dns": Code(_E, "a NetworkPolicy keeps a Pod from asking DNS"),
    "policy-blocks": Code(_E, "a NetworkPolicy keeps a client from a Service that it uses"),
    "alias-broken": Code(_E, "an ExternalName leads nowhere"),
    "alias-address": Code(_E, "an ExternalName is an address, which DNS cannot use"),
    "alias-tls": Code(_E, "TLS through an ExternalName: the certificate is for another name"),
    "alias-host": Code(_W, "HTTP through an ExternalName: the Host header is not the one that the server knows"),
    "name-in-other-namespace": Code(_E, "a client uses a short name of a Service in another Namespace"),
    "name-unknown": Code(_E, "a client uses a name that no Service has"),
    "name-leaks": Code(_W, "a cluster name is asked outside first"),
    "name-captured": Code(_W, "a name of the outside world is answered by a Service"),
    "name-not-asked-here": Code(_E, "a Pod that does not use cluster DNS uses a cluster name"),
    "port-not-served": Code(_E, "a client uses a port that the Service does not have"),
    "node-port-address": Code(_E, "a client tries a node port where it does not answer"),
    "headless-port": Code(_E, "a client uses the Service's port of a headless Service, where only the Pods' answers"),
    "headless-balancing": Code(_W, "a headless Service is expected to balance"),
    "stale-flows": Code(_E, "UDP flows lead to endpoints that are gone"),
}
_RANK = {code: rank for rank, code in enumerate(CODES)}


class Fix(msgspec.Struct, frozen=True):
    """The fix of a finding: a command to paste, or a patch that becomes one.

    Attributes:
        command: set if there is no patch; the user replaces words in capitals.
    """

    command: str = ""
    target: Ref | None = None
    patch: Any = None

    @property
    def text(self) -> str:
        """The command, as it can be pasted into a shell."""
        if self.target is None:
            return self.command
        space = f" -n {self.target.namespace}" if self.target.namespace else ""
        patch = shlex.quote(json.dumps(self.patch, separators=(",", ":")))
        return f"kubectl patch{space} {self.target.kind.lower()} {self.target.name} --type merge -p {patch}"


class Finding(msgspec.Struct, frozen=True):
    """A problem.

    Attributes:
        code: one of ``CODES``.
        subject: the object to change, or the one that shows the problem.
        services: the affected Services; empty for all of the cluster.
    """

    code: str
    subject: Ref
    text: str
    evidence: tuple[Evidence, ...] = ()
    fixes: tuple[Fix, ...] = ()
    services: frozenset[tuple[str, str]] = frozenset()

    @property
    def severity(self) -> Severity:
        return CODES[self.code].severity

    @property
    def docs(self) -> str:
        return f"{DOCS}#{self.code}"

    @property
    def order(self) -> tuple[bool, int, Ref, str]:
        """Errors first, and causes before their consequences."""
        return (self.severity is not Severity.ERROR, _RANK[self.code], self.subject, self.text)
