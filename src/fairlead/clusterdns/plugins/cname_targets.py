"""``rewrite cname``: replaces the targets of aliases in an answer, and looks up the new targets."""

from dataclasses import replace

from fairlead.clusterdns.chain import DnsRequest
from fairlead.clusterdns.plugins.name_changes import Change, changed
from fairlead.clusterdns.records import Answer, NameTarget, Question, RRType


async def retargeted(answer: Answer, change: Change, request: DnsRequest) -> Answer:
    """An answer whose first matching alias has another target, with the whole server's answer for it."""
    for index, rrset in enumerate(answer.answer):
        data = rrset.data[0]
        new = changed(data.name, change) if rrset.rtype == RRType.CNAME and isinstance(data, NameTarget) else None
        if new is None:
            continue
        until = (*answer.answer[:index], replace(rrset, data=(NameTarget(new),)))
        if request.question.qtype == RRType.CNAME:
            return answer._replace(answer=(*until, *answer.answer[index + 1 :]))
        found = await request.server.ask_about(Question(new, request.question.qtype), request)
        private, depends = answer.private or found.private, answer.depends | found.depends
        return found._replace(answer=until + found.answer, private=private, depends=depends, zone=answer.zone)
    return answer
