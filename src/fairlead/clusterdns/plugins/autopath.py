"""``autopath``: the server performs a Pod's search: the reply to the first step has the result of the last.

With ``ndots:5`` a Pod asks for ``www.example.com`` as ``www.example.com.NAMESPACE.svc.Z``, ``www.example.com.svc.Z``
and ``www.example.com.Z`` before it asks for the name itself, each time for two types. If the rest of the search is
certain, the first of these names is answered as an alias of the one that exists.

It is certain if the client is one live Pod with its own address and with the search list of its Namespace and dnsPolicy
ClusterFirst, if this Pod searches for the name, and if the question is the first step. All other questions are answered
as without the plugin: from Pods with a dnsConfig, from Pods that share the node's address, and from clients behind
another resolver.
"""

from dataclasses import dataclass

from fairlead.clusterdns.chain import DnsRequest, Lookup
from fairlead.clusterdns.corefile.blocks import Directive
from fairlead.clusterdns.corefile.faults import Wrong
from fairlead.clusterdns.names import Name, is_valid, to_name
from fairlead.clusterdns.other_names import is_live
from fairlead.clusterdns.plugins.scope import BlockScope
from fairlead.clusterdns.records import Answer, NameTarget, Origin, Question, Rcode, Reason, RRset, RRType
from fairlead.clusterdns.search import NDOTS, search_list
from fairlead.clusterdns.zone import Zone
from fairlead.model.objects import Pod
from fairlead.model.snapshot import ClusterSnapshot

PATIENCE = 1.0  # seconds that a client waits for a step that it could do without
RESOLV_CONF = "/etc/resolv.conf"


@dataclass(frozen=True)
class Autopath:
    """Walks searches that begin in one of ``zones``, by the settings of the ``kubernetes`` directive.

    Attributes:
        node_search: the search domains of the nodes, which a Pod's list ends with.
    """

    zones: tuple[Zone, ...]
    node_search: tuple[Name, ...] = ()

    async def serve(self, request: DnsRequest, rest: Lookup) -> Answer:
        denial = await rest(request)
        zone = next((zone for zone in self.zones if is_first_step(request.question, zone)), None)
        if zone is None or denial.rcode is not Rcode.NXDOMAIN:
            return denial
        found = await self._end_of_search(request, rest, zone)
        return (found or denial)._replace(private=True)

    async def _end_of_search(self, request: DnsRequest, rest: Lookup, zone: Zone) -> Answer | None:
        """The final answer of this client's search; None if the search is not certain."""
        question = request.question
        namespace = namespace_of(request.client, request.server.authority.snapshot)
        suffixes = search_list(namespace, zone.origin) if namespace else ()
        if not suffixes or question.name[-len(suffixes[0]) :] != suffixes[0]:
            return None
        searched = _searched(question.name, zone)
        for suffix in (*suffixes[1:], *self.node_search, ()):
            if not is_valid(searched + suffix):
                continue
            step = Question(searched + suffix, question.qtype)
            found = await rest(request._replace(question=step, patience=PATIENCE))
            if found.rcode not in (Rcode.NOERROR, Rcode.NXDOMAIN):
                return None  # it is unknown whether the name exists and ends the search
            if found.rcode is Rcode.NOERROR and found.origin.reason is not Reason.BRANCH:
                return _aliased(found, question, step.name, zone)
        return None


def is_first_step(question: Question, zone: Zone) -> bool:
    """Whether a name can be the first step of a Pod's search for a name with at least one dot."""
    return question.qtype != RRType.ANY and 2 <= len(_searched(question.name, zone)) <= NDOTS


def read_autopath(directive: Directive, scope: BlockScope) -> tuple[Name, ...]:
    """``autopath [ZONE...] @kubernetes``: uses the search domains of this machine, which must be configured as a node
    is."""
    if directive.arguments[-1:] != ("@kubernetes",):
        raise Wrong("autopath is supported as 'autopath @kubernetes' alone")
    lines = (line.split() for line in scope.around.read(RESOLV_CONF, None).splitlines())
    return tuple(to_name(word) for words in lines if words[:1] == ["search"] for word in words[1:])


def _searched(name: Name, zone: Zone) -> Name:
    """The part before NAMESPACE.svc.Z; empty if the name does not end like this."""
    end = len(name) - len(zone.origin) - 2
    return name[:end] if end > 0 and name[end + 1 :] == ("svc", *zone.origin) else ()


def namespace_of(client: str, snapshot: ClusterSnapshot) -> str | None:
    """The Namespace of the one Pod that has an address, if its search list is the one of its Namespace."""
    pods = [pod for key in snapshot.pods_by_ip.get(client, ()) if is_live(pod := snapshot.pods[key])]
    return pods[0].namespace if len(pods) == 1 and _has_usual_search_list(pods[0]) else None


def _has_usual_search_list(pod: Pod) -> bool:
    return not pod.spec.host_network and pod.spec.dns_policy == "ClusterFirst" and pod.spec.dns_config is None


def _aliased(found: Answer, question: Question, target: Name, zone: Zone) -> Answer:
    """An answer behind an alias to ``target``."""
    cname = RRset(question.name, RRType.CNAME, zone.ttl, (NameTarget(target),))
    return found._replace(origin=Origin(Reason.SEARCH), answer=(cname, *found.answer), zone=zone.origin)
