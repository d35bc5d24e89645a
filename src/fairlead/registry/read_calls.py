"""Reading: one object, a list, a watch."""

from fairlead.registry.calls import Call, Reply
from fairlead.registry.lists import read_list
from fairlead.registry.selectors import selection_of
from fairlead.registry.watches import Watch, begin_watch


def get_object(call: Call) -> Reply:
    return Reply(call.shown(call.stored()))


def list_objects(call: Call) -> Reply:
    view = call.view
    selection = selection_of(call.request, call.target, call.env.kinds.strategy(call.resource).fields)
    page = read_list(call.request, selection, call.resource.storage, call.state_at)
    body = view.many(page.documents, dict(page.metadata), call.env.kinds, call.env.now)
    return Reply(body, keep=page.state)


def watch_objects(call: Call) -> Watch:
    view = call.view
    selection = selection_of(call.request, call.target, call.env.kinds.strategy(call.resource).fields)
    return begin_watch(call.request, selection, view, call.state)
