"""A Pod's search, walked by the server: the reply to its first step tells what the last one would have found.

With ``ndots:5`` a Pod asks for ``www.example.com`` as ``www.example.com.NAMESPACE.svc.Z``, ``www.example.com.svc.Z``
and ``www.example.com.Z`` before it asks for the name itself, each time for two types. Where it is certain how the
search goes on, the first of these names is answered as an alias of the one that exists.

It is certain when the asker is one live Pod with an address of its own, with the search list that its Namespace and
dnsPolicy ClusterFirst give it, when the name is one that this Pod searches for, and when it asks for the first step.
Everything else is answered as without this: Pods with a dnsConfig, those that share the node's address, and whoever
asks through another resolver.
"""

from collections.abc import Iterator
from dataclasses import replace

from fairlead.clusterdns.answer import answer
from fairlead.clusterdns.found import View
from fairlead.clusterdns.names import Name, is_valid
from fairlead.clusterdns.other_names import is_live
from fairlead.clusterdns.records import Answer, Question, Rcode, Reason, RRset, RRType, Target
from fairlead.clusterdns.search import NDOTS, search_list
from fairlead.clusterdns.zone import Zone
from fairlead.model.objects import Pod
from fairlead.model.snapshot import ClusterSnapshot


def is_first_step(question: Question, zone: Zone) -> bool:
    """Whether a name may be the first step of a Pod's search for a name with at least one dot."""
    if zone.autopath is None or question.qtype == RRType.ANY:
        return False
    return 2 <= len(_searched(question.name, zone)) <= NDOTS


def later_steps(question: Question, client: str, view: View) -> Iterator[Answer]:
    """The answers that the later steps of the search of ``client`` (an address, text) may end with, in their order.

    Each is written as the answer to the first step, behind an alias. One whose ``outside`` is set counts only if the
    world outside has its name; one without ends the search. There are none when it is not certain how the search goes.
    """
    namespace = _namespace_of(client, view.snapshot)
    zone = view.zone
    suffixes = search_list(namespace, zone.origin) if namespace else ()
    if not suffixes or question.name[-len(suffixes[0]) :] != suffixes[0]:
        return
    searched = _searched(question.name, zone)
    for suffix in (*suffixes[1:], *(zone.autopath or ()), ()):
        found = _aliased(question, searched + suffix, view)
        if found is not None:
            yield found
            if found.outside is None:
                return


def _searched(name: Name, zone: Zone) -> Name:
    """What stands before NAMESPACE.svc.Z; nothing when the name does not end like this."""
    end = len(name) - len(zone.origin) - 2
    return name[:end] if end > 0 and name[end + 1 :] == ("svc", *zone.origin) else ()


def _namespace_of(client: str, snapshot: ClusterSnapshot) -> str | None:
    """The Namespace of the one Pod that has an address, if its search list is the one of its Namespace."""
    pods = [pod for key in snapshot.pods_by_ip.get(client, ()) if is_live(pod := snapshot.pods[key])]
    return pods[0].namespace if len(pods) == 1 and _has_usual_search_list(pods[0]) else None


def _has_usual_search_list(pod: Pod) -> bool:
    return not pod.spec.host_network and pod.spec.dns_policy == "ClusterFirst" and pod.spec.dns_config is None


def _aliased(question: Question, target: Name, view: View) -> Answer | None:
    """The answer behind an alias to ``target``; None when the search goes on behind it."""
    if not is_valid(target):
        return None
    found = answer(Question(target, question.qtype), view)
    if found.outside is None and (found.rcode is not Rcode.NOERROR or found.origin.reason is Reason.BRANCH):
        return None
    cname = RRset(question.name, RRType.CNAME, view.zone.ttl, (Target(target),))
    return replace(found, answer=(cname, *found.answer), zone=view.zone.origin)
